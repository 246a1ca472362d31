"""Wrong labels in the training part, to see what a method makes of them; validation and test keep theirs."""

from dataclasses import is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from mixupe.data.base import DataBundle
from mixupe.errors import UserError
from mixupe.rng import generator


def with_label_noise(data: DataBundle, share: float, seed: int) -> DataBundle:
    """The data set with that share of its training labels wrong, and a note that says how many.

    Every method sees the same wrong labels at a seed.

    Args:
        data: its training part is a dataclass with `targets`, as all of this package are.
        share: in (0, 1), of the training examples, drawn without regard to their classes; symmetric noise: each gets
            another class, all others being as likely.
        seed: of the run.

    Raises:
        UserError: the training part is of another make.
    """
    part: object = data.train
    if not is_dataclass(part) or not hasattr(part, "targets"):
        raise UserError("dataset.label_noise: needs a training part with `targets`, a field of a dataclass")
    train: Any = data.train
    noisy = noisy_labels(train.labels, data.spec.num_classes, share, generator(seed, "label-noise"))
    wrong = int((noisy != train.labels).sum())
    note = f"label noise: {wrong} of {len(noisy)} training labels are another class's"
    changed = replace(train, targets=noisy.to(train.targets.device))
    return replace(data, train=changed, notes=(*data.notes, note))


def noisy_labels(labels: Tensor, classes: int, share: float, generator: torch.Generator) -> Tensor:
    """(N,) int64 `labels` of which round(share N) are another class, drawn with `generator` (on the CPU)."""
    count = round(share * len(labels))
    chosen = torch.randperm(len(labels), generator=generator)[:count]
    steps = torch.randint(1, classes, (count,), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = (labels[chosen] + steps) % classes
    return noisy
