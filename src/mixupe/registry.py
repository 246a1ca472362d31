"""Keys of configs and the modules behind them, imported when they are asked for."""

import importlib
from collections.abc import Mapping
from typing import Any

from mixupe.settings import UserError


def registered_module(key: str, name: object, modules: Mapping[str, str]) -> Any:
    """The module registered under a name.

    Args:
        key: of the config, for messages, such as `dataset.loader`.
        name: its value.
        modules: dotted path of the module by name. The names are hashed into run ids and stay; the paths may change.

    Raises:
        UserError: no module has that name.
    """
    if not isinstance(name, str) or name not in modules:
        raise UserError(f"{key}: {name!r} is unknown, allowed are {', '.join(modules)}")
    return importlib.import_module(modules[name])
