"""table.md from all JSON files of a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mixupe.files import read_json, write_text

HEADER = ("figure", "machine", "measured (least to greatest)", "target cpu", "target gpu", "met")


def read_reports(folder: Path) -> list[dict[str, Any]]:
    """The reports in a folder, CPU before GPU."""
    return [read_json(path) for path in sorted(folder.glob("*.json"), key=lambda path: path.stem.split("-", 1)[::-1])]


def build_table(folder: Path) -> Path:
    """Write `table.md` from every report in the folder; returns its path."""
    reports = read_reports(folder)
    lines = [
        "# Benchmarks",
        "",
        "Contestants take turns in one process (A B A B ...) after a warm-up; a ratio is the median over the repetitions,"
        " each against its neighbour, and stands with the least and the greatest. Each JSON file beside this one holds"
        " the hardware, versions, commit and sizes behind its figures. `python scripts/benchmark.py {step,data,epoch,sweep}`"
        " measures again and rewrites both.",
        "",
        *(f"- {_origin(report)}" for report in reports),
        "",
        *("| " + " | ".join(row) + " |" for row in [HEADER, ("---",) * len(HEADER), *_rows(reports)]),
        "",
    ]
    left_out = [f"- {report['what']}, {_kind(report)}: {reason}" for report in reports for reason in report["left_out"]]
    if left_out:
        lines += ["Left out:", "", *left_out, ""]
    path = folder / "table.md"
    write_text(path, "\n".join(lines))
    return path


def _rows(reports: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line a figure, with its sizes."""
    rows = []
    for report in reports:
        for figure in report["figures"]:
            what, *rest = _row(report, figure)
            rows.append((f"{what} ({figure['how']})" if figure["how"] else what, *rest))
    return rows


def _row(report: dict[str, Any], figure: dict[str, Any]) -> tuple[str, ...]:
    return (
        figure["what"],
        _kind(report),
        _measured(figure),
        _target(figure, "cpu"),
        _target(figure, "gpu"),
        {True: "yes", False: "no", None: "-"}[figure["met"]],
    )


def _kind(report: dict[str, Any]) -> str:
    kind: str = report.get("kind", report["device"])  # older files do not say more
    return kind


def _measured(figure: dict[str, Any]) -> str:
    text = f"{figure['median']:.3g} {figure['unit']}"
    if figure["repetitions"] == 1:
        return text
    return f"{text} ({figure['low']:.3g} to {figure['high']:.3g}, {figure['repetitions']} times)"


def _target(figure: dict[str, Any], device: str) -> str:
    value = figure["target"][device]
    return "-" if value is None else f"{figure['target']['sense']} {value:g} {figure['unit']}"


def _origin(report: dict[str, Any]) -> str:
    """`step on cuda: NVIDIA H200 ..., commit ..., date`."""
    hardware, code = report["hardware"], report["code"]
    commit = (
        "no commit"
        if code["commit"] is None
        else f"commit {code['commit'][:10]}{' with changes' if code['dirty'] else ''}"
    )
    limits = [f"{name}={value}" for name, value in hardware.get("switches", {}).items()]
    can = ", ".join([*hardware.get("instructions", []), *limits])
    parts = [
        *([hardware["gpu"]] if "gpu" in hardware else []),
        f"{hardware['cpu']}{f' ({can})' if can else ''}, {hardware['cores']} cores, {report['options']['threads']} threads",
        f"torch {report['versions']['torch']}",
        commit,
        report["date"],
    ]
    doubts = [
        *(["tiny sizes, no measurement"] if report["quick"] else []),
        *([] if report["complete"] else ["stopped early"]),
    ]
    return f"{report['what']} on {_kind(report)}: {'; '.join([*parts, *doubts])}"
