"""From a command line to checked settings: Hydra composes, every complaint becomes one line."""

import functools
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from mixupe.errors import UserError, one_line, perhaps
from mixupe.experiment.config import parse_config
from mixupe.experiment.search_path import SEARCH_PATH
from mixupe.experiment.settings import RunSettings
from mixupe.places import CONFIGS, check_checkout

CONFIG_NAME = "train"
DEFAULT_DATASET = "digits"

# Our launcher configs have the names of their plugins' own, whose keys and types they then have, too.
warnings.filterwarnings("ignore", message=r"\n'hydra/launcher/\w+' is validated against ConfigStore schema")


def _gpus_a_job() -> int:
    """For launchers that deal out GPUs: how many a job gets."""
    import torch  # a command line is checked without it

    return min(1, torch.cuda.device_count())


OmegaConf.register_new_resolver("gpus_a_job", _gpus_a_job, replace=True)


@contextmanager
def hydra_initialised() -> Iterator[None]:
    """Make `compose_settings` usable outside scripts/train.py; UserError where there are no configs."""
    check_checkout()
    if GlobalHydra.instance().is_initialized():
        yield
    else:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            yield


def key_of(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def with_recipe(overrides: Sequence[str]) -> list[str]:
    """The overrides, preceded by the domain's choices for every group the user did not choose.

    Tabular data is trained by an MLP with AdamW, images by a convolutional network with SGD: `configs/recipe/`. A value
    such as `optimizer.lr` belongs to its group's choice and goes with it. Where the overrides span several domains (a
    grid, a declared table), nothing is added; each run gets its own recipe.
    """
    chosen = {key_of(override): override.split("=", 1)[-1] for override in overrides}
    if "table" in chosen:
        return list(overrides)
    names = chosen.get("dataset", DEFAULT_DATASET).split(",")
    domains = {_domain_of(name) for name in names}
    if len(domains) != 1 or None in domains:
        return list(overrides)
    added = [f"{key}={value}" for key, value in _recipe(domains.pop()).items() if key.split(".")[0] not in chosen]
    return [*added, *overrides]


@functools.cache
def _recipe(domain: str | None) -> dict[str, str]:
    recipe: dict[str, str] = yaml.safe_load((CONFIGS / "recipe" / f"{domain}.yaml").read_text())
    return recipe


def _domain_of(dataset: str) -> str | None:
    path = CONFIGS / "dataset" / f"{dataset}.yaml"
    if path.resolve().is_relative_to(CONFIGS) and path.is_file():
        return _stated_domain(path)
    try:  # a config of the user's own, which may have it from one of ours
        with hydra_initialised():
            domain = OmegaConf.select(_composed_choices((f"dataset={dataset}",), tuple(SEARCH_PATH)), "dataset.domain")
    except HydraException:
        return None
    return domain if (CONFIGS / "recipe" / f"{domain}.yaml").is_file() else None


@functools.cache
def _stated_domain(path: Path) -> str | None:
    domain: str | None = yaml.safe_load(path.read_text()).get("domain")
    return domain


def settings_of(config: Any) -> RunSettings:
    """Checked settings of a composed config.

    Raises:
        UserError: names the key, the value and what is allowed.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(complaint(error)) from error
    assert isinstance(plain, dict)
    return parse_config({str(key): value for key, value in plain.items()})


def compose_settings(overrides: Sequence[str]) -> RunSettings:
    """The settings that these command-line overrides describe (inside `hydra_initialised` or scripts/train.py).

    Raises:
        UserError: names the key, the value and what is allowed.
    """
    overrides = with_recipe(overrides)
    plain = _composed_from_parts(overrides)
    if plain is not None:
        return parse_config(plain)
    try:
        config = compose(CONFIG_NAME, overrides=overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(complaint(error, overrides)) from error
    return settings_of(config)


def _composed_from_parts(overrides: Sequence[str]) -> dict[str, Any] | None:
    """As Hydra's `compose`, which takes 50 ms or more, in plain containers; each choice of a group is composed once.

    The rest, plain `key=value`, is set on a copy as Hydra sets it. None where the overrides hold anything else or do not
    fit: then Hydra itself composes, or says what is wrong.

    Raises:
        UserError: there is no such key.
    """
    if any(override.startswith(("+", "~", "hydra")) for override in overrides):
        return None
    choices = tuple(override for override in overrides if _is_choice(override))
    try:
        config = deepcopy(_chosen(choices, tuple(SEARCH_PATH)))
        parsed = [_parsed(override) for override in overrides if not _is_choice(override)]
    except (HydraException, OmegaConfBaseException):
        return None
    for override in parsed:
        if override.is_sweep_override() or not _set(config, override, choices):
            return None
    return config if _is_settled(config) else None


def _set(config: dict[str, Any], override: Override, choices: tuple[str, ...]) -> bool:
    """Set the key of a config that these choices made; False where that is left to Hydra.

    Raises:
        UserError: there is no such key.
    """
    *parents, last = override.key_or_group.split(".")
    part: Any = config
    for name in parents:
        part = part.get(name) if isinstance(part, dict) else None
    value = override.value()
    if not isinstance(part, dict) or "[" in override.key_or_group or isinstance(value, dict):
        return False
    if last not in part:
        given = str(override.input_line).split("=", 1)[-1]
        chosen = _composed_choices(choices, tuple(SEARCH_PATH))
        raise UserError(_unknown_key(override.key_or_group, given, chosen))
    if isinstance(part[last], dict):
        return False
    part[last] = deepcopy(value)
    return True


def _is_settled(value: Any) -> bool:
    """Whether nothing in it is missing (`???`) or refers to something else (`${...}`)."""
    if isinstance(value, dict):
        return all(map(_is_settled, value.values()))
    if isinstance(value, list):
        return all(map(_is_settled, value))
    return not (isinstance(value, str) and (value == "???" or "${" in value))


@functools.lru_cache(maxsize=256)
def _chosen(choices: tuple[str, ...], search_path: tuple[str, ...]) -> dict[str, Any]:
    """The config of these choices in plain containers, put together from those of each alone where they allow it."""
    if len(choices) == 1 and not search_path:
        default, group = _chosen((), search_path), key_of(choices[0])
        part = _own_part(choices[0]) if group in default else None
        if part is not None:
            return {**default, group: part}
    if len(choices) <= 1 or len({key_of(choice) for choice in choices}) < len(choices):
        return _plain(_composed_choices(choices, search_path))
    default = _chosen((), search_path)
    config = dict(default)
    for choice in choices:
        alone = _chosen((choice,), search_path)
        group = key_of(choice)
        if any(alone.get(key) != default.get(key) for key in alone.keys() | default.keys() if key != group):
            return _plain(_composed_choices(choices, search_path))  # it has a say in more than its own part
        config[group] = alone[group]
    return config


def _own_part(choice: str) -> dict[str, Any] | None:
    """A choice of ours as its file has it; None where that may not be all that it says, and Hydra has to read it."""
    group, option = choice.split("=", 1)
    path = CONFIGS / group / f"{option}.yaml"
    if not path.resolve().is_relative_to(CONFIGS.resolve() / group) or not path.is_file():
        return None
    config = OmegaConf.load(path)
    if not isinstance(config, DictConfig) or "defaults" in config or "@package" in path.read_text(encoding="utf-8"):
        return None
    return _plain(config)


def _plain(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


@functools.lru_cache(maxsize=4096)
def _parsed(override: str) -> Override:
    parsed: Override = OverridesParser.create().parse_override(override)
    return parsed


@functools.lru_cache(maxsize=256)
def _composed_choices(choices: tuple[str, ...], search_path: tuple[str, ...]) -> DictConfig:  # noqa: ARG001 - for the cache
    return compose(CONFIG_NAME, overrides=list(choices))


def compose_all(override_lists: Sequence[Sequence[str]]) -> list[RunSettings]:
    """As `compose_settings` for each list, in what it raises too; lists that differ in the seed alone are composed once."""
    composed: dict[tuple[str, ...], RunSettings] = {}
    result = []
    for overrides in override_lists:
        seeds = [override for override in overrides if key_of(override) == "seed"]
        rest = tuple(override for override in overrides if key_of(override) != "seed")
        if rest not in composed:
            composed[rest] = compose_settings(rest)
        seed = seeds[-1].split("=", 1)[1] if seeds else None
        if seed is None:
            result.append(composed[rest])
        elif seed.isdigit():
            result.append(composed[rest].model_copy(update={"seed": int(seed)}))
        else:
            raise UserError(f"seed: must be an integer >= 0, got {seed!r}")
    return result


def expand_grid(overrides: Sequence[str]) -> list[list[str]]:
    """Hydra's grid syntax spelled out: `a=1,2 b=3` gives [a=1, b=3] and [a=2, b=3]; the last key varies fastest.

    Raises:
        UserError: an override asks for a continuous range, which is no grid.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    for override in parsed:
        if override.is_sweep_override() and not override.is_discrete_sweep():
            raise UserError(f"{override.input_line}: a continuous range needs a search, such as hydra/sweeper=optuna")
    (batch,) = BasicSweeper.split_arguments(parsed, None)
    return [list(job) for job in batch]


def complaint(error: BaseException, overrides: Sequence[str] = ()) -> str:
    """What Hydra or OmegaConf complains of, in one line that names the key, the value and what is allowed."""
    text = str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file is not None:
        group, _, option = error.missing_cfg_file.rpartition("/")
        while "/" in group and not (CONFIGS / group).is_dir():  # dataset=graphs/mutag
            group, _, folder = group.rpartition("/")
            option = f"{folder}/{option}"
        return _unknown(group, repr(option), error.options or ())
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key}: must be given"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if isinstance(error, ConfigCompositionException) and unknown:
        key = unknown.group(1)
        value = next((o.split("=", 1)[-1] for o in overrides if key_of(o) == key), None)
        return _unknown_key(key, value, _config_without(key, overrides))
    return one_line(error)


