"""A command line as people type it, made what Hydra reads: one line says what to write instead where that is not clear."""

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from mixupe.errors import UserError
from mixupe.experiment.compose import CONFIG_NAME, check_choice
from mixupe.quoting import list_override, plain_or_quoted, quoted, shell_word

# With any of these in it, a value that Hydra cannot read need not be one text.
_SYNTAX = frozenset("[]{},'\"")


def readable(overrides: Sequence[str], is_sweep: bool) -> list[str]:
    """The overrides with quotes around what Hydra's grammar cannot read, such as `dataset.path=data (1).csv`.

    Args:
        is_sweep: whether a value may be a grid.

    Raises:
        UserError: a value can be meant in several ways, or is a grid where none may be.
    """
    return [_readable(override, is_sweep) for override in overrides]


def _readable(override: str, is_sweep: bool) -> str:
    key, equals, value = override.partition("=")
    if not equals and not override.startswith("~"):
        raise UserError(
            f"{override!r} is no override, which is KEY=VALUE; one with blanks needs quotes around all of it"
        )
    try:
        parsed: Override = OverridesParser.create().parse_override(override)
    except HydraException as error:
        if _SYNTAX.isdisjoint(value):
            return f"{key}={quoted(value)}"
        raise UserError(f"{key}: {value!r} cannot be read without quotes; {_forms(key, value, is_sweep)}") from error
    if parsed.is_sweep_override() and isinstance(parsed.value(), Glob):
        raise UserError(f"{key}: {value} picks no files; list them: --multirun {key}=A,B")
    if parsed.is_sweep_override() and not is_sweep:
        raise UserError(f"{key}: {value!r} is a grid, for --multirun; {_forms(key, value, is_sweep)}")
    check_choice(parsed)
    if value == "\t":  # Hydra drops white space at the ends
        return f"{key}={quoted(value)}"
    return override


def _forms(key: str, value: str, is_sweep: bool) -> str:
    """How to write it as what it may be meant to be."""
    items = [item.strip() for item in value.strip("[]").split(",") if item.strip()]
    forms = (
        [] if value.startswith("[") and value.endswith("]") else [f"as one text {shell_word(f'{key}={quoted(value)}')}"]
    )
    if is_sweep and not value.startswith("["):
        forms.append("as a grid " + shell_word(f"{key}={','.join(map(plain_or_quoted, items))}"))
    if items and ("," in value or "[" in value):
        forms.append(f"as a list {list_override(key, items)}")
    return "write it " + ", ".join(forms)


def check_config_choice(name: str | None, path: str | None) -> None:
    """Hydra's own flags would put another config in the place of configs/train.yaml.

    Raises:
        UserError: one of them does.
    """
    flag = "-cn (--config-name)" if name not in (None, CONFIG_NAME) else "-cp (--config-path)" if path else None
    if flag is not None:
        raise UserError(
            f"{flag}: the config is always configs/train.yaml; choose its parts by overrides such as dataset=NAME,"
            " and add your own with --config-dir FOLDER"
        )
