"""`benchmark.py epoch`: passes over images that lie in memory, through the trainer and through the loops of others."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.contestants import TimmLoop, bare_mixup_step
from benchmarks.epoch_timer import EpochTimer, Stopwatch, TimedSplit
from benchmarks.nets import (
    CLASSES,
    IMAGE,
    LR,
    MOMENTUM,
    TEXTBOOK,
    WEIGHT_DECAY,
    Net,
    Setup,
    batch_size,
    network,
    random_batch,
    recommended,
    width,
)
from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.timing import Spread, interleaved, medians, ratio, timed
from mixupe import Mixup
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.images.tensor_images import TensorImages
from mixupe.training.optimizer import CosineSettings, SGDSettings
from mixupe.training.settings import TrainerSettings
from mixupe.training.trainer import Trainer

ALPHA = 1.0


def measure(options: Options, report: Report) -> None:
    """The trainer's mixup epoch against a bare loop and against timm's, and its wait for batches."""
    with TemporaryDirectory() as folder:
        timer = EpochTimer(image_trainer(options, Path(folder)))
        _contest(options, report, timer)
        _input_wait(options, report, timer)


def image_trainer(options: Options, folder: Path) -> Trainer:
    """A trainer as scripts/train.py makes one, on random images of CIFAR's shape with its crops and flips."""
    setup = recommended(options)
    examples = batch_size(options) * options.size(cpu=5, gpu=200, quick=2)
    train = random_images(examples)
    few = random_images(2)
    spec = DataSpec("images", tuple(map(str, range(CLASSES))), IMAGE)
    settings = TrainerSettings(
        epochs=1000,  # the schedule's; more than are trained
        batch_size=batch_size(options),
        precision="bf16" if setup.bf16 else "float32",
        channels_last=setup.channels_last,
        compile=setup.compile,
        device=options.device.type,
        threads=options.threads,
        checkpoint_every=1,
    )
    return Trainer(
        network(width(options)),
        Mixup(ALPHA),
        DataBundle(spec, train, few, few, split_digest=""),
        settings,
        SGDSettings(name="sgd", lr=LR, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY),
        CosineSettings(name="cosine", warmup=0, warmup_start=1),
        seed=0,
        checkpoint=folder / "checkpoint.pt",
    )


def random_images(count: int) -> TensorImages:
    """uint8 images with crops and flips, on the CPU."""
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, *IMAGE), dtype=torch.uint8, generator=draws)
    targets = torch.randint(CLASSES, (count,), generator=draws)
    return TensorImages(
        pixels, targets, mean=torch.full((3,), 0.5), std=torch.full((3,), 0.3), crop_padding=4, flip=True
    )


def _timm_loop(options: Options, setup: Setup, images: TensorImages) -> TimmLoop:
    on_device = images.to(options.device)
    mean, std = 255 * on_device.mean, 255 * on_device.std
    return TimmLoop(Net(options, setup), on_device.pixels, on_device.targets, mean, std, batch_size(options))


def _contest(options: Options, report: Report, timer: EpochTimer) -> None:
    setup, trainer = recommended(options), timer.trainer
    steps = trainer.steps_per_epoch
    bare, batch = Net(options, setup), random_batch(options, setup)
    images = random_images(trainer.examples)
    as_written, alike = (_timm_loop(options, chosen, images) for chosen in (TEXTBOOK, setup))
    contestants = {
        "ours": timer.epoch,
        "bare": timed(lambda: bare_mixup_step(bare, *batch, ALPHA), options.device, times=steps),
        "timm": timed(as_written.epoch, options.device),
        "timm alike": timed(alike.epoch, options.device),
    }
    times = interleaved("epoch: ours, a bare loop, timm", contestants, options)
    sizes = f"PreActResNet-18 width {width(options)}, batch {batch_size(options)}, {steps} steps; ours {setup}"
    details = medians(times, steps)
    report.add("epoch_vs_bare", ratio(times["bare"], times["ours"]), sizes, details)
    report.add(
        "epoch_vs_timm",
        ratio(times["timm"], times["ours"]),
        f"{sizes}; timm {TEXTBOOK}, not cropping or flipping",
        details,
    )
    report.add(
        "epoch_vs_timm_alike",
        ratio(times["timm alike"], times["ours"]),
        f"{sizes}; timm not cropping or flipping",
        details,
    )


def _input_wait(options: Options, report: Report, timer: EpochTimer) -> None:
    trainer, watch = timer.trainer, Stopwatch(options.device)
    trainer.train = TimedSplit(trainer.train, watch)
    shares = []
    for _ in range(options.repeat):
        watch.spans.clear()
        whole = timer.epoch()
        shares.append(100 * sum(watch.seconds()) / whole)
    how = f"batch {batch_size(options)}, {trainer.steps_per_epoch} steps, crop, flip and normalisation on the device"
    report.add("input_wait", Spread.of(shares), how)
