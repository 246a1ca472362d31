"""One run in several processes, started by torchrun: the micro-batches of each batch are dealt to them.

Each process takes its micro-batches as one process alone would, with the same draws; then gradients, losses and BatchNorm's
running statistics are put together. So the number of processes changes no result beyond rounding.
"""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mixupe import preemption, torchrun
from mixupe.data.base import Split
from mixupe.errors import UserError
from mixupe.evaluation.classification import predict

T = TypeVar("T")

# So long the others wait while one unpacks a data set.
TIMEOUT = timedelta(hours=3)
# A note on errors that every process raises at the same place.
SHARED = "raised in every process"
_REASONS = (*(number.name for number in preemption.SIGNALS), preemption.TIME_IS_OVER)


@dataclass(frozen=True)
class World:
    """The processes of a run. What has no other remark must be called in all of them, in the same order.

    Attributes:
        rank: number of this one, from 0.
        size: how many there are; of 1, every method is a plain call.
    """

    rank: int
    size: int

    @property
    def is_main_process(self) -> bool:
        """Whether this process, rank 0, writes, logs and talks."""
        return self.rank == 0

    def shard(self, count: int) -> range:
        """Which of `count` things this process takes; together, in order, the processes take them all. Call it anywhere."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def on_main_process(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises in the main process, where alone it is called."""
        if self.size == 1:
            return work()
        shared: T = self._shared(_attempt(work) if self.is_main_process else None, source=0)
        return shared

    def agreed(self, work: Callable[[], T]) -> T:
        """What `work` returns here; where it raises in any process, the first such error in all."""
        if self.size == 1:
            return work()
        result = _attempt(work)
        failed = [False] * self.size
        dist.all_gather_object(failed, isinstance(result, _Raised))
        if any(failed):
            self._shared(result, source=failed.index(True))
        return _unpacked(result)

    def check(self) -> None:
        """Raises:
        StoppedError: a process was asked to stop; raised in all.
        """
        if self.size == 1:
            preemption.check()
            return
        code = 0
        try:
            preemption.check()
        except preemption.StoppedError as error:
            code = 1 + _REASONS.index(str(error))
        asked = int(self.largest(torch.tensor(code)))
        if asked:
            raise preemption.StoppedError(_REASONS[asked - 1])

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def largest(self, tensor: Tensor) -> Tensor:
        """The elementwise maximum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return tensor

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all processes, which are of one shape."""
        if self.size == 1:
            return [tensor]
        tensors = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(tensors, tensor)
        return tensors

    def _shared(self, result: object, source: int) -> Any:
        box: list[Any] = [result]
        dist.broadcast_object_list(box, source)
        if isinstance(box[0], _Raised):
            box[0].error.add_note(SHARED)
        return _unpacked(box[0])


ALONE = World(rank=0, size=1)


@dataclass
class _Raised:
    error: Exception


def _attempt(work: Callable[[], T]) -> T | _Raised:
    try:
        return work()
    except Exception as error:
        try:  # not every exception can be sent
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just written
        except Exception:
            return _Raised(RuntimeError(f"{type(error).__name__}: {error}"))
        return _Raised(error)


def _unpacked(result: T | _Raised) -> T:
    if isinstance(result, _Raised):
        raise result.error
    return result


def raised_in_all(error: Exception) -> bool:
    """Whether the error came from `World.on_main_process` or `World.agreed`, so that no process goes on."""
    return SHARED in getattr(error, "__notes__", ())


def launched() -> World:
    """The processes that torchrun says there are."""
    size = torchrun.world_size()
    return ALONE if size == 1 else World(torchrun.rank(), size)


def own_gpu(device: torch.device) -> torch.device:
    """Of several processes on a machine, each has a GPU of its own."""
    if str(device) == "cuda" and launched().size > 1:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """This process connected with the others that torchrun started, over NCCL between GPUs and Gloo between CPUs.

    Args:
        device: of this process, from `own_gpu`.

    Raises:
        UserError: a process has no GPU of its own.
    """
    world = launched()
    if world.size == 1:
        yield world
        return
    has_gpu = device.type == "cuda" and torch.cuda.is_available()
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=TIMEOUT)
    try:
        world.agreed(lambda: _check_gpu(device))
        if device.type == "cuda":
            torch.cuda.set_device(device)
        yield world
    finally:
        dist.destroy_process_group()


