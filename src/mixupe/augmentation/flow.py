"""What flows into a module of a model, caught and changed on its way by forward hooks."""

import inspect
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import checkpoint
from torch.utils._pytree import tree_leaves

from mixupe.augmentation.output import unwrapped
from mixupe.augmentation.place import Place

Hook = Callable[..., Any]


@dataclass
class Flow:
    """One call of the module.

    Attributes:
        h: its first argument, before any change; (B, ...) float, or with the examples along another axis.
        args, named: all its arguments.
        is_last: whether the model returned the module's output as it was, and what it computes with outside of the model
            too, so that the module alone gives the logits of h.
    """

    h: Tensor
    args: tuple[Any, ...]
    named: dict[str, Any]
    is_last: bool = False

    def arguments(self, h: Tensor) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """All arguments, with `h` wherever the first one stood: attention to oneself has it as query, key and value."""
        args = tuple(h if value is self.h else value for value in self.args)
        return args, {name: h if value is self.h else value for name, value in self.named.items()}

    def others(self) -> list[tuple[str, Tensor]]:
        """The tensors among the other arguments, with the name or number of each; tuples, lists, dicts are looked into."""
        named = [*((str(number), value) for number, value in enumerate(self.args)), *self.named.items()]
        parts = [(name, part) for name, value in named for part in tree_leaves(value)]
        return [(name, part) for name, part in parts if isinstance(part, Tensor) and part is not self.h]


def run(
    forward: Callable[[], Any],
    place: Place,
    batch: int,
    change: Callable[[Tensor], Tensor],
    allow_others: bool,
) -> tuple[Tensor, Flow]:
    """forward() with h -> change(h) where h flows into a module of the model that it calls: the logits, and what flowed.

    Args:
        forward: calls the model.
        place: the module.
        batch: B, the rows that h must have along the place's axis of examples.
        change: gives what flows on, of the same shape.
        allow_others: whether other arguments of the module may hold a row for each example.

    Raises:
        ValueError: h is no floating-point tensor of B rows, another argument has B rows, the model returned no logits, or
            the module did not run, ran twice or under checkpointing.
    """
    flows: list[Flow] = []
    outputs: list[tuple[Any, int | None, list[object]]] = []
    recorded = torch.is_grad_enabled()
    name = place.name

    def enter(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        if flows:
            raise ValueError(f"mix_at: module {name!r} runs more than once in a forward pass")
        if recorded and _runs_again():
            raise ValueError(
                f"mix_at: module {name!r} runs inside activation checkpointing, which runs it again in the backward pass"
                " without the mixing; mix outside of the checkpointed part, or switch checkpointing off"
            )
        h = place.checked(_first(place.module, args, kwargs), batch)
        flows.append(Flow(h, args, kwargs))
        if not allow_others:
            place.check_others(flows[0].others(), batch)
        return flows[0].arguments(change(h))

    def leave(_module: nn.Module, _args: Any, output: Any) -> None:
        outputs.append((output, _version(output), _around(place.module, flows[0].h.device.type)))

    with _hooks(place.module, enter, leave):
        output = forward()
    if not flows:
        raise ValueError(f"mix_at: module {name!r} did not run in the forward pass")
    logits = unwrapped(output, batch)
    made, version, around = outputs[-1]
    is_same = all(map(operator.is_, around, _around(place.module, flows[0].h.device.type)))
    flows[0].is_last = is_same and logits is made and version == _version(logits)
    return logits, flows[0]


def _first(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The first argument of the module's forward, however it is passed."""
    if args:
        return args[0]
    first = next(iter(inspect.signature(module.forward).parameters), None)
    return kwargs.get(first) if first in kwargs else next(iter(kwargs.values()), None)


def _around(module: nn.Module, device: str) -> list[object]:
    """What it computes with beside its arguments: autocast, train or eval mode, and the weights, which
    torch.func.functional_call replaces.

    A model, or `forward`, may change them for as long as it runs.
    """
    is_cast = torch.amp.autocast_mode.is_autocast_available(device) and torch.is_autocast_enabled(device)
    modes = [part.training for part in module.modules()]
    return [torch.get_autocast_dtype(device) if is_cast else None, *modes, *module.parameters(), *module.buffers()]


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
