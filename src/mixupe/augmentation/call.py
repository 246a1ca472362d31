"""How a model is called: whose modules are hooked, what runs it, and what a mixed pass gets in place of the batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

# From x to logits (B, K), or to an output that holds them (`mixupe.augmentation.loss.logits_of`).
Model = Callable[[Any], Any]
Forward = Callable[[Any, Any], Any]
Merge = Callable[[Any, Tensor], Any]


@dataclass  # not frozen: torch.compile loses the attributes of a frozen one that it calls
class Call:
    """A model and how it is called.

    Attributes:
        model: whose modules may be mix layers.
        forward: (model, x) -> its output; None is model(x).
        merge: (x, perm) -> x, for what belongs to both partners of a mixed pass and is not interpolated, such as a mask.
    """

    model: Model
    forward: Forward | None = None
    merge: Merge | None = None

    @staticmethod
    def of(model: Model, forward: Forward | None = None, merge: Merge | None = None) -> "Call":
        """Checked; a Call stays what it is.

        Raises:
            ValueError: something cannot be called; the message names the argument.
        """
        if isinstance(model, Call):
            return model
        if not callable(model):
            raise ValueError(f"model: must be a torch.nn.Module or a function, got {type(model).__name__}")
        for name, value in (("forward", forward), ("merge", merge)):
            if value is not None and not callable(value):
                raise ValueError(f"{name}: must be a function or None, got {value!r}")
        return Call(model, forward, merge)

    def __call__(self, x: Any) -> Any:
        return self._run(self.model, x)

    def again(self, x: Any) -> Any:
        """A further pass before the backward pass.

        DistributedDataParallel would broadcast BatchNorm's buffers in place there, which the first pass still needs, so
        it is passed by: its gradients are synchronised by the weights, whatever they were used for.
        """
        model = self.model.module if isinstance(self.model, DistributedDataParallel) else self.model
        with _passed_by(model):
            return self._run(model, x)

    def merged(self, x: Any, perm: Tensor) -> Any:
        """What a mixed pass gets in place of x."""
        return x if self.merge is None else self.merge(x, perm)

    def _run(self, model: Model, x: Any) -> Any:
        return model(x) if self.forward is None else self.forward(model, x)


@contextmanager
def _passed_by(model: Model) -> Iterator[None]:
    """Within it, a DistributedDataParallel inside the model is as the module that it wraps."""
    wrappers = []
    if not torch.compiler.is_compiling() and dist.is_available() and dist.is_initialized():
        parts = model.modules() if isinstance(model, nn.Module) else ()
        wrappers = [part for part in parts if isinstance(part, DistributedDataParallel)]
    for wrapper in wrappers:
        vars(wrapper)["forward"] = wrapper.module
    try:
        yield
    finally:
        for wrapper in wrappers:
            del vars(wrapper)["forward"]
