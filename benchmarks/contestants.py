"""The code of others that ours is timed against, written as its users write it."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from timm.data.mixup import Mixup as TimmMixup
from timm.loss.cross_entropy import SoftTargetCrossEntropy
from torch import Tensor

from benchmarks.nets import CLASSES, Net
from mixupe.augmentation.mix_layer import Model


def textbook_mixupe_loss(
    model: Model, x: Tensor, y: Tensor, lam: float, perm: Tensor, alpha: float, eta: float, threshold: float = 1.0
) -> Tensor:
    """MixupE v3 written down from its formulas: one-hot labels, two passes, losses read as Python numbers."""
    targets = torch.zeros(len(y), CLASSES, device=x.device).scatter_(1, y[:, None], 1.0)
    mixed = model(lam * x + (1 - lam) * x[perm])
    mixup = lam * F.cross_entropy(mixed, targets) + (1 - lam) * F.cross_entropy(mixed, targets[perm])
    clean = model(x)
    terms = (clean * (targets - clean.softmax(dim=1))).sum(dim=1)
    penalty = -terms[terms < threshold].sum() / len(x)
    loss = mixup + eta * alpha / (2 * alpha + 1) * penalty
    rescaled: Tensor = abs(mixup.item()) / abs(loss.item()) * loss
    return rescaled


def textbook_mixupe_step(net: Net, x: Tensor, y: Tensor, alpha: float, eta: float) -> float:
    """One step; the loss is read at once, as progress bars do."""
    lam = float(np.random.beta(alpha, alpha))
    perm = torch.randperm(len(x)).to(x.device)
    loss = textbook_mixupe_loss(net.forward, x, y, lam, perm, alpha, eta)
    net.learn(loss)
    return loss.item()


def bare_mixup_step(net: Net, x: Tensor, y: Tensor, alpha: float) -> None:
    """The least a mixup step can do: everything is on the device, nothing is checked, recorded or read."""
    lam = random.betavariate(alpha, alpha)
    perm = torch.randperm(len(x), device=x.device)
    with net.autocast():
        logits = net.forward(torch.lerp(x[perm], x, lam)).float()
        loss = lam * F.cross_entropy(logits, y) + (1 - lam) * F.cross_entropy(logits, y[perm])
    net.learn(loss)


class TimmLoop:
    """timm's Mixup and SoftTargetCrossEntropy in a training loop as timm's own.

    Batches are uint8 images on the device and normalised there, as timm's PrefetchLoader does. timm crops and flips
    in the loader's workers before; here nothing does, which is in its favour.

    Args:
        net: the network.
        pixels: (N, C, H, W) uint8 on the device.
        targets: (N,) int64 on the device.
        mean, std: (C,) in units of pixels.
        batch: examples a step; an even number, as timm's Mixup wants it.
    """

    def __init__(self, net: Net, pixels: Tensor, targets: Tensor, mean: Tensor, std: Tensor, batch: int) -> None:
        self.net, self.pixels, self.targets, self.batch = net, pixels, targets, batch
        self.mean, self.std = mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1)
        self.mixup = TimmMixup(mixup_alpha=1.0, label_smoothing=0.0, num_classes=CLASSES)  # type: ignore[no-untyped-call]
        self.criterion = SoftTargetCrossEntropy()  # type: ignore[no-untyped-call]

    def epoch(self) -> None:
        """Train on every example once."""
        self.net.model.train()
        order = torch.randperm(len(self.targets), device=self.targets.device)
        for index in torch.split(order, self.batch):
            images = self.pixels[index].float().sub_(self.mean).div_(self.std)
            if self.net.setup.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            images, soft = self.mixup(images, self.targets[index])
            with self.net.autocast():
                loss = self.criterion(self.net.forward(images), soft)
            self.net.learn(loss)
