"""What the scripts' command lines share."""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

from mixupe.console import complain
from mixupe.errors import UserError

P = ParamSpec("P")


class Parser(argparse.ArgumentParser):
    """Bad arguments raise UserError, one line, instead of printing the usage and leaving."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})
        self._is_mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but names, filters and overrides may also follow an option, and those of a subcommand, too."""
        if self._is_mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._is_mixing = True  # argparse's way to do so calls this again
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_mixing = False

    def error(self, message: str) -> NoReturn:
        raise UserError(message)

    def add_output_root(self) -> None:
        self.add_argument("--output-root", type=Path, default=Path("outputs"), help="of the run store [outputs]")


def exit_status(main: Callable[P, int | None]) -> Callable[P, int]:
    """A script's `main` whose bad input is one line on standard error and exit status 2; None is 0."""

    @functools.wraps(main)
    def guarded(*args: P.args, **keywords: P.kwargs) -> int:
        try:
            return main(*args, **keywords) or 0
        except UserError as error:
            complain(f"error: {error}")
            return 2

    return guarded
