"""What two runs of one identity must share, bit for bit on a CPU."""

from typing import Any

import torch
from torch import Tensor

from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.store import RunFolder


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """The part of a record that config, seed and machine type fix; the output folder is the test's own."""
    kept = {key: value for key, value in record.items() if key not in {"timing", "hardware", "versions", "code"}}
    return {**kept, "config": {**kept["config"], "output_root": None}}


def assert_same_state(a: Any, b: Any, where: str = "") -> None:
    """Equal nested containers of tensors and plain values."""
    assert type(a) is type(b), where
    if isinstance(a, Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            assert_same_state(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for index, (ours, theirs) in enumerate(zip(a, b, strict=True)):
            assert_same_state(ours, theirs, f"{where}[{index}]")
    else:
        assert a == b, where


def assert_same_runs(a: RunFolder, b: RunFolder) -> None:
    """Equal last checkpoints (model, optimizer, schedule, method, best epoch) and metrics of all epochs, but for times."""
    states = [torch.load(folder.checkpoint, weights_only=True) for folder in (a, b)]
    for state in states:
        del state["seconds"]
    assert_same_state(*states)
    metrics = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in MetricsLog(folder.metrics).rows()]
        for folder in (a, b)
    ]
    assert metrics[0] == metrics[1]
