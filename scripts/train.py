"""Train one run, or with --multirun a grid or a declared table.

    python scripts/train.py dataset=digits augmentation=mixupe seed=0
    python scripts/train.py --multirun dataset=tabular/iris augmentation=none,mixup,mixupe seed=0,1,2
    python scripts/train.py --multirun table=quickstart

Exit status: 0 done, 1 a run failed, 2 the command line or the data is wrong, 130 interrupted.
"""

import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mixupe.experiment.compose import CONFIG_NAME, CONFIGS, one_line, settings_of, with_recipe
from mixupe.experiment.progress import complain
from mixupe.experiment.run import Outcome, request_run
from mixupe.experiment.sweep import TABLE_OVERRIDES, SweepFailedError
from mixupe.settings import UserError

OUTCOMES: list[Outcome] = []


def task(config: DictConfig) -> Outcome:
    """One run; bad input is an outcome too, so that a sweep goes on."""
    in_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    try:
        outcome = request_run(settings_of(config), in_sweep)
    except UserError as error:
        outcome = Outcome(id="", title="error", state="REFUSED", fresh=False, reason=str(error))
    if not in_sweep:  # a sweep takes account of its runs itself
        OUTCOMES.append(outcome)
    return outcome


def main() -> int:
    overrides = [argument for argument in sys.argv[1:] if "=" in argument and not argument.startswith("-")]
    flags = [argument for argument in sys.argv[1:] if argument not in overrides]
    overrides = with_recipe(overrides)
    TABLE_OVERRIDES.clear()
    if any(override.startswith("table=") for override in overrides):
        # Hydra composes one config before the sweep starts, whose data set need not have the keys of the table's sets.
        seen = [override for override in overrides if override.startswith(("table=", "hydra", "output_root="))]
        TABLE_OVERRIDES[:] = [override for override in overrides if override not in seen]
        sys.argv[1:] = [*flags, *seen]
    else:
        sys.argv[1:] = [*flags, *overrides]
    # Hydra then raises its errors instead of printing them over many lines.
    show_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=CONFIG_NAME)(task)()
    except (UserError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        complain(f"error: {error if isinstance(error, UserError) else one_line(error, overrides)}")
        return 2
    except SweepFailedError as error:
        complain(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on from the last checkpoint")
        return 130
    for outcome in OUTCOMES:
        if outcome.state == "REFUSED":
            complain(f"error: {outcome.reason}")
            return 2
    return 0 if all(outcome.state == "DONE" for outcome in OUTCOMES) else 1


if __name__ == "__main__":
    sys.exit(main())
