"""The logits within what a model returns."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def unwrapped(output: Any, rows: int) -> Tensor:
    """The logits of a model's output, as they are.

    They are the output itself; or its `logits`, an attribute or key, as in the outputs of transformers and torchvision;
    or of a tuple, list or dict the one floating-point tensor of shape (rows, K).

    Raises:
        ValueError: there are none, or several; the message names the model.
    """
    if isinstance(output, Tensor):
        return output
    named = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return named
    parts = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    found: list[Tensor] = [part for part in parts if _may_be_logits(part, rows)]
    if len(found) != 1:
        raise ValueError(
            f"model: must return a tensor, logits of shape (B, K), got {type(output).__name__} with {len(found)} of them;"
            " say which with forward, for example forward=lambda model, x: model(x)[0]"
        )
    return found[0]


def _may_be_logits(part: Any, rows: int) -> bool:
    return isinstance(part, Tensor) and part.is_floating_point() and part.dim() == 2 and len(part) == rows


def logits_of(output: Any, rows: int, of_classes: bool = True) -> Tensor:
    """The logits in what a model returned for `rows` examples, (rows, K), float32 or wider.

    Args:
        output: see `unwrapped`.
        rows: B.
        of_classes: whether they must be (B, K); what a criterion of another kind compares may have any shape (B, ...).

    Raises:
        ValueError: it is something else; the message names the model.
    """
    logits = unwrapped(output, rows)
    if logits.shape[:1] != (rows,) or (of_classes and logits.dim() != 2):
        shape = "logits of shape (B, K)" if of_classes else "(B, ...)"
        raise ValueError(f"model: must return {shape} with B = {rows} as in its input, got {tuple(logits.shape)}")
    if not logits.is_floating_point():
        raise ValueError(f"model: must return logits in a floating dtype, got {logits.dtype}")
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
