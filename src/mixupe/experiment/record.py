"""record.json: what a number in a table leads back to."""

from __future__ import annotations

import functools
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mixupe.data.base import DataBundle
from mixupe.experiment.identity import RESULTS_VERSION, group_of, id_of
from mixupe.experiment.metrics_log import Row
from mixupe.experiment.settings import RunSettings

if TYPE_CHECKING:
    import torch

PACKAGES = ("mixupe", "torch", "torchvision", "torch-geometric", "timm", "scikit-learn", "numpy", "hydra-core")
CURVES = ("train_loss", "validation_loss", "validation_error")


def config_of(settings: RunSettings) -> dict[str, Any]:
    """The resolved config as plain JSON values, as written to config.yaml."""
    config: dict[str, Any] = settings.model_dump(mode="json", serialize_as_any=True)
    return config


def public_config(settings: BaseModel) -> dict[str, Any]:
    """As `config_of`, but it does not say where on this machine files lie: of a place only the last name is kept, unless it
    is below the working folder. For what leaves the machine: records and mirrors.
    """
    config: dict[str, Any] = settings.model_dump(mode="json", serialize_as_any=True)
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            config[name] = public_config(value)
        elif isinstance(value, Path) and (value.is_absolute() or {"..", "~"} & set(value.parts)):
            config[name] = value.name
    return config


def build_record(
    settings: RunSettings,
    values: Mapping[str, Any],
    data: DataBundle,
    parameters: int,
    metrics: dict[str, float],
    rows: Sequence[Row],
    device: torch.device,
    timing: dict[str, Any],
    processes: int = 1,
) -> dict[str, Any]:
    """The record of a finished run; `values` are its identity as its data were loaded, `rows` those of metrics.jsonl.

    `metrics` and what stands beside it are a function of config, seed and machine type; only `timing`, `hardware`,
    `versions` and `code` may differ between two runs of one identity.
    """
    return {
        "id": id_of(values),
        "group": group_of(values),
        "engine": RESULTS_VERSION,
        "dataset": settings.dataset.name,
        "domain": settings.dataset.domain,
        "model": settings.model.name,
        "augmentation": settings.augmentation.name,
        "seed": settings.seed,
        "protocol": settings.protocol,
        "config": public_config(settings),
        "metrics": metrics,
        "curves": {name: [row[name] for row in rows] for name in CURVES},
        "parameters": parameters,
        "examples": {
            "train": len(data.train.labels),
            "validation": len(data.validation.labels),
            "test": len(data.test.labels),
        },
        "classes": data.spec.num_classes,
        "content": values["content"],
        "split": data.split_digest,
        "test_part": data.test_part,
        "notes": list(data.notes),
        "code": code_state(),
        "versions": versions(),
        "hardware": hardware(device, processes),
        "timing": timing,
    }


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a number."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def code_state() -> dict[str, Any]:
    """Commit of the source tree and whether it had uncommitted changes; None where it is no git checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        # Results are written while a sweep runs; they are no part of the code.
        dirty = bool(git("status", "--porcelain", "--", ":/src", ":/configs", ":/scripts"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": dirty}


def hardware(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """What the run ran on."""
    import torch  # records are also read where nothing is computed

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    return {
        "device": device.type,
        "name": name,
        "threads": torch.get_num_threads(),
        "processes": processes,
        "platform": platform.platform(),
    }


@functools.cache
def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