def _check_gpu(device: torch.device) -> None:
    if device.type != "cuda":
        return
    local = int(os.environ["LOCAL_RANK"])
    if device.index != local:
        raise UserError(f"trainer.device: {device} cannot be that of several processes; use auto, cuda or cpu")
    if local >= torch.cuda.device_count():
        raise UserError(
            f"torchrun: each process needs a GPU of its own, this machine has {torch.cuda.device_count()}; give as many"
            " with --nproc_per_node, or use trainer.device=cpu"
        )


def add_gradients(parameters: Sequence[nn.Parameter], losses: Tensor, world: World) -> Tensor:
    """Put in each parameter's place the sum of its gradients over all processes; returns the sum of `losses`, (n,).

    In one message, after the backward passes: they may be several (MixupE has two forward passes and, as v1 and v2, a
    gradient within the gradient), which DistributedDataParallel does not allow. A parameter without a gradient has 0.
    """
    if world.size == 1:
        return losses
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    message = world.total(torch.cat([losses, *(gradient.reshape(-1) for gradient in gradients)]))
    parts = torch.split(message[len(losses) :], [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))
    return message[: len(losses)]


@torch.inference_mode()
def predict_together(
    model: nn.Module, split: Split, autocast: AbstractContextManager[object], batch: int, world: World
) -> tuple[Tensor, Tensor]:
    """As `predict` for the whole split, of which each process takes its share; each then has all of the logits.

    Raises:
        StoppedError: a process was asked to stop.
    """
    if world.size == 1:
        return predict(model, split, autocast, batch=batch)
    world.check()
    count = len(split.labels)
    shard = world.shard(count)
    rows = torch.arange(count)[shard.start : shard.stop] if shard else torch.zeros(1, dtype=torch.int64)
    shard_logits, labels = predict(model, split, autocast, rows, batch, check=lambda: None)
    logits = shard_logits.new_zeros((count, shard_logits.shape[1]))
    logits[shard.start : shard.stop] = shard_logits[: len(shard)]
    return world.total(logits), split.labels.to(labels.device)


class RunningStatistics:
    """BatchNorm's running statistics, as if one process had taken all micro-batches one after the other.

    A pass moves a statistic s to (1 - m) s + m b, with b of its micro-batch. So what a process did in n passes is
    (1 - m)^n s + c, and its c is known from the s before and after.
    """

    def __init__(self, model: nn.Module, world: World) -> None:
        modules = model.modules() if world.size > 1 else ()
        self._norms = [module for module in modules if isinstance(module, _BatchNorm) and module.track_running_stats]
        self._world = world
        if self._norms:
            device = self._buffers()[0].device
            sizes = torch.tensor([2 * norm.num_features for norm in self._norms])
            self._norm_of = torch.repeat_interleave(torch.arange(len(sizes)), sizes).to(device)
            momenta = torch.tensor([norm.momentum for norm in self._norms], dtype=torch.float64, device=device)
            self._keep = (1 - momenta)[self._norm_of]
            self._before = self._state()

    def remember(self) -> None:
        """Before a step."""
        if self._norms:
            self._before = self._state()

    @torch.no_grad()
    def merge(self) -> None:
        """After its micro-batches."""
        if not self._norms:
            return
        entries = len(self._keep)
        before, passes_before = self._before.tensor_split([entries])
        merged, passes = before, passes_before
        for after in self._world.gathered(self._state()):
            own = after[entries:] - passes_before
            kept = self._keep ** own[self._norm_of]
            merged = kept * merged + (after[:entries] - kept * before)
            passes = passes + own
        buffers = self._buffers()
        for buffer, part in zip(buffers, torch.split(merged, [len(tensor) for tensor in buffers]), strict=True):
            buffer.copy_(part)
        for norm, count in zip(self._norms, passes, strict=True):
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.copy_(count)

    def _buffers(self) -> list[Tensor]:
        return [
            buffer for norm in self._norms for buffer in (norm.running_mean, norm.running_var) if buffer is not None
        ]

    def _state(self) -> Tensor:
        """All means and variances, and each module's number of passes; float64."""
        passes = torch.stack([norm.num_batches_tracked for norm in self._norms if norm.num_batches_tracked is not None])
        return torch.cat([*self._buffers(), passes]).double()
