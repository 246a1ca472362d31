"""The command line of scripts/train.py: read once, and handed to Hydra as data."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mixupe import torchrun
from mixupe.errors import UserError
from mixupe.experiment.command_line import check_config_choice, readable
from mixupe.experiment.compose import (
    CONFIG_NAME,
    compose_settings,
    hydra_initialised,
    key_of,
    settings_of,
    with_recipe,
)
from mixupe.experiment.outcome import Outcome
from mixupe.experiment.search_path import search_in
from mixupe.places import CONFIGS, check_checkout


@dataclass(frozen=True)
class Command:
    """What a command line asks for. Hydra calls it with the config of a run, and hands it to the sweeper of a sweep.

    Attributes:
        flags: Hydra's own.
        overrides: with the recipe of their domain.
        ended: what became of the run; a list, because Hydra keeps what it returns, and reports what it raises, to itself.
    """

    flags: Namespace
    overrides: list[str]
    ended: list[Outcome | UserError] = field(default_factory=list)

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Command":
        """The command that these arguments make.

        Raises:
            UserError: it cannot be meant so, or there are no configs.
        """
        check_checkout()
        # Put last, because a parser of Hydra's kind takes them in one place alone.
        given = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
        flags = _one_line_parser().parse_args([*(argument for argument in arguments if argument not in given), *given])
        check_config_choice(flags.config_name, flags.config_path)
        overrides = with_recipe(search_in(flags.config_dir, readable(flags.overrides, is_sweep=flags.multirun)))
        _check_sweep_options(flags.multirun, overrides)
        if not any((flags.multirun, flags.cfg, flags.info, flags.help, flags.hydra_help, flags.shell_completion)):
            with hydra_initialised():
                compose_settings(overrides)  # refused here, an override costs no more time than Hydra's composing
        return cls(flags, overrides)

    def run(self) -> Outcome | None:
        """The outcome of the run; of a sweep, or where only something is to be shown, None.

        Raises:
            UserError: the data is not there or the settings do not fit it.
            SweepFailedError: some runs of a sweep failed.
            SweepStoppedError: a signal asked a sweep to stop.
        """
        overrides = self.overrides
        if self.flags.multirun:  # whose runs need not all have the keys of one config
            overrides = [
                override for override in overrides if _is_of_sweep(override) or key_of(override) == "output_root"
            ]
        self.flags.overrides = overrides
        version.setbase("1.3")
        _run_hydra(self.flags, get_args_parser(), self, str(CONFIGS), CONFIG_NAME)
        outcome = next(iter(self.ended), None)
        if isinstance(outcome, UserError):
            raise outcome
        return outcome

    @property
    def run_overrides(self) -> list[str]:
        """Those of a sweep's runs."""
        return [override for override in self.overrides if not _is_of_sweep(override)]

    def __call__(self, config: DictConfig) -> None:
        if HydraConfig.get().job.chdir:  # relative paths are those of the folder in which the command was given
            os.chdir(HydraConfig.get().runtime.cwd)
        try:
            settings = settings_of(config)
            # Only here, where the settings are known to be right: it needs torch.
            from mixupe.experiment.run import request_run

            self.ended.append(request_run(settings))
        except UserError as error:
            self.ended.append(error)


def _one_line_parser() -> ArgumentParser:
    """Hydra's, which otherwise prints its usage and leaves."""
    parser: ArgumentParser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise UserError(message)

    parser.error = refuse  # type: ignore[method-assign]
    return parser


def _is_of_sweep(override: str) -> bool:
    """Whether it says what to run and how, and is no setting of a run."""
    return key_of(override) == "table" or key_of(override).startswith("hydra")


def _check_sweep_options(is_sweep: bool, overrides: Sequence[str]) -> None:
    if is_sweep and torchrun.world_size() > 1:
        raise UserError(
            "torchrun: is for one run in several processes; run --multirun without it, with hydra/launcher=..."
        )
    options = [override for override in overrides if override.startswith("hydra.sweeper.")]
    if options and not is_sweep:
        raise UserError(f"{options[0].split('=')[0]}: is of a sweep, give it with --multirun")
    if "table" in map(key_of, overrides) and not is_sweep:
        raise UserError("table: is a list of runs, give it with --multirun")
