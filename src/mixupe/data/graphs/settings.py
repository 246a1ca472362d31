"""Settings of sets of graphs, apart from what loads them, which needs torch."""

from typing import Annotated, Literal

from pydantic import Field

from mixupe.data.base import CopyPath, DatasetSettings, OwnPath, Sha256
from mixupe.settings import Fraction, NonNegativeInt


class TUSettings(DatasetSettings):
    """Keys of every set in TUDataset's format. Labels of nodes and edges are always used, where there are any.

    Equal graphs are not kept on one side of a split: the published protocols of these sets do not do it either.

    Attributes:
        node_attributes, edge_attributes: use the continuous attributes, where there are any; standardised by the
            training graphs.
        undirected: add the other direction of edges that are listed in one only; it gets the same features.
        max_degree: where nodes have neither labels nor used attributes, their feature is their number of incoming
            edges, one-hot; this and all larger ones share a column. null gives each number that occurs its own, as the GIN
            paper.
    """

    node_attributes: bool = Field(default=True, strict=True)
    edge_attributes: bool = Field(default=True, strict=True)
    undirected: bool = Field(default=False, strict=True, json_schema_extra={"identity_default": False})
    max_degree: NonNegativeInt | None = 100


class ChEMBL(DatasetSettings):
    """Keys of the sets of MoleculeACE.

    Attributes:
        target: ChEMBL id and measure of one of MoleculeACE's files, for example CHEMBL204_Ki.
    """

    target: Annotated[str, Field(pattern=r"^CHEMBL\d+_(Ki|EC50)$")]
    test_fraction: Fraction | None = None


class TUFolderSettings(TUSettings):
    """Keys of a user's own graphs.

    Attributes:
        path: folder with NAME_A.txt, NAME_graph_indicator.txt, NAME_graph_labels.txt and options, for one NAME; or one
            with such a folder `raw` in it, as PyTorch Geometric lays a set out.
    """

    path: OwnPath


class TUSet(TUSettings):
    """Keys of the public sets in TUDataset's format.

    Attributes:
        tu_name: the collection's name of the set; its files lie in `data.root/TUDataset/<tu_name>/raw`, the layout of
            `torch_geometric.datasets.TUDataset`.
        origin: `tudataset`, or `grakel` for the files inside that package.
        files_sha256: of the files' contents, as it stands in the notes of every record; null checks only the counts of
            the card.
        content_sha256: of the graphs, as `content.graph_content` gives it: the same graphs in any order, in files written
            in any way, are one set, one split and one run. null takes them in the order of the files.
        path: folder or archive with the files, at any depth; used before anything else.
    """

    tu_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    origin: Literal["tudataset", "grakel"] = "tudataset"
    files_sha256: Sha256 | None = None
    content_sha256: Annotated[Sha256 | None, Field(json_schema_extra={"identity_default": None})] = None
    path: CopyPath = None


# By key of mixupe.data.registry.LOADERS.
SETTINGS: dict[str, type[DatasetSettings]] = {
    "graphs.b3db": DatasetSettings,
    "graphs.chembl": ChEMBL,
    "graphs.solubility": DatasetSettings,
    "graphs.tu_folder": TUFolderSettings,
    "graphs.tu_sets": TUSet,
}
