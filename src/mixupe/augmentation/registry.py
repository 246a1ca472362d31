"""From the name or the import path in a config to the class of a method; nobody lists them.

A method of this package lies in the file of its name, so that no other file is read for it.
"""

import functools
import pkgutil
from importlib import import_module
from importlib.util import find_spec
from inspect import isabstract

import mixupe.augmentation
from mixupe.augmentation.method import Method, Style
from mixupe.errors import UserError
from mixupe.imports import imported

# Classes from outside this package that a config of this process has named.
_OUTSIDE: dict[str, type[Method]] = {}


def own_methods() -> dict[str, type[Method]]:
    """name -> class of every method in this package."""
    names = [module.name for module in pkgutil.iter_modules(mixupe.augmentation.__path__)]
    return {name: cls for name in names if (cls := own_method(name)) is not None}


@functools.cache
def own_method(name: str) -> type[Method] | None:
    """The method of that name in this package; None where there is none."""
    path = f"{mixupe.augmentation.__name__}.{name}"
    if not name.isidentifier() or find_spec(path) is None:
        return None
    classes = (value for value in vars(import_module(path)).values() if isinstance(value, type))
    return next((cls for cls in classes if issubclass(cls, Method) and vars(cls).get("name") == name), None)


def method_class(name: object, target: object = None) -> type[Method]:
    """The class of that name, or from outside this package the one at the import path `target`.

    Raises:
        UserError: there is none.
    """
    if target is None:
        cls = own_method(name) if isinstance(name, str) else None
        if cls is None:
            raise UserError(
                f"augmentation.name: {name!r} is unknown, allowed are {', '.join(own_methods())}; a method from elsewhere"
                " needs augmentation.target, the import path of its class"
            )
        return cls
    if not isinstance(name, str) or not name or own_method(name) is not None:
        raise UserError(f"augmentation.name: must be a name of its own for {target}, got {name!r}")
    _OUTSIDE[name] = _imported(target)
    return _OUTSIDE[name]


def style_of(name: str) -> Style | None:
    """How the method of that name is drawn; None where its class does not say, or there is none."""
    cls = own_method(name) or _OUTSIDE.get(name)
    return None if cls is None else vars(cls).get("style")


def _imported(target: object) -> type[Method]:
    cls = imported("augmentation.target", target)
    if not (isinstance(cls, type) and issubclass(cls, Method)) or isabstract(cls):
        raise UserError(
            f"augmentation.target: {target} is not a class derived from mixupe.augmentation.method.Method with a loss"
        )
    return cls
