"""A trained model as an object: `load_run(id)` and then `predict`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from mixupe.data.new_files import NewExamples, read_new
from mixupe.errors import UserError, first_line
from mixupe.evaluation.classification import evaluation_batch, predict
from mixupe.experiment.model_file import ModelFile, read_model
from mixupe.experiment.store import RunStore


@dataclass(frozen=True)
class TrainedModel:
    """A finished run's model of its best-validation epoch, with the preparation its training data had.

    Attributes:
        id: of the run.
        model: the network, inputs -> logits (n, K), in evaluation mode.
        classes: K names, in the order of the logits.
        file: all that is known of it.
    """

    id: str
    model: nn.Module
    classes: tuple[str, ...]
    file: ModelFile

    def read(self, source: Any) -> NewExamples:
        """New examples with their names and what was changed on the way.

        Args:
            source: images: a file, a folder, an image of Pillow's or a list of them; tables: a CSV or Parquet file or a data
                frame; recordings: a file or a folder; graphs: a folder in TUDataset's format; molecules: a text file or a
                list of SMILES.

        Raises:
            UserError: it cannot be read or does not fit the model; one line that says why.
        """
        return read_new(source, self.file.settings.dataset, self.file.spec, self.file.preparation)

    def transform(self, source: Any) -> Any:
        """What `model` takes: a (n, ...) float32 tensor, or a batch of graphs. Source and errors as of `read`."""
        split = self.read(source).split
        inputs, _ = next(iter(split.batches([torch.arange(len(split.labels))])))
        return inputs

    def predict(self, source: Any) -> pd.DataFrame:
        """Probabilities: a row an example, with its name, `predicted`, and a column `p_CLASS` for each class.

        Source and errors as of `read`.
        """
        return self.probabilities_of(self.read(source))

    def probabilities_of(self, examples: NewExamples) -> pd.DataFrame:
        """As `predict`, of examples that have been read."""
        device = next(self.model.parameters()).device
        batch = evaluation_batch(self.file.spec.input_shape)
        logits, _ = predict(self.model, examples.split.to(device), batch=batch)
        probabilities: Tensor = logits.double().softmax(dim=1).cpu()
        predicted = [self.classes[index] for index in logits.argmax(dim=1).tolist()]
        named = dict(zip((f"p_{name}" for name in self.classes), probabilities.T.numpy(), strict=True))
        return pd.DataFrame({examples.kind: examples.names, "predicted": predicted, **named})


def load_run(run: str | Path, output_root: str | Path = "outputs", device: str = "cpu") -> TrainedModel:
    """The model of a finished run, for new examples; the data it was trained on is not needed.

    Nothing in the file can run code (`torch.load(weights_only=True)`), but the model's builder is imported by its name.

    Args:
        run: its id or the beginning of it, its folder, or a model.pt, which may have been copied elsewhere.
        output_root: of the run store.
        device: where the model goes.

    Raises:
        UserError: there is no such run, it has no model.pt, or this machine has no such device.
    """
    file = read_model(_model_path(str(run), RunStore(Path(output_root))))
    try:
        network = file.network().to(device)
    except (RuntimeError, AssertionError) as error:  # the latter of a torch that is built without CUDA
        raise UserError(f"device: {device!r} cannot be used here, cpu can: {first_line(error)}") from error
    return TrainedModel(file.id, network, file.spec.class_names, file)


def _model_path(run: str, store: RunStore) -> Path:
    path = Path(run)
    if path.is_file():
        return path
    if path.is_dir():
        return path / "model.pt"
    found = store.beginning(run)
    if len(found) != 1:
        several = f"begins {len(found)} ids" if found else "is neither an id"
        raise UserError(f"run: {run!r} {several}{'' if found else f' in {store.runs} nor a file'}")
    return found[0].model
