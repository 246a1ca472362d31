"""Where random draws come from: a generator that a compiled step can follow, and one for each of several processes."""

import itertools
import weakref
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor

_made: weakref.WeakValueDictionary[int, "Generator"] = weakref.WeakValueDictionary()
_keys = itertools.count()


class Generator(torch.Generator):
    """A torch.Generator on the CPU that may also be given to a step under torch.compile, with fullgraph=True too.

    The compiler knows no generators; this one is known to it by a number.

    Args:
        seed: of the draws; None leaves torch's default.
    """

    def __new__(cls, _seed: int | None = None) -> Self:
        return super().__new__(cls)  # which would take a number for a device

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self.key = next(_keys)
        _made[self.key] = self
        if seed is not None:
            self.manual_seed(seed)

    def __reduce__(self) -> Any:
        """Copies and pickles go on as it does; torch's own would be plain generators."""
        return _restored, (self.get_state(),)


def _restored(state: Tensor) -> Generator:
    generator = Generator()
    generator.set_state(state)
    return generator


def generator_of(key: int) -> Generator:
    """The generator with that number."""
    return _made[key]


def in_several_processes() -> bool:
    """Whether this is one of several processes of torch.distributed."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def of_this_process(generator: torch.Generator | None) -> torch.Generator | None:
    """`generator`; where none is given and torch.distributed runs several processes, one that differs by rank.

    It is seeded by a draw from torch's global generator plus the rank: processes that were all seeded alike still draw
    different lam, and a run that resumes with that generator's state draws what it would have. Within a compiled step
    there is none: seed the processes differently there, or give each a generator.
    """
    if generator is not None or torch.compiler.is_compiling():
        return generator
    if not in_several_processes():
        return None
    seed = int(torch.randint(2**62, (), dtype=torch.int64)) + dist.get_rank()
    return torch.Generator().manual_seed(seed)
