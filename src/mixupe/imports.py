"""Code from outside this package, named by its import path in a config."""

import pkgutil
from typing import Any

from mixupe.errors import UserError


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
