"""What a benchmark is asked for."""

from dataclasses import dataclass

import torch

from mixupe.errors import UserError

# A median of fewer repetitions would be noise.
FEWEST = 5


@dataclass(frozen=True)
class Options:
    """Attributes:
    device: where models and batches live.
    threads: CPU threads of torch.
    repeat: timed repetitions of each contestant.
    quick: tiny sizes, to see that everything runs; such figures mean nothing.
    """

    device: torch.device
    threads: int
    repeat: int
    quick: bool

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def size(self, *, cpu: int, gpu: int, quick: int) -> int:
        """The size of a job for this device: as large as pays for steady figures, as small as time allows."""
        return quick if self.quick else gpu if self.on_gpu else cpu


def checked_options(device: str, threads: int, repeat: int, quick: bool) -> Options:
    """Raises:
    UserError: a value is wrong; names the option, the value and what is allowed.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device: cuda was asked for, but no CUDA device is available; use cpu or auto")
    if threads < 1:
        raise UserError(f"--threads: must be at least 1, got {threads}")
    fewest = 1 if quick else FEWEST
    if repeat < fewest:
        raise UserError(f"--repeat: must be at least {fewest}{'' if quick else ' without --quick'}, got {repeat}")
    return Options(torch.device(device), threads, repeat, quick)
