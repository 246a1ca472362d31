"""Whether and where Weights & Biases mirrors runs, as its environment variables, the login and the network have it."""

import os
import ssl
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mixupe.console import say_once
from mixupe.errors import UserError
from mixupe.experiment.settings import LoggerSettings

PROJECT = "mixupe"
# How long to wait for W&B's server: for any answer, to begin a run, and to take the rest of what a run has logged.
ANSWER_S, BEGIN_S, FINISH_S = 5.0, 30.0, 60.0
# WANDB_MODE, and what each value means; the last two are W&B's older names.
_MODES = {"online": "online", "offline": "offline", "disabled": "disabled", "dryrun": "offline", "run": "online"}
_NO = ("", "0", "false", "no", "off")


@dataclass
class _Server:
    """What this process knows of W&B's server: whether it answers; None before anybody asked."""

    answers: bool | None = None


_SERVER = _Server()


def check_logger(logger: LoggerSettings) -> None:
    """Raise UserError if the logger is wandb, and wandb is not installed or WANDB_MODE is wrong."""
    mode = os.environ.get("WANDB_MODE", "online")
    if logger.name == "wandb" and mode not in _MODES:
        raise UserError(f"WANDB_MODE: must be online, offline or disabled, or not set at all; got {mode!r}")
    if is_on(logger):
        try:
            wandb_package()
        except ImportError as error:
            raise UserError(
                "logger: wandb is not installed; pip install -c constraints.txt wandb, or use logger=none"
            ) from error


def wandb_package() -> Any:
    """The package, imported only here and only when its logger is on."""
    # Its reports to its makers, which without a network hold up the end of a process for 20 s.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    return wandb


def is_on(logger: LoggerSettings) -> bool:
    """Whether anything is mirrored; WANDB_MODE=disabled and WANDB_DISABLED have the last word."""
    disabled = os.environ.get("WANDB_DISABLED", "").lower() not in _NO
    return logger.name == "wandb" and not disabled and os.environ.get("WANDB_MODE") != "disabled"


def project(logger: LoggerSettings) -> str:
    return logger.project or os.environ.get("WANDB_PROJECT") or PROJECT


def folder(output_root: Path) -> Path:
    """Below it, in wandb/, W&B keeps its files."""
    return Path(os.environ.get("WANDB_DIR") or output_root)


def wandb_mode(logger: LoggerSettings, output_root: Path) -> Literal["online", "offline"]:
    """How a run is mirrored that is to begin now: offline, said once, where the server does not answer.

    `logger.mode` auto is online where the user is logged in, offline elsewhere; WANDB_MODE has the last word.
    """
    mode = _MODES[os.environ["WANDB_MODE"]] if "WANDB_MODE" in os.environ else logger.mode
    if mode == "offline" or (mode == "auto" and not _is_logged_in()):
        return "offline"
    if _SERVER.answers is None:
        _SERVER.answers = _answers(_base_url())
        if not _SERVER.answers:
            stay_offline(f"no answer from {urlsplit(_base_url()).hostname} in {ANSWER_S:g} s", output_root)
    return "online" if _SERVER.answers else "offline"


def stay_offline(reason: str, output_root: Path) -> None:
    """From now on this process asks the server no more."""
    _SERVER.answers = False
    say_once(
        f"wandb: {reason}; mirrored offline, `wandb sync {folder(output_root) / 'wandb'}/offline-*` sends it later"
    )


def _base_url() -> str:
    wandb = wandb_package()
    return str(wandb.setup(settings=wandb.Settings(silent=True)).settings.base_url)


def _answers(url: str) -> bool:
    """Whether anybody answers there, be it with an error."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=ANSWER_S).close()
        except urllib.error.HTTPError:
            pass
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ssl.SSLError):  # W&B has certificates of its own
                return
        except (OSError, ValueError):
            return
        answered.set()

    # In a thread, because nothing limits how long the look-up of a name takes.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_S)
    return answered.is_set()


def _is_logged_in() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        hosts = netrc().hosts
    except (OSError, NetrcParseError):
        return False
    return any("wandb" in host for host in hosts) or urlsplit(_base_url()).hostname in hosts
