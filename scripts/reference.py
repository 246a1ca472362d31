"""Write docs/reference.md, every key of a config: python scripts/reference.py [--check]

Keys, types and ranges come from the settings classes, what they do from their docstrings, defaults from the files in
configs/. With --check nothing is written: exit status 1 if the file is not what would be written.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from omegaconf import OmegaConf
from pydantic import BaseModel

import mixupe
from mixupe.augmentation.config import settings_class as augmentation_class
from mixupe.augmentation.registry import own_methods
from mixupe.command_line import Parser, exit_status
from mixupe.data.base import Card, DatasetSettings
from mixupe.data.registry import LOADERS
from mixupe.data.registry import settings_class as dataset_class
from mixupe.experiment.settings import DataSettings, LoggerSettings, RunSettings
from mixupe.models.base import ModelSettings
from mixupe.models.settings import SETTINGS as MODELS
from mixupe.places import CONFIGS
from mixupe.tables.manifest import Cell, Select, Table
from mixupe.training.optimizer import OptimizerSettings, SchedulerSettings
from mixupe.training.settings import TrainerSettings

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
TOP = """# Reference of all keys

Made by `make docs` from the settings classes and `configs/`; do not edit it. Any key is set on the command line:
`trainer.epochs=50`. A group is chosen by its file: `model=mlp`. `python scripts/train.py --cfg job` shows what a command
would run with. Wrong keys, types and values are refused in one line before any work.

*Default* is the value in the files of `configs/`, with the files' names where they differ. **not in the id**: changing it
does not make another run, because it does not change the results. A key `name` that is not listed is fixed by the file.
"""
BOTTOM = """## hydra

Sweepers and launchers have their keys, each with a comment, in `configs/hydra/sweeper` and `configs/hydra/launcher`:
`hydra.sweeper.minutes=9` with `--multirun` is a time box, `hydra/launcher=joblib` takes all cores,
`hydra/sweeper=optuna` searches ranges.
"""
# Values that differ in more files than this are looked up there.
MOST_VALUES, MOST_NAMES = 5, 6
# As in mixupe.experiment.identity.
OUTSIDE = {"card", "stages", "output_root"}


@dataclass(frozen=True)
class Part:
    """A table of keys: those of `cls` that `base` does not have alike, with the values of `configs` by file."""

    title: str
    cls: type[BaseModel]
    configs: Mapping[str, Mapping[str, Any]]
    docs: Sequence[object]
    base: type[BaseModel] | None = None
    skip: tuple[str, ...] = ()
    in_id: bool = True


def parts() -> Iterator[tuple[str, list[Part]]]:
    """The page's sections."""
    top: dict[str, Any] = {"train": OmegaConf.to_container(OmegaConf.load(CONFIGS / "train.yaml"), resolve=False)}
    groups = ("dataset", "model", "augmentation", "optimizer", "scheduler", "trainer", "logger")
    run = Part("Of every run", RunSettings, top, [RunSettings], skip=(*groups, "data"))
    data = {"train": top["train"]["data"]}
    yield "Run", [run, Part("data", DataSettings, data, [DataSettings], in_id=False)]

    files = configs("dataset")
    cards: dict[str, Any] = {name: values["card"] for name, values in files.items()}
    sets = [
        Part("Every data set", DatasetSettings, files, [DatasetSettings]),
        Part("card", Card, cards, [Card], in_id=False),
    ]
    for loader in sorted(LOADERS):
        own = {name: values for name, values in files.items() if values.get("loader") == loader}
        cls = dataset_class(loader)
        sets.append(Part(f"loader {loader}", cls, own, cls.__mro__, DatasetSettings))
    yield "dataset", sets

    files = configs("model")
    models = [Part("Every model", ModelSettings, files, [ModelSettings])]
    for builder, (network, _) in sorted(MODELS.items()):
        own = {name: values for name, values in files.items() if values["builder"] == builder}
        models.append(Part(f"builder {builder}", network, own, network.__mro__, ModelSettings))
    yield "model", models

    files = configs("augmentation")
    methods = []
    for name, method in sorted(own_methods().items()):
        own = {file: values for file, values in files.items() if values["name"] == name}
        methods.append(Part(name, augmentation_class(method, name), own, [method]))
    yield "augmentation", methods

    for group, union in (("optimizer", OptimizerSettings), ("scheduler", SchedulerSettings)):
        files = configs(group)
        found = []
        for cls in get_args(get_args(union)[0]):
            (name,) = get_args(cls.model_fields["name"].annotation)
            own = {file: values for file, values in files.items() if values["name"] == name}
            found.append(Part(f"name {name}", cls, own, [cls]))
        yield group, found
    yield "trainer", [Part("Every trainer", TrainerSettings, configs("trainer"), [TrainerSettings])]
    yield "logger", [Part("Every logger", LoggerSettings, configs("logger"), [LoggerSettings], in_id=False)]
    yield (
        "table",
        [
            Part("A file of configs/table", Table, {}, [Table]),
            Part("cells", Cell, {}, [Cell]),
            Part("select", Select, {}, [Select]),
        ],
    )


def configs(group: str) -> dict[str, dict[str, Any]]:
    """Name -> content of each file of a config group."""
    folder = CONFIGS / group
    paths = sorted(folder.rglob("*.yaml"))
    return {
        path.relative_to(folder).with_suffix("").as_posix(): OmegaConf.to_container(OmegaConf.load(path))  # type: ignore[misc]
        for path in paths
    }


