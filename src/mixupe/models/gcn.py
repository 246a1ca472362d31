"""Graph convolutional network (Kipf and Welling, ICLR 2017); makes no use of edge features."""

from torch import nn
from torch_geometric.nn import GCN

from mixupe.data.base import DataSpec
from mixupe.models.gnn import GraphClassifier, encoder_settings
from mixupe.models.settings import GNNSettings


def build(config: GNNSettings, spec: DataSpec) -> nn.Module:
    (features,) = spec.input_shape
    return GraphClassifier(GCN(features, **encoder_settings(config)), config, spec.num_classes)
