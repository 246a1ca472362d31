"""How an epoch's order is cut: a batch is one optimizer step, a micro-batch one call of the method."""

from collections.abc import Container, Iterator, Sequence

import torch
from torch import Tensor

from mixupe.training.distributed import World


def batch_indices(order: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Cut an epoch's order into batches; a last batch of one example, which cannot be mixed, joins the one before."""
    batches = list(torch.split(order, batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return iter(batches)


def micro_batches(batch: Tensor, count: int) -> tuple[Tensor, ...]:
    """Cut a batch into `count` parts of nearly equal size; a small last batch into fewer, of at least two examples."""
    return torch.tensor_split(batch, max(1, min(count, len(batch) // 2)))


def left_out(steps: Sequence[Sequence[Tensor]], done: int, world: World) -> Container[int]:
    """Numbers of the micro-batches of an epoch that this process leaves out: of the steps done, and of other processes."""
    if world.size == 1:
        return range(sum(len(parts) for parts in steps[:done]))
    taken = [
        step >= done and part in world.shard(len(parts))
        for step, parts in enumerate(steps)
        for part in range(len(parts))
    ]
    return {number for number, is_taken in enumerate(taken) if not is_taken}
