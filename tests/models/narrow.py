"""Trains every convolutional network at its narrowest widths for a step, naming each; run as a process of its own.

Memory that is written past its end ends a process, or goes unseen. So test_narrow.py starts this one and sees how it ends.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml

from mixupe.data.base import DataSpec
from mixupe.models.registry import build_model, model_settings

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
# Those seen to be wrong, and their neighbours.
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8)
IMAGES = ("preactresnet18", "preactresnet50", "lenet", "vgg11")
# Their layers are those of 18 and 50, more often.
DEEPER = ("preactresnet34", "preactresnet101")
# Networks of timm whose stem has a 1x1 convolution with a stride, and those of the configs in small.
TIMM = ("fastvit_t8", "mobileone_s0", "resnet18", "resnet50")


def networks() -> Iterator[tuple[str, dict[str, Any], tuple[int, ...]]]:
    """Name of a config, what is changed in it, shape of an input."""
    for width in WIDTHS:
        sized = {"lenet": {"channels": [width, width]}, "temporal_cnn": {"channels": [width, width]}}
        for name in (*IMAGES, *(DEEPER if width <= 2 else ())):
            yield name, sized.get(name, {"width": width}), (1 + width % 3, 8, 8)
        for name in ("lenet", "vgg11", "temporal_cnn"):
            yield name, sized.get(name, {"width": width}), (1, 13, 40)
    for depth, channels in ((10, 1), (16, 3)):
        yield "wrn_28_10", {"depth": depth, "widen_factor": 1}, (channels, 8, 8)
    for name in TIMM:
        for channels in (1, 3):
            yield "resnet50", {"timm_name": name}, (channels, 32, 32)
    yield "vit_small", {"timm_name": "vit_tiny_patch16_224", "patch_size": 1}, (3, 4, 4)


def main() -> None:
    torch.set_num_threads(1)
    for name, changes, shape in networks():
        print(name, changes, shape, flush=True)  # noqa: T201 - the last line says which network ended the process
        values = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")) | changes
        spec = DataSpec("speech" if shape[1:] == (13, 40) else "images", ("a", "b", "c"), shape)
        network = build_model(model_settings(values), spec, seed=0)
        for layout in (torch.channels_last, torch.contiguous_format):
            network.to(memory_format=layout)  # type: ignore[call-overload]
            x = torch.randn(6, *shape).contiguous(memory_format=layout)
            F.cross_entropy(network(x), torch.arange(6) % 3).backward()  # type: ignore[no-untyped-call]
            assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


if __name__ == "__main__":
    main()
