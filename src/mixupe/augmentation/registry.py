"""From the name or the import path in a config to the class of a method; nobody lists them."""

import functools
import pkgutil
from importlib import import_module
from inspect import isabstract

import mixupe.augmentation
from mixupe.augmentation.method import Method, Style
from mixupe.imports import imported
from mixupe.settings import UserError

# Classes from outside this package that a config of this process has named.
_OUTSIDE: dict[str, type[Method]] = {}


@functools.cache
def own_methods() -> dict[str, type[Method]]:
    """name -> class of every method in this package: those with a `name` of their own in any of its files."""
    package = mixupe.augmentation
    modules = [import_module(f"{package.__name__}.{module.name}") for module in pkgutil.iter_modules(package.__path__)]
    found = {value for module in modules for value in vars(module).values() if _is_method(value)}
    return {cls.name: cls for cls in sorted(found, key=lambda cls: cls.name)}


def _is_method(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Method) and "name" in vars(value)


def method_class(name: object, target: object = None) -> type[Method]:
    """The class of that name, or from outside this package the one at the import path `target`.

    Raises:
        UserError: there is none.
    """
    if target is None:
        if name not in own_methods():
            raise UserError(
                f"augmentation.name: {name!r} is unknown, allowed are {', '.join(own_methods())}; a method from elsewhere"
                " needs augmentation.target, the import path of its class"
            )
        return own_methods()[str(name)]
    if not isinstance(name, str) or not name or name in own_methods():
        raise UserError(f"augmentation.name: must be a name of its own for {target}, got {name!r}")
    _OUTSIDE[name] = _imported(target)
    return _OUTSIDE[name]


def style_of(name: str) -> Style | None:
    """How the method of that name is drawn; None where its class does not say, or there is none."""
    cls = own_methods().get(name, _OUTSIDE.get(name))
    return None if cls is None else vars(cls).get("style")


def _imported(target: object) -> type[Method]:
    cls = imported("augmentation.target", target)
    if not (isinstance(cls, type) and issubclass(cls, Method)) or isabstract(cls):
        raise UserError(
            f"augmentation.target: {target} is not a class derived from mixupe.augmentation.method.Method with a __call__"
        )
    return cls
