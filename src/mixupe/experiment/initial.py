"""The model that training starts from: freshly initialised, or with the weights of a finished run (`init_from=ID`)."""

from textwrap import shorten

from torch import nn

from mixupe.data.base import DataBundle
from mixupe.errors import UserError
from mixupe.experiment.identity import ids_of_shorter
from mixupe.experiment.model_file import ModelFile, read_model
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunStore
from mixupe.models.registry import build_model


def initial_model(settings: RunSettings, data: DataBundle) -> nn.Module:
    """On the CPU.

    Raises:
        UserError: the run of `init_from` is not there, its weights do not fit, or it was trained on examples that this run
            holds out.
    """
    model = build_model(settings.model, data.spec, settings.seed)
    if settings.init_from is not None:
        source = read_model(RunStore(settings.output_root).folder(settings.init_from).model, key="init_from")
        _check_split(source, settings, data)
        try:
            model.load_state_dict(source.weights)
        except RuntimeError as error:
            theirs, ours = source.settings, settings
            why = shorten(str(error).splitlines()[1], 200, placeholder=" ...")
            raise UserError(
                f"init_from: the weights of {source.id} ({theirs.dataset.name}, {theirs.model.name}) do not fit"
                f" {ours.model.name} on {ours.dataset.name}: {why}"
            ) from error
    return model


def _check_split(source: ModelFile, settings: RunSettings, data: DataBundle) -> None:
    same_set = source.settings.dataset.name == settings.dataset.name
    if same_set and source.split != data.split_digest:
        raise UserError(
            f"init_from: {source.id} was trained on another split of {settings.dataset.name} (seed"
            f" {source.settings.seed}, protocol {source.settings.protocol}), so on examples that this run holds out; give"
            " the same seed, protocol and dataset keys"
        )


def longer_note(settings: RunSettings) -> str | None:
    """What to say of a run whose like, with fewer epochs, is done: that it is another run. None where there is none."""
    store = RunStore(settings.output_root)
    done = [(epochs, run) for epochs, run in ids_of_shorter(settings).items() if store.folder(run).record.exists()]
    if not done:
        return None
    epochs, run = done[-1]
    return (
        f"note: a schedule spans all epochs, so trainer.epochs={settings.trainer.epochs} is a new run beside {run}"
        f" ({epochs} epochs, done); init_from={run} starts from its weights"
    )
