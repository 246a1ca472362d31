"""Every figure that is measured, and the target it has; `None` where there is none."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """A figure that is measured, and what it must reach.

    Attributes:
        what: is measured, in words.
        unit: of the figure; `x` for a ratio.
        sense: whether the figure must be at least or at most its target.
        cpu, gpu: targets on two CPU cores and on an H200.
    """

    what: str
    unit: str
    sense: Literal[">=", "<="]
    cpu: float | None = None
    gpu: float | None = None

    def target(self, device: str) -> float | None:
        return self.gpu if device == "cuda" else self.cpu

    def is_met(self, measured: float, device: str) -> bool | None:
        target = self.target(device)
        if target is None:
            return None
        return measured >= target if self.sense == ">=" else measured <= target


FIGURES = {
    # step
    "step_vs_textbook": Figure("MixupE v3 step: textbook time / ours at its best here", "x", ">=", None, 4.0),
    "step_bf16": Figure("MixupE v3 step: textbook time (float32) / ours in bf16", "x", ">=", 1.9),
    "step_float32": Figure("MixupE v3 step, narrow network: textbook time / ours in float32", "x", ">=", 1.3),
    "clean_pass_separate": Figure("MixupE step / mixup step, clean pass separate", "x", "<=", 2.05, 2.05),
    "clean_pass_joint": Figure("MixupE step / mixup step, clean pass joint", "x", "<=", 1.9, 1.9),
    "penalty_every_4": Figure("MixupE step / mixup step, penalty every 4th step", "x", "<=", 1.3, 1.3),
    # epoch
    "epoch_vs_bare": Figure("mixup epoch: throughput as share of a bare loop on ready batches", "x", ">=", 0.95, 0.95),
    "epoch_vs_timm": Figure("mixup epoch: timm loop as its users write it / ours", "x", ">=", 1.0, 1.3),
    "epoch_vs_timm_alike": Figure("mixup epoch: timm loop with our precision, layout, compilation / ours", "x", ">="),
    "input_wait": Figure("share of an epoch that waits for batches, images in memory", "%", "<=", 2, 2),
    # data
    "images_vs_torchvision": Figure("crop, flip, normalise: torchvision v2 image by image / ours", "x", ">="),
    "graphs_vs_pyg": Figure("batches of graphs: PyTorch Geometric's DataLoader / ours", "x", ">="),
    "speech_vs_torchaudio": Figure("log-mel batches: torchaudio clip by clip / ours", "x", ">="),
    "jpegs_vs_torchvision": Figure("streamed JPEGs: torchvision ImageFolder and DataLoader / ours", "x", ">="),
    "streaming_wait": Figure("share of an epoch that waits for batches, streamed JPEGs", "%", "<=", 2, 2),
    "streaming_memory": Figure("peak host memory of an epoch streamed from JPEGs, all processes", "GB", "<=", 2, 2),
    "streaming_growth": Figure("host memory at the end of that epoch / at a quarter of it", "x", "<=", 1.1, 1.1),
    # sweep
    "stacked_vs_in_turn": Figure("stacked seeds of a tabular MLP / one after another, runs a second", "x", ">=", 3, 20),
    "sweep_vs_processes": Figure("one process for all runs / one process a run, runs a second", "x", ">="),
    "overhead": Figure("a run beyond its training steps, runs sharing a process", "s", "<=", 0.5, 0.5),
    "dry_seconds": Figure("dry run of a table, Python's start included", "s", "<=", 10, 10),
    "dry_memory": Figure("its peak memory", "GB", "<=", 1, 1),
    "dry_growth": Figure("its time / that for half as many runs", "x", "<=", 2.2, 2.2),
    "table_seconds": Figure("table built from records, Python's start included", "s", "<=", 10, 10),
    "table_memory": Figure("its peak memory", "GB", "<=", 1, 1),
    "table_growth": Figure("its time / that for half as many records", "x", "<=", 2.2, 2.2),
    "quickstart_memory": Figure("peak host memory of the quickstart, all processes", "GB", "<=", 2, 2),
}
