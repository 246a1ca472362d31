"""Settings of networks and the domains they take, apart from the networks themselves, which need torch."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mixupe.models.base import ModelSettings
from mixupe.settings import PositiveInt


class LeNetSettings(ModelSettings):
    """Keys of LeNet-5.

    Attributes:
        channels: of the two convolutions.
        hidden: width of the two hidden layers.
    """

    channels: tuple[PositiveInt, PositiveInt] = (6, 16)
    hidden: tuple[PositiveInt, PositiveInt] = (120, 84)


class MLPSettings(ModelSettings):
    """Keys of the perceptron.

    Attributes:
        hidden: width of each hidden layer.
        dropout: probability of dropping a hidden unit, in [0, 1).
        categorical: how categories enter the first layer: as one-hot columns, or each column as a learned embedding.
        embedding_dim: width of each embedding.
    """

    hidden: tuple[PositiveInt, ...] = (128, 128)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    categorical: Literal["onehot", "embedding"] = "onehot"
    embedding_dim: PositiveInt = 8


class PreActResNetSettings(ModelSettings):
    """Keys of the pre-activation ResNets.

    Attributes:
        depth: 18, 34 (basic blocks), 50 or 101 (bottlenecks).
        width: channels of the first stage.
        stem_stride: stride of the first convolution; 2 for Tiny-ImageNet's 64x64.
    """

    depth: Literal[18, 34, 50, 101] = 18
    width: PositiveInt = 64
    stem_stride: PositiveInt = 1


class TemporalCNNSettings(ModelSettings):
    """Keys of the network over time.

    Attributes:
        channels: of each convolution; all but the last are followed by max pooling over two frames.
    """

    channels: tuple[PositiveInt, ...] = Field(default=(128, 128), min_length=1)


class TimmSettings(ModelSettings):
    """Keys of timm's networks. Those that are built for one image size are built for the data's.

    Attributes:
        timm_name: for `timm.create_model`.
        patch_size: transformers only, side of a patch in pixels.
    """

    timm_name: str
    patch_size: PositiveInt | None = None


class VGGSettings(ModelSettings):
    """Keys of VGG-11 and VGG-13.

    Attributes:
        width: channels of the first block; 64 is the published network.
        dropout: probability of dropping a unit of the hidden layer, in [0, 1).
    """

    width: PositiveInt = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5


def _depth(value: int) -> int:
    if value < 10 or (value - 4) % 6:
        raise ValueError("must be 6n + 4 with n >= 1, for example 16, 22, 28 or 40")
    return value


class WideResNetSettings(ModelSettings):
    """Keys of the wide ResNets.

    Attributes:
        depth: 6n + 4: n blocks in each of the three stages.
        widen_factor: k.
        dropout: probability of dropping a unit between the two convolutions of a block, in [0, 1).
    """

    depth: Annotated[int, Field(strict=True), AfterValidator(_depth)] = 28
    widen_factor: PositiveInt = 10
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class GNNSettings(ModelSettings):
    """Keys of GCN and GIN.

    Attributes:
        hidden: width of every layer.
        layers: message-passing layers; a node is described by a linear map of all their outputs (jumping knowledge).
        readout: sum or mean of a graph's nodes.
        dropout: probability of dropping a unit, in [0, 1).
    """

    hidden: PositiveInt = 64
    layers: PositiveInt = 4
    readout: Literal["sum", "mean"] = "sum"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class GIN5Settings(ModelSettings):
    """Keys of GIN as its paper has it.

    Attributes:
        hidden: width of every layer; the paper takes 16 or 32 for molecules and proteins, 64 for social networks.
        layers: counting the input.
        dropout: probability of dropping a unit of the head, in [0, 1).
    """

    hidden: PositiveInt = 32
    layers: Annotated[int, Field(ge=2, strict=True)] = 5
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5


# By key of mixupe.models.registry.BUILDERS: the settings, and the domains of the data that the network takes.
SETTINGS: dict[str, tuple[type[ModelSettings], tuple[str, ...]]] = {
    "gcn": (GNNSettings, ("graphs",)),
    "gin": (GNNSettings, ("graphs",)),
    "gin5": (GIN5Settings, ("graphs",)),
    "lenet": (LeNetSettings, ("speech", "images")),
    "mlp": (MLPSettings, ("tabular",)),
    "preactresnet": (PreActResNetSettings, ("images",)),
    "temporal_cnn": (TemporalCNNSettings, ("speech",)),
    "timm_models": (TimmSettings, ("images",)),
    "vgg11": (VGGSettings, ("speech", "images")),
    "vgg13": (VGGSettings, ("speech", "images")),
    "wide_resnet": (WideResNetSettings, ("images",)),
}
