"""Batches on the device: a split's own against those of a DataLoader, as users of the library behind it have them."""

from collections.abc import Iterable
from typing import Any

import torch

from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.timing import interleaved, medians, ratio, timed
from mixupe.data.base import Split


def against_loader(
    key: str,
    split: Split,
    loader: Iterable[Any],
    batch: int,
    how: str,
    options: Options,
    report: Report,
    count: int | None = None,
    augment: torch.Generator | None = None,
) -> None:
    """Add the figure `<what>_vs_<library>`: the loader's time for a pass over the examples, over the split's.

    Args:
        key: of the figure.
        split: ours, on any device.
        loader: gives batches of as many examples: sequences of what has `to`, or one such thing (a batch of graphs).
        batch: examples a step.
        how: sizes, one line.
        options, report: of the benchmark.
        count: examples a pass; None is all of the split.
        augment: draws of the split's crops and flips.
    """
    ours, examples = split.to(options.device), count or len(split.labels)

    def our_pass() -> None:
        for _ in ours.batches(torch.split(torch.randperm(len(ours.labels))[:examples], batch), augment):
            pass

    def their_pass() -> None:
        for parts in loader:
            for part in parts if isinstance(parts, list) else [parts]:
                part.to(options.device, non_blocking=True)

    what, library = key.split("_vs_")
    contestants = {library: timed(their_pass, options.device), "ours": timed(our_pass, options.device)}
    times = interleaved(f"data: {what}", contestants, options)
    details = medians(times)
    details["examples/s, ours"] = 1000 * examples / details["ours, ms"]
    report.add(key, ratio(times[library], times["ours"]), how, details)
