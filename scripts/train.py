"""Train one run, or with --multirun a grid or a declared table.

    python scripts/train.py dataset=digits augmentation=mixupe seed=0
    python scripts/train.py --multirun dataset=tabular/iris augmentation=none,mixup,mixupe seed=0,1,2
    python scripts/train.py --multirun table=quickstart
    torchrun --nproc_per_node=8 scripts/train.py dataset=imagenet trainer=imagenet model=resnet50

Exit status: 0 done (or the time box hydra.sweeper.minutes is over), 1 a run failed, 2 the command line or the data is
wrong, 75 stopped by SIGTERM or SIGUSR1, 130 interrupted; after the last two the same command goes on.
"""

import os
import sys

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mixupe import preemption
from mixupe.console import complain
from mixupe.errors import UserError
from mixupe.experiment.command import Command
from mixupe.experiment.compose import complaint
from mixupe.experiment.sweep import SweepFailedError, SweepStoppedError

# As a scheduler's requeue rules know it: EX_TEMPFAIL of sysexits.h.
STOPPED = 75


def main() -> int:
    # Hydra then raises its errors instead of printing them over many lines.
    show_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"
    command = None
    try:
        command = Command.parse(sys.argv[1:])
        with preemption.listening():
            outcome = command.run()
    except (UserError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        overrides = [] if command is None else command.overrides
        complain(f"error: {error if isinstance(error, UserError) else complaint(error, overrides)}")
        return 2
    except SweepFailedError as error:
        complain(f"error: {error}")
        return 1
    except SweepStoppedError as error:
        complain(str(error))
        return STOPPED
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on from the last checkpoint")
        return 130
    if outcome is None or outcome.state == "DONE":
        return 0
    return STOPPED if outcome.state == "INTERRUPTED" else 1


if __name__ == "__main__":
    sys.exit(main())
