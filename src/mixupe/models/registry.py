"""From a model config and the data's spec to a network.

A builder is a module, entered in BUILDERS, with three names: `Config`, a ModelSettings subclass; `DOMAINS`, the domains
it takes; and `build(config, spec) -> nn.Module`, whose sizes come from the spec. One from elsewhere is named by its import
path.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from mixupe.data.base import DataSpec
from mixupe.models.base import ModelSettings
from mixupe.registry import registered_module
from mixupe.settings import UserError
from mixupe.streams import stream_seed

# `model.builder` is hashed into run ids: a module may move, its key stays.
BUILDERS = {
    "gcn": "mixupe.models.gcn",
    "gin": "mixupe.models.gin",
    "gin5": "mixupe.models.gin5",
    "lenet": "mixupe.models.lenet",
    "mlp": "mixupe.models.mlp",
    "preactresnet": "mixupe.models.preactresnet",
    "temporal_cnn": "mixupe.models.temporal_cnn",
    "timm_models": "mixupe.models.timm_models",
    "vgg11": "mixupe.models.vgg11",
    "vgg13": "mixupe.models.vgg13",
    "wide_resnet": "mixupe.models.wide_resnet",
}


def _builder(name: object) -> Any:
    return registered_module("model.builder", name, BUILDERS, ("Config", "DOMAINS", "build"))


def model_settings(values: Mapping[str, Any]) -> ModelSettings:
    """The `model` part of a config, checked against its builder's Config (pydantic.ValidationError if it fails)."""
    return cast(ModelSettings, _builder(values.get("builder")).Config.model_validate(dict(values)))


def check_domain(settings: ModelSettings, domain: str) -> None:
    """Raises UserError if the model cannot take data of that domain."""
    takes = _builder(settings.builder).DOMAINS
    if domain not in takes:
        raise UserError(f"model: {settings.name} takes {' or '.join(takes)}, the data set holds {domain}")


def build_model(settings: ModelSettings, spec: DataSpec, seed: int) -> nn.Module:
    """A freshly initialised network on the CPU; its weights are a function of the seed and the settings alone."""
    check_domain(settings, spec.domain)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        return cast(nn.Module, _builder(settings.builder).build(settings, spec))