def rows(part: Part) -> Iterator[list[str]]:
    """Key, type, default and what it does, for each key of a part."""
    schema, base = schema_of(part.cls), {} if part.base is None else schema_of(part.base)
    for key, entry in schema.items():
        fixed_name = key == "name" and "const" in entry
        if key in part.skip or fixed_name or (key in base and _without_default(base[key]) == _without_default(entry)):
            continue
        text = description(part, key)
        if part.in_id and (entry.get("identity") is False or key in OUTSIDE):
            text += " **not in the id**"
        yield [f"`{key}`", type_text(entry), default_text(part, key, entry), text]


def schema_of(cls: type[BaseModel]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = cls.model_json_schema().get("properties", {})
    return found


def _without_default(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("default", "title", "identity_default")}


def type_text(schema: Mapping[str, Any]) -> str:
    """A JSON schema of one key in words."""
    if "$ref" in schema or "allOf" in schema:
        return "keys of its own"
    if "anyOf" in schema:
        return " or ".join(type_text(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind == "array":
        many = [type_text(item) for item in schema.get("prefixItems", [])]
        return f"list: {', '.join(many)}" if many else f"list of {type_text(schema.get('items', {}))}"
    if kind == "object":
        return f"mapping to {type_text(schema.get('additionalProperties', {}))}"
    names = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "`null`"}
    words = names.get(str(kind), "path" if schema.get("format") == "path" else "text")
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": r"\<"}
    ranges = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    if "pattern" in schema:
        ranges.append(f"as {code(schema['pattern'])}")
    return " ".join([words, ", ".join(ranges)]).strip()


def default_text(part: Part, key: str, schema: Mapping[str, Any]) -> str:
    """The values in the config files, the commonest first."""
    by_value: dict[str, list[str]] = {}
    for file, values in part.configs.items():
        value = values.get(key, schema.get("default", "???"))
        by_value.setdefault(code(value) if value != "???" else "must be given", []).append(file)
    if not by_value:
        field = part.cls.model_fields[key]
        return "must be given" if field.is_required() else code(field.get_default(call_default_factory=True))
    if len(by_value) > MOST_VALUES or key == "card":
        return "in each file"
    (first, _), *others = sorted(by_value.items(), key=lambda item: -len(item[1]))
    return "; ".join([first, *(f"{value} ({_names(files)})" for value, files in others)])


def _names(files: Sequence[str]) -> str:
    return ", ".join(files) if len(files) <= MOST_NAMES else f"{len(files)} files"


def code(value: Any) -> str:
    """A value as it is written in a config."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text[:8]}...`" if re.fullmatch(r"[0-9a-f]{64}", text) else f"`{text}`"


def description(part: Part, key: str) -> str:
    """What a docstring says of the key; empty where none does."""
    for owner in part.docs:
        text = documented(inspect.getdoc(owner) or "").get(key)
        if text is None:
            continue
        module = sys.modules[owner.__module__]
        while elsewhere := re.match(r"see `(\w+)`", text):  # of the same file, or public, which takes the same argument
            other = getattr(module, elsewhere.group(1), None) or getattr(mixupe, elsewhere.group(1))
            text, module = documented(inspect.getdoc(other) or "")[key], sys.modules[other.__module__]
        spans = re.sub(r"\bNone\b", "null", text).split("`")  # every second one is code
        return "`".join(re.sub(r"([<*])", r"\\\1", span) if i % 2 == 0 else span for i, span in enumerate(spans))
    return ""


def documented(doc: str) -> dict[str, str]:
    """Name -> text of the entries under `Args:` and `Attributes:`; of a name with both, the former."""
    found: dict[str, str] = {}
    names: list[str] = []
    margin: int | None = None
    inside = False
    for line in doc.splitlines():
        if re.fullmatch(r"(Args|Attributes|Raises|Returns|Yields):", line):
            inside, margin, names = line in ("Args:", "Attributes:"), None, []
            continue
        if not inside or not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        margin = indent if margin is None else margin
        entry = re.match(r"((?:\w+, )*\w+): (.+)", line.strip())
        if indent == margin and entry:
            names = [name for name in entry.group(1).split(", ") if name not in found]
            found |= dict.fromkeys(names, entry.group(2))
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def summary(owner: object) -> str:
    """The docstring's first paragraph, where it says more than whose keys they are."""
    first = " ".join((inspect.getdoc(owner) or "").split("\n\n")[0].split())
    return "" if first.startswith("Keys ") else first


def page() -> str:
    lines = [TOP]
    for group, found in parts():
        lines.append(f"## {group}\n")
        if group == "dataset":
            lines += [recipes()]
        for part in found:
            lines.append(f"### {part.title}\n")
            own = part.base is not None or group in ("augmentation", "optimizer", "scheduler")
            said = [summary(part.docs[0]) if group in ("augmentation", "scheduler") else ""]
            said += [f"Files: {', '.join(f'`{name}`' for name in part.configs)}."] if own and part.configs else []
            lines += [f"{line}\n" for line in said if line]
            body = list(rows(part))
            if not body:
                lines.append("No keys of its own.\n")
                continue
            lines += [table(["key", "type", "default", "what it does"], body), ""]
    return "\n".join([*lines, BOTTOM])


def recipes() -> str:
    """What a domain gets where the command line does not choose."""
    keys = ("model", "optimizer", "optimizer.lr", "scheduler", "trainer")
    body = [
        [name, *(code(recipe[key]) if key in recipe else "" for key in keys)]
        for name, recipe in configs("recipe").items()
    ]
    return f"Where the command line chooses none, the data set's domain does:\n\n{table(['domain', *keys], body)}\n"


def table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


@exit_status
def main() -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if the file is out of date")
    text = page()
    if parser.parse_args().check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print("docs/reference.md is up to date" if same else "docs/reference.md is out of date: make docs")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    print("Written to docs/reference.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
