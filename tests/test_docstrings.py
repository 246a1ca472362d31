"""Docstrings open with a sentence, and those of what is public say the shapes of tensors and arrays."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TENSORS = {"Tensor", "ndarray", "NDArray"}
# `(B, K)`, `(S, ..., 2 * D)`, `(n,)`, `()`, or in words. Axes that have words for names are listed: a tuple may be anything.
WORDS = "bands|batch|bins|columns|count|edges|features|frames|mels|methods|nodes|order|rows|samples|sets|size|steps"
AXIS = rf"(?:\.\.\.|\*|[A-Z0-9][\w*+ -]*|[a-z]|{WORDS})"
SHAPE = re.compile(rf"\({AXIS}(?:, {AXIS})+\)|\({AXIS},(?: {AXIS})*\)|(?<!\w)\(\)|\b0-d\b|\bscalars?\b|\bshaped?\b")
OPENING = re.compile(r"\s*(Args|Attributes|Raises|Returns|Yields):")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> dict[str, ast.Module]:
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


PACKAGE = sources("src/mixupe")
# Path -> name -> class, or value given to a name.
CLASSES = {
    path: {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    for path, module in PACKAGE.items()
}
VALUES = {
    path: {ast.unparse(node.targets[0]): node.value for node in module.body if isinstance(node, ast.Assign)}
    for path, module in PACKAGE.items()
}
# Path -> name -> path of the module of this package that it is imported from.
IMPORTED = {
    path: {
        name.name: f"src/{node.module.replace('.', '/')}.py"
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
    }
    for path, module in PACKAGE.items()
}


def doc(node: ast.Module | ast.ClassDef | Function) -> str:
    return ast.get_docstring(node) or ""


def is_of_tensors(path: str, annotation: ast.expr | None) -> bool:
    """Whether it names tensors or arrays; a state_dict (dict[str, Tensor]) does not count, as it holds any."""
    if annotation is None or re.fullmatch(r"(dict|Mapping)\[str, (Tensor|Any)\]", ast.unparse(annotation)):
        return False
    names = set(re.findall(r"\w+", ast.unparse(annotation)))
    return bool(names & TENSORS) or any(is_array_type(path, name) for name in names)


def is_array_type(path: str, name: str) -> bool:
    """Whether the package gives that name to an array type, there or where it is imported from."""
    value = VALUES.get(IMPORTED[path].get(name, path), {}).get(name)
    words = set() if value is None else set(re.findall(r"\w+", ast.unparse(value)))
    return "NDArray" in words and "Callable" not in words


def takes_tensors(path: str, function: Function) -> bool:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    annotations = [argument.annotation for argument in arguments if argument is not None]
    return any(is_of_tensors(path, annotation) for annotation in [*annotations, function.returns])


def is_public(name: str) -> bool:
    return not name.startswith("_") or name in ("__init__", "__call__", "__getitem__")


def inherited(path: str, cls: ast.ClassDef, method: str) -> Iterator[str]:
    """What the package's base classes say of a method, which need not be said again of one that stands for it."""
    for name in map(ast.unparse, cls.bases):
        source = IMPORTED[path].get(name, path)
        base = CLASSES.get(source, {}).get(name)
        if base is not None:
            own = [node for node in base.body if isinstance(node, Function) and node.name == method]
            yield from (text for node in own for text in (doc(node), doc(base)))
            yield from inherited(source, base, method)


def without_shape(path: str) -> Iterator[str]:
    """Each public function, method and class with tensors of which no docstring names a shape."""
    for node in PACKAGE[path].body:
        if isinstance(node, Function) and is_public(node.name):
            if takes_tensors(path, node) and not SHAPE.search(doc(node)):
                yield f"{path}:{node.lineno} {node.name}"
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            fields = [part.annotation for part in node.body if isinstance(part, ast.AnnAssign)]
            if any(is_of_tensors(path, field) for field in fields) and not SHAPE.search(doc(node)):
                yield f"{path}:{node.lineno} {node.name}"
            for method in node.body:
                if isinstance(method, Function) and is_public(method.name) and takes_tensors(path, method):
                    texts = [doc(method), doc(node), *inherited(path, node, method.name)]
                    if not any(map(SHAPE.search, texts)):
                        yield f"{path}:{method.lineno} {node.name}.{method.name}"


def test_what_is_public_names_shapes() -> None:
    public = (path for path in PACKAGE if not Path(path).stem.startswith("_"))
    assert [missing for path in public for missing in without_shape(path)] == []


def test_docstrings_open_with_a_sentence() -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    wrong = [
        f"{path}:{getattr(node, 'lineno', 1)}"
        for path, module in sources("src", "benchmarks", "scripts").items()
        for node in ast.walk(module)
        if isinstance(node, documented) and OPENING.match(doc(node))
    ]
    assert wrong == []


def test_shapes_are_told_from_other_tuples() -> None:
    for shape in ("(B, K)", "(n,)", "()", "a 0-d tensor", "(S, ..., 2 * D)", "(nodes, F)", "shape of one example"):
        assert SHAPE.search(shape), shape
    for other in ("Beta(alpha, alpha)", "(lam, perm)", "call()", "(model, x) -> output", "(equation 4, Listing 1)"):
        assert not SHAPE.search(other), other
