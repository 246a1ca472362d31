"""Images streamed from JPEG files: speed beside torchvision's own loader, waits of a training epoch, memory."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.contest import against_loader
from benchmarks.jpegs import SIZE, write_jpegs
from benchmarks.machine import available_cores
from benchmarks.options import Options
from benchmarks.processes import in_fresh_process
from benchmarks.report import Report
from benchmarks.streamed_epoch import image_size, precision, streamed_bundle, streamed_epochs
from benchmarks.timing import Spread
from mixupe.console import say

BATCH = 64


def measure(options: Options, report: Report) -> None:
    """All on one folder of JPEG files, removed afterwards."""
    with TemporaryDirectory() as folder:
        files = options.size(cpu=20_000, gpu=20_000, quick=80)
        jpegs = Path(folder) / "jpegs"
        say(f"data: writing {files} JPEGs ...")
        write_jpegs(jpegs, files)
        _against_torchvision(options, report, jpegs)
        _waits(options, report, jpegs)
        _memory(options, report, jpegs, files)


def workers(options: Options) -> int:
    return 1 if options.quick else available_cores()


def _against_torchvision(options: Options, report: Report, jpegs: Path) -> None:
    size = image_size(options)
    ours = streamed_bundle(jpegs, size, workers(options)).train
    count = min(options.size(cpu=640, gpu=10_000, quick=16), len(ours.labels))
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(size),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.3] * 3),
        ]
    )
    some = torch.utils.data.Subset(ImageFolder(str(jpegs), transform), range(count))
    loader: DataLoader[Any] = DataLoader(
        some, BATCH, shuffle=True, num_workers=workers(options), pin_memory=options.on_gpu
    )
    how = f"{count} JPEGs of {SIZE[0]}x{SIZE[1]} to {size}x{size}, {workers(options)} worker processes"
    draws = torch.Generator().manual_seed(0)
    against_loader("jpegs_vs_torchvision", ours, loader, BATCH, how, options, report, count, draws)


def _waits(options: Options, report: Report, jpegs: Path) -> None:
    """A network worth streaming for, and of each epoch the batches after the first, which waits for the workers' start."""
    model = "preactresnet18" if options.quick else "resnet50"
    batch, steps = options.size(cpu=16, gpu=256, quick=8), options.size(cpu=6, gpu=50, quick=2)
    overrides = [
        f"model={model}",
        *(["model.width=2"] if options.quick else []),
        f"dataset.train_size={batch * steps}",
        "dataset.validation_fraction=0.002",
        f"trainer.batch_size={batch}",
        f"trainer.compile={str(options.on_gpu and not options.quick).lower()}",
    ]
    # The first epoch warms up.
    arguments = (jpegs, jpegs.parent / "waits", overrides, options, workers(options), options.repeat + 1)
    say("data: waits for streamed JPEGs ...")
    epochs = in_fresh_process(streamed_epochs, *arguments).result[1:]
    shares = [100 * sum(epoch.waits[1:]) / (epoch.seconds - epoch.waits[0]) for epoch in epochs]
    details = {
        "images/s": batch * steps / Spread.of([epoch.seconds for epoch in epochs]).median,
        "wait for the first batch, s": Spread.of([epoch.waits[0] for epoch in epochs]).median,
    }
    how = f"{model}, {precision(options)}, batch {batch}, {steps} steps, {workers(options)} worker processes, no first batch"
    report.add("streaming_wait", Spread.of(shares), how, details)


def _memory(options: Options, report: Report, jpegs: Path, files: int) -> None:
    """An epoch with validation over all files, with a network so small that the loader is at its limit all the time."""
    network = ["model=preactresnet18", "model.width=4", "model.stem_stride=8"]
    overrides = [*network, f"trainer.batch_size={BATCH}"]
    arguments = (jpegs, jpegs.parent / "memory", overrides, options, workers(options), 1)
    say("data: memory of a streamed epoch ...")
    done = in_fresh_process(streamed_epochs, *arguments)
    (epoch,) = done.result
    quarters = {f"after {25 * (i + 1)}%, GB": held / 1e9 for i, held in enumerate(epoch.memory)}
    how = f"{files} JPEGs, batch {BATCH}, {workers(options)} worker processes, with validation"
    report.add("streaming_memory", Spread.of([done.peak.gigabytes]), how, quarters)
    report.add("streaming_growth", Spread.of([epoch.memory[-1] / epoch.memory[0]]), how, quarters)
