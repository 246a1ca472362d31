"""What the scripts' command lines share."""

import argparse
from typing import NoReturn

from mixupe.errors import UserError


class Parser(argparse.ArgumentParser):
    """Bad arguments raise UserError, one line, instead of printing the usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)
