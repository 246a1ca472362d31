"""What every method returns, and the criteria they can share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe.augmentation import checks
from mixupe.augmentation.output import logits_of as logits_of


@dataclass(frozen=True)
class MixedLoss:
    """The loss of one batch and the parts it is made of.

    Attributes:
        loss: 0-d tensor to call `backward()` on.
        logits: (B, K) logits of the mixed pass (of the only pass, where nothing is mixed); float32 or wider.
        mixup_loss: 0-d tensor, the part without penalty (L_mix).
        penalty: 0-d tensor, MixupE's R before eta and c; 0 for the other methods.
        lam: 0-d or (B,), as drawn or given, on the device of the batch; None where nothing is mixed.
        perm: (B,) int64, the partner of each example; None where nothing is mixed.
        targets: (B,) class indices or (B, K) probabilities; None where the targets are neither.
    """

    loss: Tensor
    logits: Tensor
    mixup_loss: Tensor
    penalty: Tensor
    lam: Tensor | None = None
    perm: Tensor | None = None
    targets: Tensor | None = None

    @torch.no_grad()
    def accuracy(self) -> Tensor:
        """The share of right predictions as mixup's code reports it, a 0-d tensor: lam right(y) + (1 - lam) right(y[perm]).

        It tells how training goes, and is not comparable with accuracy on clean examples.

        Raises:
            ValueError: the targets are neither class indices nor probabilities.
        """
        if self.targets is None:
            raise ValueError("accuracy: needs class indices or probabilities as targets")
        y = self.targets if self.targets.dim() == 1 else self.targets.argmax(dim=1)
        predicted = self.logits.argmax(dim=1)
        right = (predicted == y).to(self.logits.dtype)
        if self.lam is None or self.perm is None:
            return right.mean()
        partner_right = (predicted == y[self.perm]).to(self.logits.dtype)
        return (self.lam * right + (1 - self.lam) * partner_right).mean()


def loss_dtype(dtype: torch.dtype) -> torch.dtype:
    """One that is safe for softmax and sums: float32 for half and bfloat16."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def in_loss_precision(values: Tensor) -> Tensor:
    """The same, of any shape, in `loss_dtype`."""
    return values.to(loss_dtype(values.dtype))


# (logits (B, K), y) -> 0-d loss, linear in the target, or a loss for each example, (B,) or (B, ...), which is averaged.
Criterion = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, the criterion of every method unless another is asked for; a 0-d tensor.

    Args:
        logits: (B, K), float.
        y: (B,) class indices or (B, K) probabilities.
    """
    if y.dim() == 1:
        return F.cross_entropy(logits, y)
    target = y.to(logits.dtype)
    return F.cross_entropy(with_masked_classes(logits, target), target)


def with_masked_classes(logits: Tensor, share: Tensor) -> Tensor:
    """The same, (..., B, K), but the lowest finite number for the -inf of a class that a model masks, where `share` is 0.

    The product of both is then 0, its limit, and so is its gradient; 0 times -inf would make both NaN. A masked class of
    another share, such as the label, keeps its -inf: that loss is infinite.
    """
    return torch.where(logits.isneginf() & (share == 0), torch.finfo(logits.dtype).min, logits)


def bce_softmax(logits: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy on the softmax, the mean over classes and examples; a 0-d tensor, arguments as above.

    The authors' public code trains its vanilla, cutout and hidden-mixup baselines with it, but mixup and MixupE with
    cross-entropy. Its gradient shrinks with the number of classes.
    """
    probabilities = logits.softmax(dim=1)
    with torch.autocast(logits.device.type, enabled=False):  # autocast refuses it, though logits are float32 already
        return F.binary_cross_entropy(probabilities, as_probabilities(y, logits))


CRITERIA: dict[str, Criterion] = {"cross_entropy": cross_entropy, "bce_softmax": bce_softmax}


def is_own(criterion: Criterion) -> bool:
    """Whether it is one of CRITERIA, or by functools.wraps says that it computes one: it takes probabilities too."""
    own = getattr(criterion, "__wrapped__", criterion)
    return any(own is built_in for built_in in CRITERIA.values())


class CrossEntropy(nn.Module):
    """Cross-entropy with class weights and label smoothing: a loss for each example, (B,).

    Its mean over a batch is the sum of w_y CE over B, where torch's own divides by the sum of the weights: so it is
    linear in the target, and an example counts the same whatever the rest of its batch.

    Args:
        weight: (K,) weight of each class; None weighs all alike.
        label_smoothing: in [0, 1), the share of the target that is spread over all classes.

    Raises:
        ValueError: an argument is wrong; the message names it. A weight of another number of classes is torch's error.
    """

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__()
        checks.check_class_weight(weight)
        checks.check_share("label_smoothing", label_smoothing)
        self.register_buffer("weight", weight)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, y: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.to(logits, non_blocking=True)
        target = y if y.dim() == 1 else y.to(logits.dtype)
        if y.dim() > 1 and self.label_smoothing == 0:
            logits = with_masked_classes(logits, target)
        return F.cross_entropy(logits, target, weight, label_smoothing=self.label_smoothing, reduction="none")


def as_probabilities(y: Tensor, logits: Tensor) -> Tensor:
    """y, (..., B) class indices or (..., B, K) probabilities, as probabilities (..., B, K) in the dtype of the logits."""
    if y.dim() == logits.dim():
        return y.to(logits.dtype)
    # F.one_hot would read the labels to check their range, which has been done.
    return torch.zeros_like(logits).scatter(-1, y.unsqueeze(-1), 1.0)


def plain_criterion(logits: Tensor, y: Tensor, criterion: Criterion) -> Tensor:
    """The criterion of the batch, a 0-d tensor."""
    loss = _checked(criterion(logits, y), len(y))
    return loss if loss.dim() == 0 else loss.mean()


def mixed_criterion(logits: Tensor, y: Tensor, lam: Tensor, perm: Tensor, criterion: Criterion) -> Tensor:
    """lam criterion(logits, y) + (1 - lam) criterion(logits, y[perm]), a 0-d tensor.

    Raises:
        ValueError: lam is (B,) and the criterion gives no loss for each example.
    """
    if lam.dim() == 0:
        return lam * plain_criterion(logits, y, criterion) + (1 - lam) * plain_criterion(logits, y[perm], criterion)
    if is_own(criterion):  # linear in the target
        share, own = lam.unsqueeze(1).to(logits.dtype), as_probabilities(y, logits)
        return criterion(logits, share * own + (1 - share) * own[perm])
    first, second = _per_example(criterion, logits, y), _per_example(criterion, logits, y[perm])
    return (lam * first + (1 - lam) * second).mean()


def _per_example(criterion: Criterion, logits: Tensor, y: Tensor) -> Tensor:
    loss = _checked(criterion(logits, y), len(y))
    if loss.dim() == 0:
        raise ValueError(
            "criterion: must return a loss for each example where each has its own lam (reduction='none'), got one number"
        )
    return loss.flatten(1).mean(dim=1) if loss.dim() > 1 else loss


def _checked(loss: Any, batch: int) -> Tensor:
    if not isinstance(loss, Tensor) or (loss.dim() > 0 and len(loss) != batch):
        got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"criterion: must return one loss, 0-d, or one for each of the {batch} examples, got {got}")
    return loss
