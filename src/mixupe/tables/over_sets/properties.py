"""What a data set is like: its size, dimension and classes, and whether its network has BatchNorm.

Records do not say all of it, so it is read from the data once, by `python scripts/table.py NAME --properties`, and kept
beside the table, which is built from files alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from mixupe.errors import UserError
from mixupe.experiment.settings import RunSettings
from mixupe.files import write_text

PROPERTIES_FILE = "properties.csv"


@dataclass(frozen=True)
class SetProperties:
    """What is known of a data set and its network.

    Attributes:
        dataset: name of the set.
        train: training examples of seed 0.
        inputs: numbers that an example consists of; of graphs, node features times the mean number of nodes.
        classes: their number.
        majority: share of the commonest class among the training examples.
        batch_norm: whether the network has BatchNorm.
    """

    dataset: str
    train: int
    inputs: float
    classes: int
    majority: float
    batch_norm: bool


def properties_of(settings: RunSettings) -> SetProperties:
    """Read from the data, which must be there, with the run's seed.

    Raises:
        UserError: it is not.
    """
    import torch
    from torch import nn

    from mixupe.data.base import DataRequest
    from mixupe.data.graphs.flat import FlatGraphs
    from mixupe.data.registry import load_dataset
    from mixupe.experiment.initial import initial_model

    data = load_dataset(settings.dataset, DataRequest(settings.data.root, settings.seed, settings.protocol))
    inputs = float(torch.tensor(data.spec.input_shape).prod())
    if isinstance(data.train, FlatGraphs):
        inputs *= float(data.train.node_offsets.diff().double().mean())
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    return SetProperties(
        dataset=settings.dataset.name,
        train=len(data.train.labels),
        inputs=inputs,
        classes=data.spec.num_classes,
        majority=float(torch.bincount(data.train.labels).max()) / len(data.train.labels),
        batch_norm=any(isinstance(module, norms) for module in initial_model(settings, data).modules()),
    )


def write_properties(folder: Path, found: Sequence[SetProperties]) -> Path:
    """The file in the table's folder, sorted by name."""
    frame = pd.DataFrame(
        [asdict(properties) for properties in sorted(found, key=lambda properties: properties.dataset)]
    )
    path = folder / PROPERTIES_FILE
    write_text(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    return path


def read_properties(folder: Path) -> dict[str, SetProperties]:
    """By name; empty where the file is not there.

    Raises:
        UserError: it is damaged.
    """
    path = folder / PROPERTIES_FILE
    if not path.exists():
        return {}
    try:
        frame = pd.read_csv(path, dtype={"dataset": str, "batch_norm": bool})
        names = [field.name for field in fields(SetProperties)]
        return {str(row[0]): SetProperties(*row) for row in frame[names].itertuples(index=False, name=None)}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read ({error}); write it anew with --properties") from error
