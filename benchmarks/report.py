"""One JSON file a benchmark and device, written by the script alone; the table is made from all of them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import FIGURES
from benchmarks.machine import kind, machine
from benchmarks.options import Options
from benchmarks.timing import Spread
from mixupe.console import say
from mixupe.experiment.record import code_state, versions
from mixupe.files import write_json


class Report:
    """The figures of one benchmark, on disk after each of them, so that a benchmark that is stopped keeps what it has.

    Args:
        what: name of the benchmark.
        options: it runs with.
        folder: gets `<what>-<kind of machine>.json`.
    """

    def __init__(self, what: str, options: Options, folder: Path) -> None:
        machine_kind = kind(options.device)
        self.path = folder / f"{what}-{machine_kind}.json"
        self._device = options.device.type
        self.content: dict[str, Any] = {
            "what": what,
            "device": self._device,
            "kind": machine_kind,
            "quick": options.quick,
            "complete": False,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "options": {"threads": options.threads, "repeat": options.repeat},
            "hardware": machine(options.device),
            "versions": {**versions(), "cuda": torch.version.cuda},
            "code": code_state(),
            "figures": [],
            "left_out": [],
        }

    def add(self, key: str, measured: Spread, how: str = "", details: Mapping[str, float] | None = None) -> None:
        """Record one figure.

        Args:
            key: of FIGURES.
            measured: in that figure's unit.
            how: sizes and settings, one line.
            details: what the figure was made of, such as milliseconds a step.
        """
        figure = FIGURES[key]
        entry = {
            "key": key,
            "what": figure.what,
            "unit": figure.unit,
            **asdict(measured),
            "how": how,
            "details": {name: round(value, 4) for name, value in (details or {}).items()},
            "target": {"sense": figure.sense, "cpu": figure.cpu, "gpu": figure.gpu},
            "met": figure.is_met(measured.median, self._device),
        }
        self.content["figures"].append(entry)
        self._write()
        target = figure.target(self._device)
        verdict = "" if target is None else f"; target {figure.sense} {target:g}: {'met' if entry['met'] else 'MISSED'}"
        say(
            f"  {figure.what}: {measured.median:.3g} {figure.unit} ({measured.low:.3g} to {measured.high:.3g}){verdict}"
        )

    def leave_out(self, what: str, reason: str) -> None:
        """Record that something could not be measured here."""
        self.content["left_out"].append(f"{what}: {reason}")
        self._write()
        say(f"  {what} left out: {reason}")

    def close(self) -> None:
        """All has been measured."""
        self.content["complete"] = True
        self._write()

    def _write(self) -> None:
        write_json(self.path, self.content)
