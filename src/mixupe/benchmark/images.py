"""Images in memory: our batched crop, flip and normalisation against torchvision's transforms image by image."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from mixupe.benchmark.epoch import random_images
from mixupe.benchmark.nets import BATCH
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import interleaved, medians, ratio, timed
from mixupe.data.images.tensor_images import TensorImages


class _TransformedImages(Dataset[tuple[Tensor, int]]):
    """The same images as users of torchvision have them: on the CPU, transformed one at a time."""

    def __init__(self, images: TensorImages) -> None:
        self.images = images
        self.transform = v2.Compose(
            [
                v2.RandomCrop(images.pixels.shape[-1], padding=images.crop_padding),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(images.mean.tolist(), images.std.tolist()),
            ]
        )

    def __len__(self) -> int:
        return len(self.images.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images.pixels[index]), int(self.images.targets[index])


def measure(options: Options, report: Report) -> None:
    """Batches on the device, from either."""
    count = options.size(cpu=2000, gpu=20_000, quick=40)
    images = random_images(count)
    ours, draws = images.to(options.device), torch.Generator().manual_seed(0)
    workers = options.threads if options.on_gpu else 0
    theirs: DataLoader[Any] = DataLoader(
        _TransformedImages(images),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        pin_memory=options.on_gpu,
        persistent_workers=workers > 0,
    )

    def our_pass() -> None:
        for _ in ours.batches(torch.split(torch.randperm(count), BATCH), draws):
            pass

    def their_pass() -> None:
        for pixels, targets in theirs:
            pixels.to(options.device, non_blocking=True)
            targets.to(options.device, non_blocking=True)

    contestants = {"torchvision": timed(their_pass, options.device), "ours": timed(our_pass, options.device)}
    times = interleaved("data: images in memory", contestants, options)
    details = medians(times)
    details["images/s, ours"] = 1000 * count / details["ours, ms"]
    how = f"{count} images of 32x32, batch {BATCH}, torchvision with {workers} worker processes"
    report.add("images_vs_torchvision", ratio(times["torchvision"], times["ours"]), how, details)
