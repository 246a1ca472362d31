"""From a config to records; `compare` is for notebooks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixupe.runs.notebook import compare as compare


def __getattr__(name: str) -> Any:
    """`compare` is of a higher layer, and imported when it is asked for."""
    if name != "compare":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mixupe.runs import notebook

    return notebook.compare
