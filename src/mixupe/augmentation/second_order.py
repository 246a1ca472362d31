"""What the variants ask for that differentiate the logits and then the result again: where it works, and where not."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel

from mixupe.augmentation.compiler import is_compiled, refuse_in_compiled
from mixupe.augmentation.over_runs import is_batched, over_runs

# The choice of attention is the process's: two threads that put back what each had found would leave the wrong one.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def twice_differentiable_kernels() -> Iterator[None]:
    """Within it, attention is computed in a way that can be differentiated twice; fused attention cannot."""
    with _ONE_AT_A_TIME, sdpa_kernel(SDPBackend.MATH):
        yield


def check_twice_differentiable(model: Any, variant: str) -> None:
    """Does the model, as it is run, allow a variant that differentiates twice?

    Raises:
        ValueError: it would fail in the middle, or give wrong gradients.
    """
    if torch.compiler.is_compiling():
        refuse_in_compiled(_refusal(variant, _COMPILE))
    if not torch.is_grad_enabled():
        raise ValueError(_refusal(variant, "torch.no_grad or inference_mode"))
    sharded = sharded_classes()
    for part in model.modules() if isinstance(model, nn.Module) else [model]:
        if is_compiled(part):
            raise ValueError(_refusal(variant, _COMPILE))
        if isinstance(part, DistributedDataParallel) and part.static_graph:
            raise ValueError(
                _refusal(variant, "DistributedDataParallel(static_graph=True), which would not synchronise gradients")
            )
        if isinstance(part, sharded):
            raise ValueError(_refusal(variant, "FSDP, which has freed the weights that the second pass needs"))


def differentiable_by(h: Tensor) -> Tensor:
    """h, of any shape, from which on a graph is recorded.

    Raises:
        ValueError: a transform of torch.func is at work, which records only what it was given itself.
    """
    if is_batched(h):
        return over_runs(lambda whole: whole.detach().requires_grad_(), h)
    functorch = torch._C._functorch
    if functorch.peek_interpreter_stack() is not None and not functorch.is_functorch_wrapped_tensor(h):
        raise ValueError(
            "variant: exact, v1 and v2 differentiate the model by what is mixed, which within torch.func must depend on what"
            " is transformed; allowed there are approximate, v3 and v4, or mixing at a module (mix_at)"
        )
    return h if h.requires_grad else h.detach().requires_grad_()


def gradient_by(h: Tensor, logits: Tensor, vector: Tensor) -> Tensor:
    """J(h)^T vector, of the shape of h, of logits and a vector (B, K); it can be differentiated again.

    Raises:
        ValueError: no graph leads from h to the logits.
    """
    if is_batched(h):
        return over_runs(_gradient, h, logits, vector)
    return _gradient(h, logits, vector)


def _gradient(h: Tensor, logits: Tensor, vector: Tensor) -> Tensor:
    gradient = None
    if logits.requires_grad:
        (gradient,) = torch.autograd.grad(logits, h, grad_outputs=vector, create_graph=True, allow_unused=True)
    if gradient is None:
        raise ValueError(
            "variant: exact, v1 and v2 differentiate the model by what is mixed, on which its logits do not depend here, as"
            " where a part of it runs under torch.no_grad; freeze that with requires_grad_(False) instead, or mix behind it"
            " (mix_at)"
        )
    return gradient


_COMPILE = "torch.compile, which cannot compile that"


def _refusal(variant: str, obstacle: str) -> str:
    return (
        f"variant: {variant} differentiates the model twice, which does not work with {obstacle}; allowed there are"
        " approximate, v3 and v4"
    )


def sharded_classes() -> tuple[type[nn.Module], ...]:
    """The classes of FSDP1 and FSDP2. Who has not imported them, which takes seconds, uses neither."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    return () if fsdp is None else (fsdp.FullyShardedDataParallel, fsdp.FSDPModule)
