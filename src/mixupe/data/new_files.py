"""Examples that a trained model has not seen: files read and prepared exactly as its training data were.

What that takes is in `DataBundle.preparation`, found on the training part; nothing is learned from the new files.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mixupe.data.base import DatasetSettings, DataSpec, Preparation, Split
from mixupe.errors import UserError

_READERS = {
    "images": "mixupe.data.images.new_images",
    "tabular": "mixupe.data.tabular.new_rows",
    "speech": "mixupe.data.speech.new_recordings",
    "graphs": "mixupe.data.graphs.new_graphs",
}


@dataclass(frozen=True)
class NewExamples:
    """Attributes:
    kind: what `names` are: file, row, graph, molecule.
    names: n of them, in the order of the split.
    split: their inputs; its labels mean nothing.
    notes: what was changed or left out on the way.
    """

    kind: str
    names: tuple[str, ...]
    split: Split
    notes: tuple[str, ...] = ()


def read_new(source: Any, settings: DatasetSettings, spec: DataSpec, preparation: Preparation | None) -> NewExamples:
    """Args:
        source: a file or folder; a table may be a data frame, images may be Pillow's, molecules SMILES.
        settings: of the data set that the model was trained on.
        spec, preparation: of that data set, as they were then.

    Raises:
        UserError: it cannot be read, or does not hold what the model was trained on.
    """
    if preparation is None:
        raise UserError(f"file: {settings.name} is made in a way that single files cannot be; give inputs as tensors")
    examples: NewExamples = import_module(_READERS[spec.domain]).read(source, settings, spec, preparation)
    return examples
