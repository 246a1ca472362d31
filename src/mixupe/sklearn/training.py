"""Training in memory: the framework's step, schedule and choice of the best epoch, without its files."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.augmentation.method import Method
from mixupe.data.tensors import TensorSplit
from mixupe.evaluation.classification import predict
from mixupe.models.dropout import Dropout
from mixupe.rng import generator
from mixupe.sklearn.settings import SCHEDULE, FitSettings
from mixupe.training.batches import batch_indices
from mixupe.training.loop import Best, EpochMetrics
from mixupe.training.optimizer import build_optimizer, build_scheduler
from mixupe.training.step import Batch, Step


def train_in_memory(
    model: nn.Module,
    method: Method,
    train: TensorSplit,
    validation: TensorSplit | None,
    settings: FitSettings,
    weights: Tensor | None,
    seed: int,
    on_epoch: Callable[[int, EpochMetrics], None],
) -> Best:
    """Train the model, and leave it with the weights of its best epoch (without validation, of the last).

    All draws are functions of the seed and of nothing else: torch's global generator is neither read nor moved, so
    threads may train at once.

    Args:
        model: on the device of the splits.
        method: the loss.
        train: at least two examples.
        validation: what the best epoch is chosen on.
        settings: checked.
        weights: (K,) of the classes, for validation; the method has its own.
        seed: of the streams order, mix and dropout.
        on_epoch: is told each epoch and its metrics.

    Returns:
        the best epoch; its number is 0 without validation.

    Raises:
        ValueError: the loss became NaN or infinite.
    """
    examples = len(train.labels)
    steps = len(list(batch_indices(torch.arange(examples), settings.batch_size)))
    optimizer = build_optimizer(settings.optimizer, model)
    scheduler = build_scheduler(SCHEDULE, optimizer, settings.epochs, steps)

    def loss_of(batch: Batch) -> tuple[Tensor, Tensor]:
        result = method(model, batch.inputs, batch.labels, generator=batch.draws)
        return result.loss, result.penalty

    step = Step(loss_of, list(model.parameters()), optimizer, scheduler)
    best = Best()
    for epoch in range(settings.epochs):
        model.train()
        _drop_by(model, generator(seed, "dropout", epoch))
        order = torch.randperm(examples, generator=generator(seed, "order", epoch))
        batches = train.batches(batch_indices(order, settings.batch_size))
        losses = [
            step([Batch(x, y, generator(seed, "mix", number))]) for number, (x, y) in enumerate(batches, epoch * steps)
        ]
        loss, penalty = torch.stack(losses).double().mean(dim=0).tolist()
        _check_finite("loss", loss, epoch)
        metrics = {"train_loss": loss, "penalty": penalty}
        if validation is not None:
            error, validation_loss = _weighted(*predict(model, validation, check=lambda: None), weights)
            _check_finite("validation loss", validation_loss, epoch)  # the last step may have made it diverge
            best.offer(epoch + 1, error, validation_loss, model.state_dict())
            metrics |= {"validation_loss": validation_loss, "validation_error": error}
        on_epoch(epoch + 1, metrics)
        waited = epoch + 1 - best.epoch
        if validation is not None and settings.patience is not None and waited >= settings.patience:
            break
    if best.model:
        model.load_state_dict(best.model)
    _drop_by(model, None)
    return best


def _check_finite(name: str, loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise ValueError(f"the {name} became {loss} in epoch {epoch + 1}; a smaller learning_rate or eta may help")


def _drop_by(model: nn.Module, draws: torch.Generator | None) -> None:
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = draws


def _weighted(logits: Tensor, labels: Tensor, weights: Tensor | None) -> tuple[float, float]:
    """Error in percent and cross-entropy in nats, each example weighted as its class."""
    weight = torch.ones(len(labels)) if weights is None else weights[labels.cpu()]
    wrong = (logits.argmax(dim=1) != labels).cpu()
    total = weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
    losses = F.cross_entropy(logits, labels, reduction="none").cpu()
    return float((weight * wrong).sum() / total * 100), float((weight * losses).sum() / total)
