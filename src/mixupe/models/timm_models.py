"""Networks of the library timm, freshly initialised. Module names, and so mix layers, are timm's own."""

import difflib
from typing import Any

import timm
from torch import nn

from mixupe.data.base import DataSpec
from mixupe.errors import UserError
from mixupe.models.settings import TimmSettings
from mixupe.models.subsampled import subsample_1x1


def build(config: TimmSettings, spec: DataSpec) -> nn.Module:
    """(B, C, H, W) float -> (B, K) logits, for the data's C, H and W.

    Raises:
        UserError: timm has no such model, or H and W are no multiples of the patch.
    """
    if not timm.is_model(config.timm_name):
        close = difflib.get_close_matches(config.timm_name, timm.list_models(), n=3)
        hint = f", close are {', '.join(close)}" if close else ""
        raise UserError(f"model.timm_name: timm {timm.__version__} has no model {config.timm_name!r}{hint}")
    channels, height, width = spec.input_shape
    options: dict[str, Any] = {}
    if config.patch_size is not None:
        if height % config.patch_size or width % config.patch_size:
            raise UserError(
                f"model.patch_size: images of {height}x{width} cannot be cut into patches of {config.patch_size}; it must"
                " divide both sides"
            )
        options["patch_size"] = config.patch_size
    known = timm.get_pretrained_cfg(config.timm_name, allow_unregistered=True)
    if config.patch_size is not None or (known is not None and known.fixed_input_size):
        options["img_size"] = (height, width)
    network = timm.create_model(
        config.timm_name, pretrained=False, num_classes=spec.num_classes, in_chans=channels, **options
    )
    # ResNets have 64 channels and more there, but FastViT's and MobileOne's stems have the image's.
    return subsample_1x1(network)
