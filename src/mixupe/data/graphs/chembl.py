"""Activity of molecules on one protein, measured values from ChEMBL as MoleculeACE curated and split them.

The values become two classes at the median of the set's own training part, so the test part decides nothing.
"""

from typing import Annotated

import pandas as pd
from pydantic import Field

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.graphs.molecules import Molecules, molecule_bundle
from mixupe.data.packages import package_path
from mixupe.settings import Fraction, UserError

CLASSES = ("weak", "strong")


class Config(DatasetSettings):
    """Attributes:
    target: ChEMBL id and measure of one of MoleculeACE's files, for example CHEMBL204_Ki.
    """

    target: Annotated[str, Field(pattern=r"^CHEMBL\d+_(Ki|EC50)$")]
    test_fraction: Fraction | None = None


def load(config: Config, request: DataRequest) -> DataBundle:
    folder = package_path("moleculeace", request.root) / "MoleculeACE" / "Data" / "benchmark_data"
    path = folder / f"{config.target}.csv"

    def read() -> Molecules:
        # y is -log10 of the concentration in nM: the larger, the stronger.
        table = pd.read_csv(path, usecols=["smiles", "y", "split"], dtype={"smiles": str, "y": float, "split": str})
        if table.isna().any(axis=None) or not table["split"].isin(["train", "test"]).all():
            raise UserError(f"dataset: {path} must have smiles, y and split (train or test) in every row")
        is_test = table["split"] == "test"
        median = table["y"][~is_test].median()
        return Molecules(table["smiles"].tolist(), (table["y"] > median).astype(int).tolist(), is_test.tolist())

    return molecule_bundle([path], read, CLASSES, config, request)
