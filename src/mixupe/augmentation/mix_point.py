"""Where two examples are blended: the model's input, or the input of any of its modules.

One mechanism for all domains. The model knows nothing of it: a forward pre-hook on the named module blends what flows
into it. Graphs, which have no common shape, are blended at the classifier head, whose input is the readout.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.loss import in_loss_precision

INPUT = "input"

Model = Callable[[Any], Tensor]


def blend(x: Tensor, lam: Tensor, perm: Tensor) -> Tensor:
    """lam x + (1 - lam) x[perm] for x of shape (B, ...), in x's dtype."""
    return torch.lerp(x[perm], x, lam.to(x.dtype))


def mixable_modules(model: nn.Module) -> list[str]:
    """Names that `mix_at` can take, `input` first."""
    return [INPUT, *(name for name, _ in model.named_modules() if name)]


class MixPoint:
    """The mixed and the clean pass of one batch through `model`, blended at `name`.

    Args:
        model: maps inputs to logits (B, K). Must be an nn.Module unless name is `input`.
        name: `input` or the dotted name of a module; what flows into that module is blended.

    Raises:
        ValueError: there is no such module (the message lists those that exist).
    """

    def __init__(self, model: Model, name: str = INPUT) -> None:
        self.model = model
        self.name = name
        self._module: nn.Module | None = None
        self._representation: Tensor | None = None
        self._is_last = False
        if name != INPUT:
            if not isinstance(model, nn.Module):
                raise ValueError(f"mix_at: {name!r} needs a torch.nn.Module, got {type(model).__name__}")
            modules = dict(model.named_modules())
            if not name or name not in modules:
                raise ValueError(
                    f"mix_at: there is no module {name!r}, allowed are {', '.join(mixable_modules(model))}"
                )
            self._module = modules[name]

    def mixed_logits(self, x: Any, lam: Tensor, perm: Tensor) -> Tensor:
        """Logits (B, K) of the blended batch."""
        if self._module is None:
            _check_floating(x)
            return in_loss_precision(self.model(blend(x, lam, perm)))
        return in_loss_precision(self._forward(self._module, x, lambda h: (blend(h, lam, perm), h), len(perm)))

    def clean_pass(self, x: Any, batch: int, differentiable: bool) -> tuple[Tensor, Tensor]:
        """Logits (B, K) of the batch as it is, and what flowed into the mix point, (B, ...).

        Where the named module is the model's last one (a classifier head), the representation of the mixed pass is
        reused and only the head runs again. `differentiable`: the logits can be differentiated by that flow, which
        costs a backward pass through the first layer.
        """
        if self._module is None:
            _check_floating(x)
            x = _flow(x, differentiable)
            return in_loss_precision(self.model(x)), x
        if self._representation is not None and self._is_last:
            h = _flow(self._representation, differentiable)
            return in_loss_precision(self._module(h)), h
        logits = self._forward(self._module, x, lambda h: (flow := _flow(h, differentiable), flow), batch)
        assert self._representation is not None
        return in_loss_precision(logits), self._representation

    def joint_pass(self, x: Any, lam: Tensor, perm: Tensor, differentiable: bool) -> tuple[Tensor, Tensor, Tensor]:
        """One pass over the blended batch followed by the batch as it is: logits (B, K) of each, and the latter's flow.

        For mixing at the input alone; `differentiable` as in `clean_pass`.
        """
        assert self._module is None
        _check_floating(x)
        h = _flow(x, differentiable)
        blended, clean = in_loss_precision(self.model(torch.cat([blend(x, lam, perm), h]))).tensor_split(2)
        return blended, clean, h

    def _forward(
        self, module: nn.Module, x: Any, change: Callable[[Tensor], tuple[Tensor, Tensor]], batch: int
    ) -> Tensor:
        """Run the model with `change` at the mix point: h -> (what flows on, what to remember as the representation)."""
        outputs: list[Tensor] = []
        seen: list[Tensor] = []

        def enter(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            if seen:
                raise ValueError(f"mix_at: module {self.name!r} runs more than once in a forward pass")
            flows_on, representation = change(self._check_flow(args, batch))
            seen.append(representation)
            return (flows_on, *args[1:])

        with _hooks(module, enter, outputs.append):
            logits = self.model(x)
        if not seen:
            raise ValueError(f"mix_at: module {self.name!r} did not run in the forward pass")
        self._representation = seen[0]
        self._is_last = outputs[-1] is logits
        return logits

    def _check_flow(self, args: tuple[Any, ...], batch: int) -> Tensor:
        h = args[0] if args else None
        if not isinstance(h, Tensor) or not h.is_floating_point():
            raise ValueError(
                f"mix_at: what flows into {self.name!r} is not a floating-point tensor and cannot be mixed"
            )
        if h.shape[0] != batch:
            raise ValueError(
                f"mix_at: what flows into {self.name!r} has {h.shape[0]} rows for a batch of {batch} examples; mix after"
                " the readout, where each example has one row"
            )
        return h


def _flow(h: Tensor, differentiable: bool) -> Tensor:
    return h.detach().requires_grad_() if differentiable and not h.requires_grad else h


def _check_floating(x: Any) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(
            f"x: {type(x).__name__} inputs cannot be interpolated; name a module with mix_at (graphs: the classifier head)"
        )
    if not x.is_floating_point():
        raise ValueError(f"x: must be a floating-point tensor to be mixed, got {x.dtype}")


@contextmanager
def _hooks(module: nn.Module, enter: Callable[..., tuple[Any, ...]], leave: Callable[[Tensor], None]) -> Iterator[None]:
    handles = [
        module.register_forward_pre_hook(enter),
        module.register_forward_hook(lambda _module, _args, output: leave(output)),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
