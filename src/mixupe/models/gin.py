"""Graph isomorphism network (Xu et al., ICLR 2019); with edge features its GINE form (Hu et al., ICLR 2020)."""

from typing import Any

from torch import nn
from torch_geometric.nn import GIN, GINEConv

from mixupe.data.base import DataSpec
from mixupe.models.gnn import GraphClassifier, encoder_settings
from mixupe.models.settings import GNNSettings


class GINE(GIN):  # type: ignore[misc]
    """PyTorch Geometric's GIN with the layer that adds edge features to the messages."""

    supports_edge_attr = True

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> GINEConv:
        return GINEConv(super().init_conv(in_channels, out_channels).nn, **kwargs)


def build(config: GNNSettings, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    if spec.edge_features:
        encoder: GIN = GINE(features, edge_dim=spec.edge_features, **encoder_settings(config))
    else:
        encoder = GIN(features, **encoder_settings(config))
    return GraphClassifier(encoder, config, spec.num_classes)
