"""Code from outside this package, named by its import path in a config."""

import pkgutil
from typing import Any

from mixupe.settings import UserError


def imported(key: str, path: object) -> Any:
    """The module or class at that path, such as `mypackage.module` or `mypackage.module.MyClass`.

    Args:
        key: of the config, for the message.
        path: as the config has it.

    Raises:
        UserError: there is none, or its module raises.
    """
    try:
        return pkgutil.resolve_name(str(path))
    except Exception as error:  # whatever the user's module raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"{key}: {path!r} cannot be imported ({reason}); PYTHONPATH must name the folder it lies in"
        ) from error


def imported_module(key: str, path: object, names: tuple[str, ...], known: tuple[str, ...]) -> Any:
    """A module that has these names.

    Args:
        key, path: see `imported`.
        names: what it must have.
        known: what this package has, for the message.

    Raises:
        UserError: there is none, or it lacks one of them.
    """
    try:
        module = imported(key, path)
    except UserError as error:
        raise UserError(
            f"{key}: {path!r} is unknown, allowed are {', '.join(known)}, or an import path; {error}"
        ) from error
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise UserError(f"{key}: {path} has no {missing[0]}, which every module of its kind has")
    return module
