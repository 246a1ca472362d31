"""The network that steps and epochs are timed on, run in one of two ways: as textbooks do, or as we recommend."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.options import Options
from mixupe.augmentation.mix_layer import Model
from mixupe.models.preactresnet import BasicBlock, PreActResNet
from mixupe.models.subsampled import SubsampledConv2d
from mixupe.training.compiled import compiled
from mixupe.training.precision import slow_bf16

CLASSES = 10
IMAGE = (3, 32, 32)
BATCH = 100
# One for all contestants; what it is does not matter, but it must not diverge on random images.
LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 1e-4


@dataclass(frozen=True)
class Setup:
    """How a network is run.

    Attributes:
        bf16: bfloat16 autocast; else float32.
        channels_last: layout of images and convolution weights; else channels first (NCHW).
        compile: through torch.compile.
        fused: the optimizer as one fused kernel; else torch's default.
    """

    bf16: bool
    channels_last: bool
    compile: bool
    fused: bool

    def __str__(self) -> str:
        return ", ".join(
            [
                "bf16" if self.bf16 else "float32",
                "channels last" if self.channels_last else "NCHW",
                *(["compiled"] if self.compile else []),
                *(["fused SGD"] if self.fused else []),
            ]
        )

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


TEXTBOOK = Setup(bf16=False, channels_last=False, compile=False, fused=False)


def recommended(options: Options) -> Setup:
    """What we recommend on that device. Compiling takes a minute and gains little on a CPU."""
    return Setup(bf16=has_bf16(options), channels_last=True, compile=options.on_gpu, fused=True)


def has_bf16(options: Options) -> bool:
    """Whether the device has instructions for bf16."""
    return slow_bf16(options.device) is None


def width(options: Options) -> int:
    """Channels of the network's first stage."""
    return options.size(cpu=64, gpu=64, quick=2)


def batch_size(options: Options) -> int:
    return options.size(cpu=BATCH, gpu=BATCH, quick=8)


def network(channels: int) -> nn.Module:
    """A PreActResNet-18 for 32x32 images, on the CPU, with so many channels in its first stage."""
    return PreActResNet(IMAGE[0], CLASSES, depth=18, width=channels, stem_stride=1)


class TextbookBlock(BasicBlock):
    """The block as textbooks and the authors' code write it: every operation makes a new tensor."""

    def forward(self, x: Tensor) -> Tensor:
        activated = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        summed: Tensor = self.conv2(F.relu(self.bn2(self.conv1(activated)))) + shortcut
        return summed


def textbook_network(channels: int) -> nn.Module:
    """As `network`, with its blocks and shortcuts as textbooks write them."""
    model = network(channels)
    for module in model.modules():
        if type(module) is BasicBlock:
            module.__class__ = TextbookBlock
        elif type(module) is SubsampledConv2d:  # harmless in the plain layout
            module.__class__ = nn.Conv2d  # type: ignore[assignment]
    return model


class Net:
    """A network with its optimizer.

    Args:
        options: device and size.
        setup: how it is run.
        channels: of its first stage; None is `width`.
    """

    def __init__(self, options: Options, setup: Setup, channels: int | None = None) -> None:
        self.setup = setup
        self.device = options.device
        build = textbook_network if setup == TEXTBOOK else network
        self.model = build(channels or width(options)).to(self.device)
        self.model.to(memory_format=setup.memory_format)  # type: ignore[call-overload]
        self.forward: Model = compiled(self.model) if setup.compile else self.model
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=LR,
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=WEIGHT_DECAY,
            fused=setup.fused or None,
        )

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.setup.bf16)

    def learn(self, loss: Tensor) -> None:
        """Backward pass and optimizer step."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def random_batch(options: Options, setup: Setup) -> tuple[Tensor, Tensor]:
    """Images (B, 3, 32, 32) float32 in the setup's layout and labels (B,) int64, on the device."""
    count = batch_size(options)
    images = torch.randn(count, *IMAGE).to(options.device).contiguous(memory_format=setup.memory_format)
    return images, torch.randint(CLASSES, (count,)).to(options.device)
