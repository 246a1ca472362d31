"""What torchrun tells the processes that it starts, read without torch."""

import os


def world_size() -> int:
    """How many processes share this one's run; 1 where torchrun did not start it."""
    return int(os.environ["WORLD_SIZE"]) if _is_launched() else 1


def rank() -> int:
    """Number of this process among them, from 0."""
    return int(os.environ["RANK"]) if _is_launched() else 0


def _is_launched() -> bool:
    # As torch.distributed.is_torchelastic_launched has it.
    return "TORCHELASTIC_RUN_ID" in os.environ
