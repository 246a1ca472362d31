"""From a model config and the data's spec to a network.

A builder is a module, entered in BUILDERS, with `build(config, spec) -> nn.Module`, whose sizes come from the spec; its
settings and domains are in `mixupe.models.settings`, so that a config is checked without importing torch. One from elsewhere
is one module, named by its import path, which also has its settings as `Config` and its domains as `DOMAINS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from mixupe.data.base import DataSpec
from mixupe.models.base import ModelSettings
from mixupe.models.settings import SETTINGS
from mixupe.registry import registered_module
from mixupe.rng import stream_seed

if TYPE_CHECKING:
    from torch import nn

# `model.builder` is hashed into run ids: a module may move, its key stays.
BUILDERS = {
    "gcn": "mixupe.models.gnn",
    "gin": "mixupe.models.gnn",
    "gin5": "mixupe.models.gin5",
    "lenet": "mixupe.models.lenet",
    "mlp": "mixupe.models.mlp",
    "preactresnet": "mixupe.models.preactresnet",
    "temporal_cnn": "mixupe.models.temporal_cnn",
    "timm_models": "mixupe.models.timm_models",
    "vgg11": "mixupe.models.vgg",
    "vgg13": "mixupe.models.vgg",
    "wide_resnet": "mixupe.models.wide_resnet",
}


def _settings_and_domains(builder: object) -> tuple[type[ModelSettings], tuple[str, ...]]:
    if isinstance(builder, str) and builder in SETTINGS:
        return SETTINGS[builder]
    module = registered_module("model.builder", builder, BUILDERS, ("Config", "DOMAINS", "build"))
    return module.Config, module.DOMAINS


def model_settings(values: Mapping[str, Any]) -> ModelSettings:
    """The `model` part of a config, checked against its builder's settings (pydantic.ValidationError if it fails)."""
    return _settings_and_domains(values.get("builder"))[0].model_validate(dict(values))


def domains_of(settings: ModelSettings) -> tuple[str, ...]:
    """What the model can take: images, ..."""
    return _settings_and_domains(settings.builder)[1]


def build_model(settings: ModelSettings, spec: DataSpec, seed: int) -> nn.Module:
    """A freshly initialised network on the CPU; its weights are a function of the seed and the settings alone."""
    import torch

    builder = registered_module("model.builder", settings.builder, BUILDERS, ("build",))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        return cast("nn.Module", builder.build(settings, spec))