def check_choice(override: Override) -> None:
    """Raise UserError if it chooses, from a config group, what is no name (null, a number)."""
    group = override.get_key_element().lstrip("+")
    if not override.is_delete() and (CONFIGS / group).is_dir():
        values = override.sweep_iterator() if override.is_discrete_sweep() else [override.value()]
        wrong = [value for value in values if value is None or isinstance(value, bool | int | float)]
        if wrong:
            raise UserError(_unknown(group, json.dumps(wrong[0])))


def _unknown(group: str, option: str, others: Iterable[str] = ()) -> str:
    folder = CONFIGS / group
    options = sorted({str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml")} | set(others))
    word = option.strip("'")
    elsewhere = [name for name in options if name.rpartition("/")[2] == word.rpartition("/")[2]]
    meant = f"; perhaps {elsewhere[0]!r} is meant" if elsewhere else perhaps(word, options)
    return f"{group}: {option} is unknown, allowed are {', '.join(options)}{meant}"


def _config_without(key: str, overrides: Sequence[str]) -> DictConfig | None:
    """The config that these overrides choose but for that key; None where they cannot be composed."""
    choices = tuple(override for override in overrides if key_of(override) != key and _is_choice(override))
    try:
        with hydra_initialised():
            return _composed_choices(choices, tuple(SEARCH_PATH))
    except HydraException:
        return None


def _unknown_key(key: str, value: str | None, config: DictConfig | None) -> str:
    """The line that says so, with the keys of the same part of the config."""
    allowed = ["(see configs/)"] if config is None else _keys_beside(key, config)
    given = "" if value is None else f" (given: {value})"
    # Without what they all begin with, which would make any two alike.
    meant = perhaps(_last(key), map(_last, allowed))
    return f"{key}: unknown key{given}, allowed are {', '.join(allowed)}{meant}"


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _keys_beside(key: str, config: DictConfig) -> list[str]:
    parent = key.rpartition(".")[0]
    part = OmegaConf.select(config, parent) if parent else config
    keys = [str(name) for name in part] if OmegaConf.is_dict(part) else [str(name) for name in config]
    prefix = f"{parent}." if OmegaConf.is_dict(part) and parent else ""
    return [prefix + name for name in keys]


def _is_choice(override: str) -> bool:
    """Whether the override picks an option of a config group, a single one."""
    key = key_of(override)
    return (CONFIGS / key).is_dir() and "," not in override and not key.startswith("hydra")
