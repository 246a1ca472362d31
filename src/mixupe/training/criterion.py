"""The criterion of a run: `trainer.criterion` with its class weights and label smoothing."""

import torch
from torch import Tensor

from mixupe.augmentation.loss import CRITERIA, Criterion, CrossEntropy
from mixupe.data.base import DataBundle
from mixupe.errors import UserError
from mixupe.training.settings import TrainerSettings


def build_criterion(settings: TrainerSettings, data: DataBundle) -> Criterion:
    """The function (logits, y) -> loss.

    Raises:
        UserError: there is not one weight for each class.
    """
    if settings.class_weights is None and settings.label_smoothing == 0:
        return CRITERIA[settings.criterion]
    return CrossEntropy(_weights(settings, data), settings.label_smoothing)


def _weights(settings: TrainerSettings, data: DataBundle) -> Tensor | None:
    """(K,); balanced ones are n / (K n_k), so that their mean over the training split is 1."""
    classes = data.spec.num_classes
    if settings.class_weights is None:
        return None
    if settings.class_weights == "balanced":
        counts = torch.bincount(data.train.labels.cpu(), minlength=classes)
        return len(data.train.labels) / (classes * counts.clamp_min(1))
    if len(settings.class_weights) != classes:
        raise UserError(
            f"trainer.class_weights: must have one weight for each of the {classes} classes, got"
            f" {len(settings.class_weights)}"
        )
    return torch.tensor(settings.class_weights)
