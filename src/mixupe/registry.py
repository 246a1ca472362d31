"""Keys of configs and the modules behind them, imported when they are asked for."""

import importlib
from collections.abc import Mapping
from typing import Any

from mixupe.errors import UserError
from mixupe.imports import imported


def registered_module(key: str, name: object, modules: Mapping[str, str], needs: tuple[str, ...]) -> Any:
    """The module registered under a name, or one from elsewhere by its import path.

    Args:
        key: of the config, for messages, such as `dataset.loader`.
        name: its value.
        modules: dotted path of the module by name. The names are hashed into run ids and stay; the paths may change.
        needs: names that a module from elsewhere must have.

    Raises:
        UserError: no module has that name or path, or it lacks one of the names.
    """
    if isinstance(name, str) and name in modules:
        return importlib.import_module(modules[name])
    try:
        module = imported(key, name)
    except UserError as error:
        raise UserError(
            f"{key}: {name!r} is unknown, allowed are {', '.join(modules)}, or an import path; {error}"
        ) from error
    missing = [need for need in needs if not hasattr(module, need)]
    if missing:
        raise UserError(f"{key}: {name} has no {missing[0]}, which every module of its kind has")
    return module
