"""A module of a model into which examples flow, and the axis along which they lie there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.compiler import is_compiled, is_compiled_in_place, refuse_in_compiled
from mixupe.augmentation.second_order import sharded_classes

INPUT = "input"
# So many names are listed where there is none such; a large network has hundreds.
LISTED = 12


@dataclass(frozen=True)
class Place:
    """A named module.

    Attributes:
        name: as it was given.
        module: the module.
        around: those that contain it, the model first.
        batch_dim: the axis of examples; None is the first, and refused where it cannot be told from that of time.
    """

    name: str
    module: nn.Module
    around: tuple[nn.Module, ...]
    batch_dim: int | None

    @property
    def runs_alone(self) -> bool:
        """Whether it can be called by itself: FSDP brings the weights together where the module that it shards is called."""
        sharded = sharded_classes()
        return isinstance(self.module, sharded) or not any(isinstance(part, sharded) for part in self.around)

    def checked(self, h: Any, batch: int) -> Tensor:
        """h, a floating-point tensor with `batch` examples along their axis: (batch, ...) if that is the first.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(h, Tensor) or not h.is_floating_point():
            raise ValueError(
                f"mix_at: what flows into {self.name!r} is not a floating-point tensor and cannot be mixed (tokens can be"
                " after the embedding)"
            )
        if self.batch_dim is None:
            self._check_order(h, batch)
        axis = self.batch_dim or 0
        if h.dim() <= axis or h.shape[axis] != batch:
            where = "first" if axis == 0 else f"along axis {axis}"
            raise ValueError(
                f"mix_at: what flows into {self.name!r} has shape {tuple(h.shape)}, which is not one row for each of the"
                f" {batch} examples; mix where examples come {where} (graphs: after the readout), or give batch_dim"
            )
        return h

    def _check_order(self, h: Tensor, batch: int) -> None:
        if h.dim() == 3 and _takes_sequence_first(self.module, self.around):
            raise ValueError(
                f"mix_at: {self.name!r} takes the sequence first, (T, B, D), and would be mixed along time; give"
                " batch_dim=1, build it with batch_first=True, or mix where examples come first"
            )
        if h.dim() == 3 and h.shape[0] == h.shape[1] == batch and _holds_sequence_first(self.module, self.around):
            raise ValueError(
                f"mix_at: what flows into {self.name!r} has shape {tuple(h.shape)}, and with batch_first=False around it"
                " either axis may be that of examples; give batch_dim, 0 or 1"
            )

    def check_others(self, others: Iterable[tuple[str, Tensor]], batch: int) -> None:
        """ValueError if another argument, of any shape, holds a row for each example: the partner's would be left out."""
        axes = {0, self.batch_dim or 0} | ({1} if isinstance(self.module, nn.RNNBase) else set())
        for name, value in others:
            if any(value.dim() > axis and value.shape[axis] == batch for axis in axes):
                raise ValueError(
                    f"mix_at: {self.name!r} takes {_called(name)} of shape {tuple(value.shape)} beside what is mixed, a row"
                    " for each example, of which that of the partner would be lost; give merge, (x, perm) -> x, which makes"
                    " a mask of both, or mix where nothing else flows in"
                )


def _called(name: str) -> str:
    return f"an argument {int(name) + 1}" if name.isdigit() else f"{name!r}"


def find(model: Any, name: str, batch_dim: int | None) -> Place:
    """The module of that dotted name, which need not say `module.` or `_orig_mod.`, as wrappers put before it.

    Raises:
        ValueError: there is none, or torch.compile or torch.jit would not see the hook that mixes there.
    """
    if torch.compiler.is_compiling():
        refuse_in_compiled(_NOT_COMPILED.format(name))
    if not isinstance(model, nn.Module):
        raise ValueError(f"mix_at: {name!r} needs a torch.nn.Module, got {type(model).__name__}")
    around: list[nn.Module] = []
    module = model
    for part in name.split("."):
        _refuse_scripted(module, name)
        child = module._modules.get(part)
        while child is None and _wrapped(module) is not None:
            _refuse_compiled(module, name)
            around.append(module)
            module = _wrapped(module) or module
            child = module._modules.get(part)
        _refuse_compiled(module, name)
        if child is None:
            raise ValueError(f"mix_at: there is no module {name!r}, {_allowed(name, mixable_modules(model))}")
        around.append(module)
        module = child
    _refuse_scripted(module, name)
    if is_compiled_in_place(module):
        raise ValueError(_NOT_COMPILED.format(name))
    return Place(name, module, tuple(around), batch_dim)


def mixable_modules(model: nn.Module) -> list[str]:
    """Names that `mix_at` can take, `input` first, without those of wrappers."""
    inner = model
    while (wrapped := _wrapped(inner)) is not None:
        inner = wrapped
    return [INPUT, *(name for name, _ in inner.named_modules() if name)]


def _allowed(name: str, names: Sequence[str]) -> str:
    """Of few names all; of many those that are like it, or else the outermost."""
    if len(names) <= LISTED:
        return f"allowed are {', '.join(names)}"
    modules = names[1:]
    such = get_close_matches(name, modules, n=4) or [name for name in modules if "." not in name][:LISTED]
    return f"allowed are {INPUT} and the names of the model's {len(modules)} modules, such as {', '.join(such)}"


def _wrapped(module: nn.Module) -> nn.Module | None:
    """What a wrapper (DistributedDataParallel, torch.compile) wraps; None for other modules."""
    if len(module._modules) != 1:
        return None
    return module._modules.get("module", module._modules.get("_orig_mod"))


def _refuse_compiled(module: nn.Module, name: str) -> None:
    if is_compiled(module):
        raise ValueError(_NOT_COMPILED.format(name))


def _refuse_scripted(module: nn.Module, name: str) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueError(
            f"mix_at: {name!r} is or lies inside what torch.jit compiles, which runs no hook that mixes; mix at input, or"
            " compile modules beside the mix layer instead"
        )


_NOT_COMPILED = (
    "mix_at: {!r} lies inside what torch.compile compiles, which does not see that the hook that mixes comes and goes; mix"
    " at input, or compile modules beside the mix layer instead of the whole"
)

_TRANSFORMERS = (
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)


def _is_sequence_first(part: nn.Module) -> bool:
    return isinstance(part, nn.MultiheadAttention | nn.RNNBase) and not part.batch_first


def _takes_sequence_first(module: nn.Module, around: Iterable[nn.Module]) -> bool:
    """Whether it is torch's own module, or within one of torch's transformers, built with batch_first=False."""
    while isinstance(module, nn.Sequential) and len(module):
        module = module[0]
    if _is_sequence_first(module):
        return True
    within = (part for part in (module, *around) if isinstance(part, _TRANSFORMERS))
    return any(_is_sequence_first(part) for transformer in within for part in transformer.modules())


def _holds_sequence_first(module: nn.Module, around: Iterable[nn.Module]) -> bool:
    """Whether the module, or one around it, has parts with batch_first=False, so that the order of its axes is in doubt."""
    parts = (part for root in (module, *around) for part in root.modules())
    return any(getattr(part, "batch_first", None) is False for part in parts)
