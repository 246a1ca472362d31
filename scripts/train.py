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

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mixupe import stopping, torchrun
from mixupe.experiment import chunks
from mixupe.experiment.command_line import check_config_choice, readable
from mixupe.experiment.compose import (
    CONFIG_NAME,
    CONFIGS,
    compose_settings,
    hydra_initialised,
    one_line,
    settings_of,
    with_recipe,
)
from mixupe.experiment.launchers import in_worker
from mixupe.experiment.outcome import Outcome, refused
from mixupe.experiment.progress import complain
from mixupe.experiment.search_path import search_in
from mixupe.experiment.sweep import TABLE_OVERRIDES, SweepFailedError, SweepStoppedError
from mixupe.settings import UserError

OUTCOMES: list[Outcome] = []
# As a scheduler's requeue rules know it: EX_TEMPFAIL of sysexits.h.
STOPPED = 75


def task(config: DictConfig) -> Outcome:
    """One run, in this process or in a worker of a launcher; bad input is an outcome too, so that a sweep goes on."""
    if HydraConfig.get().job.chdir:  # relative paths are those of the folder in which the command was given
        os.chdir(HydraConfig.get().runtime.cwd)
    if HydraConfig.get().mode == RunMode.MULTIRUN:  # a sweep takes account of its runs itself
        return in_worker(lambda: outcome_of(config))
    outcome = outcome_of(config)
    OUTCOMES.append(outcome)
    return outcome


def outcome_of(config: DictConfig) -> Outcome:
    try:
        settings = None if chunks.KEY in config else settings_of(config)
        # Only here, where the settings are known to be right: they need torch.
        from mixupe.experiment.run import request_run
        from mixupe.experiment.stack import as_one, attempt_runs
        from mixupe.experiment.together import request_run_together

        if settings is None:  # the runs of a job of a sweep
            return as_one(attempt_runs(chunks.runs_of(config[chunks.KEY])))
        if torchrun.world_size() > 1:
            return request_run_together(settings)
        return request_run(settings)
    except UserError as error:
        return refused(error)


def main() -> int:
    # Hydra then raises its errors instead of printing them over many lines.
    show_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"
    overrides: list[str] = []
    try:
        flags, overrides = _command_line()
        _check_sweeper_options(flags, overrides)
        _hand_to_hydra(flags, overrides)
        with stopping.listening():
            hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=CONFIG_NAME)(task)()
    except (UserError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        complain(f"error: {error if isinstance(error, UserError) else one_line(error, overrides)}")
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
    for outcome in OUTCOMES:
        if outcome.state == "REFUSED":
            complain(f"error: {outcome.reason}")
            return 2
        if outcome.state == "INTERRUPTED":
            return STOPPED
    return 0 if all(outcome.state == "DONE" for outcome in OUTCOMES) else 1


def _command_line() -> tuple[list[str], list[str]]:
    """Hydra's flags, and the overrides with the recipe of their domain."""
    given = [argument for argument in sys.argv[1:] if "=" in argument and not argument.startswith("-")]
    flags = [argument for argument in sys.argv[1:] if argument not in given]
    arguments = get_args_parser().parse_args([*flags, *given])
    check_config_choice(arguments.config_name, arguments.config_path)
    overrides = with_recipe(search_in(arguments.config_dir, readable(given, is_sweep=arguments.multirun)))
    if not any((arguments.multirun, arguments.cfg, arguments.info, arguments.help, arguments.shell_completion)):
        with hydra_initialised():
            compose_settings(overrides)  # refused here, an override costs no more time than Hydra's composing
    return flags, overrides


def _hand_to_hydra(flags: list[str], overrides: list[str]) -> None:
    TABLE_OVERRIDES.clear()
    if any(override.startswith("table=") for override in overrides):
        # Hydra composes one config before the sweep starts, whose data set need not have the keys of the table's sets.
        seen = [override for override in overrides if override.startswith(("table=", "hydra", "output_root="))]
        TABLE_OVERRIDES[:] = [override for override in overrides if override not in seen]
        overrides = seen
    sys.argv[1:] = [*flags, *overrides]


def _check_sweeper_options(flags: list[str], overrides: list[str]) -> None:
    is_sweep = bool({"--multirun", "-m"} & set(flags))
    if is_sweep and torchrun.world_size() > 1:
        raise UserError(
            "torchrun: is for one run in several processes; run --multirun without it, with hydra/launcher=..."
        )
    options = [override for override in overrides if override.startswith("hydra.sweeper.")]
    if options and not is_sweep:
        raise UserError(f"{options[0].split('=')[0]}: is of a sweep, give it with --multirun")


if __name__ == "__main__":
    sys.exit(main())
