"""The one interface between a data set of any domain and the training loop."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, Self

from pydantic import Field

from mixupe.settings import Fraction, PositiveInt, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor

DomainName = Literal["images", "tabular", "speech", "graphs"]
ProtocolName = Literal["heldout", "paper"]
# Where the test part comes from: the set has one of its own, a fold of a cross-validation, or drawn by the seed.
TestPart = Literal["own", "fold", "drawn"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# A user's files count by their content (`content_version`), wherever they lie.
OwnPath = Annotated[Path, Field(json_schema_extra={"identity": False})]
# Of a public set, whose rows, images or graphs are the same in every copy.
CopyPath = Annotated[Path | None, Field(json_schema_extra={"identity": False})]
# What new examples must go through before a trained model sees them, found on the training part: plain values and tensors.
Preparation = dict[str, Any]


class Card(Settings):
    """What `scripts/data.py` says of a data set. Not part of a run's identity.

    Attributes:
        examples, classes: their number; None where they depend on the user's files.
        licence: as its owner states it.
        source: where it comes from, in words.
        packages: names in mixupe.data.packages whose files it needs below data.root; empty where it ships with the
            installed packages or comes through a library's own download.
    """

    examples: int | None = None
    classes: int | None = None
    licence: str = "unknown"
    source: str = ""
    packages: tuple[str, ...] = ()


class DatasetSettings(Settings):
    """Keys every data set has; each loader adds its own in a subclass (`mixupe.data.<domain>.settings`).

    Attributes:
        name: shown in tables; part of a run's identity, so that it stays.
        domain: images, tabular, speech or graphs.
        loader: key of mixupe.data.registry.LOADERS, for example `images.digits`, or the import path of another.
        version: raised when the data or the way it is read changes; part of a run's identity.
        test_fraction: share of the examples that is held out for test; None where the set has a test part of its own.
        validation_fraction: share of what is not test that is held out for validation.
        folds: test on fold `seed % folds` of a stratified k-fold instead of a random fraction.
        train_size: keep only that many training examples, stratified; None keeps all.
        label_noise: share of the training examples that get the label of another class.
        card: facts for people.
    """

    name: str
    domain: DomainName
    loader: str
    version: str = "1"
    test_fraction: Fraction | None = 0.2
    validation_fraction: Fraction = 0.2
    folds: Annotated[int, Field(gt=1, strict=True)] | None = None
    train_size: PositiveInt | None = None
    label_noise: Annotated[float, Field(ge=0, lt=1, json_schema_extra={"identity_default": 0.0})] = 0.0
    card: Card = Card()


@dataclass(frozen=True)
class DataRequest:
    """What a loader is asked for besides its own settings.

    Attributes:
        root: the cache folder `data.root`.
        seed: of the run; the split is a function of it.
        protocol: `heldout`, or `paper` (train on all but the test part, validate on the test part).
    """

    root: Path
    seed: int
    protocol: ProtocolName


@dataclass(frozen=True)
class DataSpec:
    """What a model must know of the data; flows to it without the user writing it.

    Attributes:
        domain: images, tabular, speech or graphs.
        class_names: K names, in the order of the class indices.
        input_shape: of one example. images (C, H, W); tabular (D,); speech (1, mels, frames); graphs (node features,).
        categorical_blocks: tabular only: [start, stop) of each one-hot block among the D columns.
        edge_features: graphs only: number of edge features, 0 for none.
    """

    domain: DomainName
    class_names: tuple[str, ...]
    input_shape: tuple[int, ...]
    categorical_blocks: tuple[tuple[int, int], ...] = ()
    edge_features: int = 0

    @property
    def num_classes(self) -> int:
        return len(self.class_names)


class Split(Protocol):
    """One part (train, validation or test) of a data set."""

    @property
    def labels(self) -> Tensor:
        """(N,) int64 class indices, on the CPU."""

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Any, Tensor]]:
        """Inputs and labels of each batch, on the split's device, ready for the model.

        Args:
            indices: (B,) int64 CPU tensors, one a batch.
            augment: draws crops, flips and the like; None means the examples as they are.
            skip: numbers (0-based) of batches to leave out; the others are what they would be without it.

        Yields:
            inputs (a (B, ...) float32 tensor, or a batch of graphs) and labels (B,) int64.
        """

    def mean_input(self) -> Tensor | None:
        """Mean of the inputs as the model sees them, shape of one example; None where inputs have no mean (graphs)."""

    def to(self, device: torch.device) -> Self:
        """The same split with its data on `device`."""


@dataclass(frozen=True)
class DataBundle:
    """A loaded data set.

    Attributes:
        spec: sizes and names for the model.
        train, validation, test: the parts; statistics such as means come from train only.
        split_digest: SHA-256 over the three index lists; two runs with the same digest saw the same split.
        test_part: whether other seeds have the same test part.
        notes: what was skipped, imputed or merged on the way, one sentence each; shown to the user and recorded.
        ids: part (train, validation, test) -> (n,) numbers of its examples in the whole set; a part that is not there is
            numbered by itself.
        preparation: of new examples, for `mixupe.data.new_files`; None where no new file can be read.
    """

    spec: DataSpec
    train: Split
    validation: Split
    test: Split
    split_digest: str
    test_part: TestPart = "drawn"
    notes: tuple[str, ...] = ()
    ids: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    preparation: Preparation | None = None
