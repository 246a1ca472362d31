"""Theorem 1 measured on a finished run, along its training."""

from typing import Any

import torch
from torch import Tensor, nn

from mixupe.analysis.measure import Pairs, measured
from mixupe.analysis.network import Frozen
from mixupe.augmentation.config import prototype
from mixupe.augmentation.mix_layer import INPUT
from mixupe.data.base import DataBundle
from mixupe.errors import UserError, first_line
from mixupe.experiment.finished import FinishedRun
from mixupe.experiment.prepare import load_data
from mixupe.experiment.record import code_state
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.snapshots import kept_snapshots, trained_again
from mixupe.models.registry import build_model
from mixupe.rng import generator

# Of a run that mixes nothing.
DEFAULT_ALPHA = 1.0
# Examples that go through the network at once to find what flows into a module.
_BATCH = 256

Analysis = dict[str, Any]


def analyse(run: FinishedRun, pairs: int, snapshots: int | None, alpha: float | None) -> Analysis:
    """What `mixupe.analysis.measure` finds at each snapshot of the run, as JSON values.

    The training part without augmentation: `pairs` examples, drawn without replacement (each again where there are fewer),
    each with a partner drawn from all. Analysed where the run mixes; a run that mixes nothing or at several points: at the
    input, for graphs at the head, whose input is the readout.

    Args:
        run: the run.
        pairs: how many.
        snapshots: how many, by training the run again; None takes its checkpoint.
        alpha: of Beta(alpha, alpha); None takes the run's, 1 where it has none.

    Raises:
        UserError: the data or the checkpoint is not there, or the network cannot be analysed.
    """
    settings = run.settings
    torch.set_num_threads(settings.trainer.threads)
    data = load_data(settings)
    if snapshots is None:
        taken, how, differs = kept_snapshots(run, data), "checkpoint", None
    else:
        taken, differs = trained_again(run, data, snapshots)
        how = "trained again"
    if alpha is None:
        alpha = float(getattr(settings.augmentation, "alpha", DEFAULT_ALPHA))
    mix_at = _mix_layer(settings)
    model = build_model(settings.model, data.spec, settings.seed)
    drawn = _draw(len(data.train.labels), pairs, settings.seed)
    points = []
    for snapshot in taken:
        model.load_state_dict(snapshot.weights)
        points.append({"step": snapshot.step, "epoch": snapshot.epoch, **_measured(model, mix_at, data, drawn, alpha)})
    return {
        **run.about,
        "alpha": alpha,
        "mix_at": mix_at,
        "pairs": pairs,
        "examples": len(data.train.labels),
        "weights": how,
        "differs": differs,
        "code": code_state(),
        "points": points,
    }


def _mix_layer(settings: RunSettings) -> str:
    points = prototype(settings.augmentation).mix_layers
    if len(points) == 1:
        return points[0]
    return "head" if settings.dataset.domain == "graphs" else INPUT


def _draw(examples: int, pairs: int, seed: int) -> tuple[Tensor, Tensor]:
    """Indices of the pairs' examples and partners, (pairs,) int64 each."""
    draws = generator(seed, "analysis")
    own = torch.randperm(examples, generator=draws)
    return own.repeat(-(-pairs // examples))[:pairs], torch.randint(examples, (pairs,), generator=draws)


def _measured(
    model: nn.Module, mix_at: str, data: DataBundle, drawn: tuple[Tensor, Tensor], alpha: float
) -> dict[str, Any]:
    try:
        network = Frozen(model, mix_at)
        return measured(network, _pairs(network, data, *drawn), alpha)
    except (ValueError, NotImplementedError) as error:  # torch has no forward-mode rule for every operation
        raise UserError(f"run: cannot be analysed: {first_line(error)}") from error


def _pairs(network: Frozen, data: DataBundle, own: Tensor, partner: Tensor) -> Pairs:
    y = data.train.labels[own]
    mean = data.train.mean_input()
    if network.mix_at == INPUT and mean is not None:
        x, x_partner = (
            network.representations(data.train.batches(torch.split(index, _BATCH))) for index in (own, partner)
        )
        return Pairs(x, x_partner, y, mean.double())
    everything = torch.split(torch.arange(len(data.train.labels)), _BATCH)
    h = network.representations(data.train.batches(everything))
    return Pairs(h[own], h[partner], y, h.mean(dim=0))
