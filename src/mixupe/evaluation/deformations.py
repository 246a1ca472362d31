"""Test images turned, sheared and zoomed in ways that training has not seen (Table 8 of the paper, after Manifold Mixup's).

Each image has its own angle, drawn evenly from the range; zooms are the same for all. About the middle of the image, with
bilinear interpolation, black outside. Zoom in 60%: the middle 60% of each side fills the image; zoom out 140%: the image
takes 1/1.4 of each side. A shear by the angle a shows at (x, y) what was at (x - sin(a) y, cos(a) y): the paper does not
define its own, but 28.6 and 57.3 degrees are 0.5 and 1 radians, the unit of the transforms of that form.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mixupe.data.images.tensor_images import TensorImages
from mixupe.evaluation.classification import error_and_loss
from mixupe.rng import generator as stream

# Images deformed at a time: a float32 copy of all would take four times the memory of the split.
CHUNK = 1024


@dataclass(frozen=True)
class Deformation:
    """Attributes:
    kind: rotation and shear take an angle, zoom the share of each side that is seen.
    size: greatest angle in degrees, drawn from [-size, size]; or the share.
    """

    kind: Literal["rotation", "shear", "zoom"]
    size: float


DEFORMATIONS: Mapping[str, Deformation] = MappingProxyType(
    {
        "rotation_20": Deformation("rotation", 20.0),
        "rotation_40": Deformation("rotation", 40.0),
        "shear_28.6": Deformation("shear", 28.6),
        "shear_57.3": Deformation("shear", 57.3),
        "zoom_in_60": Deformation("zoom", 0.6),
        "zoom_in_80": Deformation("zoom", 0.8),
        "zoom_out_120": Deformation("zoom", 1.2),
        "zoom_out_140": Deformation("zoom", 1.4),
    }
)


def deformed_errors(
    split: TensorImages, seed: int, predict: Callable[[TensorImages], tuple[Tensor, Tensor]]
) -> dict[str, float]:
    """Error in percent under each deformation, named `error_rotation_20` and so on.

    Args:
        split: to deform and test on.
        seed: of the run; every method sees the same deformed images at a seed.
        predict: logits (N, K) and labels (N,) of a split.
    """
    errors = {}
    for number, (name, deformation) in enumerate(DEFORMATIONS.items()):
        seen = deformed(split, deformation, stream(seed, "deformation", number))
        errors[f"error_{name}"] = error_and_loss(*predict(seen))["error"]
    return errors


def deformed(split: TensorImages, deformation: Deformation, generator: torch.Generator) -> TensorImages:
    """The split with its pixels deformed.

    Args:
        split: of N images, on any device.
        deformation: what to do to each.
        generator: on the CPU; draws the angles.
    """
    thetas = matrices(deformation, len(split.pixels), split.pixels.shape[-2:], generator)
    pixels = torch.cat(
        [
            affine(part, theta.to(part.device))
            for part, theta in zip(torch.split(split.pixels, CHUNK), torch.split(thetas, CHUNK), strict=True)
        ]
    )
    return replace(split, pixels=pixels)


def affine(pixels: Tensor, theta: Tensor) -> Tensor:
    """Each image of (B, C, H, W) uint8 as seen through its matrix of (B, 2, 3), which maps a place in the result to one in
    the image; both run from -1 to 1 across each side (`torch.nn.functional.affine_grid`)."""
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    seen = F.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return seen.round().clamp(0, 255).to(torch.uint8)


def matrices(deformation: Deformation, count: int, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """One for each of `count` images of this (H, W), as `affine` takes them: (count, 2, 3) float32."""
    if deformation.kind == "zoom":
        return torch.tensor([[deformation.size, 0.0, 0.0], [0.0, deformation.size, 0.0]]).repeat(count, 1, 1)
    angles = (2 * torch.rand(count, generator=generator) - 1) * math.radians(deformation.size)
    height, width = shape
    zero, one = torch.zeros(count), torch.ones(count)
    cos, sin = angles.cos(), angles.sin()
    # In the grid's units both sides are equally long, so that the sides' ratio comes in.
    if deformation.kind == "shear":
        rows = [torch.stack([one, -sin * height / width, zero]), torch.stack([zero, cos, zero])]
    else:
        rows = [torch.stack([cos, -sin * height / width, zero]), torch.stack([sin * width / height, cos, zero])]
    return torch.stack(rows).permute(2, 0, 1)
