"""What flows into a module of a model, caught and changed on its way by forward hooks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import checkpoint

Hook = Callable[..., Any]


@dataclass
class Flow:
    """One call of the module.

    Attributes:
        h: (B, ...) its first positional argument, before any change.
        others, named: its other arguments.
        is_last: whether the model returned the module's output as it was, so that the module alone gives the logits of h.
    """

    h: Tensor
    others: tuple[Any, ...]
    named: dict[str, Any]
    is_last: bool = False


def run(
    model: nn.Module,
    x: Any,
    name: str,
    batch: int,
    change: Callable[[Tensor], Tensor],
) -> tuple[Any, Flow]:
    """model(x) with h -> change(h) where h flows into the module `name`: the output, and what flowed.

    Args:
        model: any.
        x: its input.
        name: of one of its modules.
        batch: B, the rows that h must have.
        change: gives what flows on.

    Raises:
        ValueError: h is no floating-point tensor of B rows, or the module did not run, ran twice or under checkpointing.
    """
    flows: list[Flow] = []
    outputs: list[tuple[Any, int | None]] = []
    recorded = torch.is_grad_enabled()

    def enter(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        if flows:
            raise ValueError(f"mix_at: module {name!r} runs more than once in a forward pass")
        if recorded and _runs_again():
            raise ValueError(
                f"mix_at: module {name!r} runs inside activation checkpointing, which runs it again in the backward pass"
                " without the mixing; mix outside of the checkpointed part, or switch checkpointing off"
            )
        h = _checked(model, name, args, batch)
        flows.append(Flow(h, args[1:], kwargs))
        return (change(h), *args[1:]), kwargs

    def leave(_module: nn.Module, _args: Any, output: Any) -> None:
        outputs.append((output, _version(output)))

    with _hooks(model.get_submodule(name), enter, leave):
        output = model(x)
    if not flows:
        raise ValueError(f"mix_at: module {name!r} did not run in the forward pass")
    made, version = outputs[-1]
    flows[0].is_last = output is made and version == _version(output)
    return output, flows[0]


def _version(output: Any) -> int | None:
    """Counts changes in place."""
    return output._version if isinstance(output, Tensor) and not output.is_inference() else None


_APPLY = torch.autograd.Function.apply.__func__.__code__  # type: ignore[attr-defined]


def _runs_again() -> bool:
    """Is the hook that calls this inside a checkpoint of torch's, or an autograd function such as others' are?"""
    frame = sys._getframe(1)
    while frame.f_code is not run.__code__:
        if frame.f_code is _APPLY or frame.f_code.co_filename == checkpoint.__file__:
            return True
        assert frame.f_back is not None
        frame = frame.f_back
    return False


def _checked(model: nn.Module, name: str, args: tuple[Any, ...], batch: int) -> Tensor:
    h = args[0] if args else None
    if not isinstance(h, Tensor) or not h.is_floating_point():
        raise ValueError(f"mix_at: what flows into {name!r} is not a floating-point tensor and cannot be mixed")
    if h.dim() == 3 and _is_sequence_first(model, name):
        raise ValueError(
            f"mix_at: {name!r} takes the sequence first, (T, B, D), and would be mixed along time; build it with"
            " batch_first=True, or mix where examples come first"
        )
    if h.shape[:1] != (batch,):
        raise ValueError(
            f"mix_at: what flows into {name!r} has shape {tuple(h.shape)}, which is not one row for each of the {batch}"
            " examples; mix where examples come first (graphs: after the readout)"
        )
    return h


_TRANSFORMERS = (
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)


def _is_sequence_first(model: nn.Module, name: str) -> bool:
    """Whether torch's own module `name`, or one of torch's transformers around it, was built with batch_first=False."""
    module = model.get_submodule(name)
    while isinstance(module, nn.Sequential) and len(module):
        module = module[0]
    if isinstance(module, nn.MultiheadAttention | nn.RNNBase):
        return not module.batch_first
    path = name.split(".")
    around = [module, *(model.get_submodule(".".join(path[:depth])) for depth in range(len(path)))]
    attentions = (one for part in around if isinstance(part, _TRANSFORMERS) for one in part.modules())
    return any(isinstance(one, nn.MultiheadAttention) and not one.batch_first for one in attentions)


@contextmanager
def _hooks(module: nn.Module, enter: Hook, leave: Hook) -> Iterator[None]:
    handles = [
        # Before any hook of the user's, which then sees what flows on, as it would in a pass of the module alone.
        module.register_forward_pre_hook(enter, prepend=True, with_kwargs=True),
        module.register_forward_hook(leave),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
