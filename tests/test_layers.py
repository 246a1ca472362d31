"""No two files need each other; that no layer needs a higher one, tests/test_documents.py sees."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"
# Functions for notebooks, which are looked up when they are asked for (docs/design.md).
LOOKED_UP = {"mixupe", "mixupe.experiment"}


def modules() -> dict[str, Path]:
    paths = [*SRC.rglob("*.py")]
    return {".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(path: Path, known: set[str]) -> set[str]:
    """Modules of this project that a file imports, anywhere in it, for type hints too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= submodules or {node.module}
    return found & known


def graph() -> dict[str, set[str]]:
    paths = modules()
    return {name: imported(path, set(paths)) for name, path in paths.items() if name not in LOOKED_UP}


def test_no_two_files_need_each_other() -> None:
    needs = graph()
    assert len(needs) > 200
    order = [*TopologicalSorter(needs).static_order()]  # raises CycleError, which names the circle
    assert order.index("mixupe.experiment.settings") < order.index("mixupe.experiment.config")
