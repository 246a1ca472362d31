"""Argument checks of the public functions: each raises a ValueError that names the argument and what is wrong and allowed.

Values of tensors are read only on the CPU. On an accelerator reading them would stall the training step; there, torch's
own index checks catch labels and permutations that are out of range.
"""

import math
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation.over_runs import is_batched


def readable(tensor: Tensor) -> bool:
    """Whether the values of a tensor of any shape may be read: without waiting for a device, breaking a compiled graph,
    or asking for one value where it stands for those of several runs.
    """
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling() and not is_batched(tensor)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{name}: must be a torch.Tensor, got {type(value).__name__}")


def check_input(x: Any, batch: int, dims: int | None, what: str) -> None:
    """ValueError unless x is (batch, ...) float with that many axes (None: any); `what` says what it must be."""
    fits = isinstance(x, Tensor) and x.is_floating_point() and x.shape[:1] == (batch,) and dims in (None, x.dim())
    if not fits:
        got = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x: must be {batch} {what} in a floating dtype, got {got}")


def check_alpha(alpha: float) -> None:
    if not (_is_number(alpha) and 0 < alpha < math.inf):  # math.isfinite would cut a compiled step in two
        raise ValueError(f"alpha: must be a finite number > 0, got {alpha!r}")


def check_eta(eta: float) -> None:
    if not (_is_number(eta) and 0 <= eta < math.inf):
        raise ValueError(f"eta: must be a finite number >= 0, got {eta!r}")


def check_threshold(threshold: float) -> None:
    if not _is_number(threshold) or threshold != threshold:  # math.isnan would cut a compiled step in two
        raise ValueError(f"threshold: must be a number, got {threshold!r}")


def check_probability(probability: float) -> None:
    if not (_is_number(probability) and 0 <= probability <= 1):
        raise ValueError(f"probability: must lie in [0, 1], got {probability!r}")


def check_share(name: str, share: float) -> None:
    if not (_is_number(share) and 0 <= share < 1):
        raise ValueError(f"{name}: must lie in [0, 1), got {share!r}")


def check_class_weight(weight: Any) -> None:
    if weight is not None and not (isinstance(weight, Tensor) and weight.dim() == 1):
        raise ValueError(f"weight: must be a torch.Tensor (K,), one weight for each class, or None, got {weight!r}")


def check_per_sample(per_sample: bool) -> None:
    if not isinstance(per_sample, bool):
        raise ValueError(f"per_sample: must be True or False, got {per_sample!r}")


def check_batch_dim(batch_dim: int | None) -> None:
    if batch_dim is not None and (not isinstance(batch_dim, int) or isinstance(batch_dim, bool) or batch_dim < 0):
        raise ValueError(f"batch_dim: must be an axis, 0, 1, ..., or None, got {batch_dim!r}")


def check_mixing(per_sample: bool, probability: float, batch_dim: int | None) -> None:
    check_per_sample(per_sample)
    check_probability(probability)
    check_batch_dim(batch_dim)


def check_mix_at(mix_at: str) -> None:
    if not isinstance(mix_at, str):
        raise ValueError(f"mix_at: must be input or the dotted name of a module, got {mix_at!r}")


def check_criterion(criterion: Any) -> None:
    if not callable(criterion) or isinstance(criterion, type):
        hint = f"; {criterion.__name__}() makes one" if isinstance(criterion, type) else ""
        raise ValueError(f"criterion: must be a function (logits, y) -> loss, got {criterion!r}{hint}")


def check_generator(generator: torch.Generator | None) -> None:
    if generator is not None and not isinstance(generator, torch.Generator):
        raise ValueError(f"generator: must be a torch.Generator or None, got {generator!r}")


def check_lam(lam: float | Tensor, batch: int) -> None:
    """ValueError unless lam is a number or a tensor, 0-d or (batch,), within [0, 1]."""
    if isinstance(lam, Tensor):
        if lam.shape not in ((), (batch,)):
            raise ValueError(
                f"lam: must be one number for the batch (a float or a 0-d tensor) or one for each example, ({batch},),"
                f" got shape {tuple(lam.shape)}"
            )
        if not readable(lam):
            return
        low, high = float(lam.min()), float(lam.max())
    elif _is_number(lam):
        low = high = float(lam)
    else:
        raise ValueError(f"lam: must be a float or a tensor, got {type(lam).__name__}")
    if not 0 <= low <= high <= 1:
        raise ValueError(f"lam: must lie in [0, 1], got {high if low >= 0 else low!r}")


def check_perm(perm: Tensor, batch: int) -> None:
    """ValueError unless perm is (batch,) int64, a permutation."""
    check_tensor("perm", perm)
    if perm.dtype != torch.int64 or perm.shape != (batch,):
        raise ValueError(
            f"perm: must be an int64 tensor of shape ({batch},), got {perm.dtype} of shape {tuple(perm.shape)}"
        )
    if readable(perm) and not torch.equal(perm.sort().values, torch.arange(batch, device=perm.device)):
        raise ValueError(f"perm: is not a permutation of 0 to {batch - 1}")


def check_draws(lam: float | Tensor, perm: Tensor, batch: int) -> None:
    """ValueError unless lam is 0-d or (batch,) and perm (batch,): see `check_lam`, `check_perm`."""
    check_lam(lam, batch)
    check_perm(perm, batch)


def check_penalty_every(penalty_every: int) -> None:
    if not isinstance(penalty_every, int) or isinstance(penalty_every, bool) or penalty_every < 1:
        raise ValueError(f"penalty_every: must be an integer >= 1, got {penalty_every!r}")


def check_x_mean(x_mean: Tensor | None, variant: str, needed: bool) -> None:
    """ValueError unless x_mean is a tensor, or None where it is not needed; its shape shows in the first batch."""
    if x_mean is not None:
        check_tensor("x_mean", x_mean)
    elif needed:
        raise ValueError(f"x_mean: variant {variant} needs the training-set mean of whatever is mixed, got None")
