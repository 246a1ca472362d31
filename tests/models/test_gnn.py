"""GCN and GIN: sizes from the data, blind to the numbering of nodes, trainable, and mixable at their head."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

from mixupe import ManifoldMixup, MixupE
from mixupe.data.base import DataSpec
from mixupe.data.graphs.flat import FlatGraphs, GraphBatch
from mixupe.models.gin5 import GIN5
from mixupe.models.registry import build_model, domains_of, model_settings

CONFIGS = Path(__file__).parents[2] / "configs" / "model"
FEATURES, EDGE_FEATURES, CLASSES = 5, 3, 2


def build(name: str, edge_features: int = 0, **keys: Any) -> nn.Module:
    values = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    settings = model_settings({**values, "hidden": 16, "layers": 3, "dropout": 0.0, **keys})
    spec = DataSpec("graphs", ("a", "b"), (FEATURES,), edge_features=edge_features)
    return build_model(settings, spec, seed=0)


def rings_and_paths(edge_features: int = 0, graphs: int = 32) -> FlatGraphs:
    """Rings (class 0) and paths (class 1) of 4 to 7 nodes with random features."""
    generator = torch.Generator().manual_seed(0)
    edges, node_counts, edge_counts = [], [], []
    for graph in range(graphs):
        size = 4 + graph // 2 % 4
        one_way = torch.stack([torch.arange(size), (torch.arange(size) + 1) % size])[:, : size - graph % 2]
        edges.append(torch.cat([one_way, one_way.flip(0)], dim=1))
        node_counts.append(size)
        edge_counts.append(edges[-1].shape[1])
    total = sum(edge_counts)
    return FlatGraphs(
        x=torch.randn(sum(node_counts), FEATURES, generator=generator),
        edge_index=torch.cat(edges, dim=1),
        edge_attr=torch.randn(total, edge_features, generator=generator) if edge_features else None,
        node_offsets=torch.tensor([0, *node_counts]).cumsum(0),
        edge_offsets=torch.tensor([0, *edge_counts]).cumsum(0),
        targets=torch.arange(graphs) % 2,
    )


def whole(graphs: FlatGraphs) -> tuple[GraphBatch, Tensor]:
    ((batch, labels),) = graphs.batches([torch.arange(len(graphs.labels))])
    return batch, labels


@pytest.mark.parametrize("edge_features", [0, EDGE_FEATURES])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        *((name, {"readout": readout}) for name in ("gcn", "gin") for readout in ("sum", "mean")),
        ("gin5", {}),
    ],
)
def test_logits_do_not_depend_on_the_numbering_of_nodes_and_edges(
    name: str, edge_features: int, keys: dict[str, str]
) -> None:
    batch, labels = whole(rings_and_paths(edge_features))
    model = build(name, edge_features, **keys).eval()
    generator = torch.Generator().manual_seed(1)
    # Any numbering will do: nodes need not even be grouped by graph.
    order = torch.randperm(len(batch.x), generator=generator)
    place = order.argsort()
    edge_order = torch.randperm(batch.edge_index.shape[1], generator=generator)
    relabelled = GraphBatch(
        x=batch.x[order],
        edge_index=place[batch.edge_index][:, edge_order],
        edge_attr=None if batch.edge_attr is None else batch.edge_attr[edge_order],
        batch=batch.batch[order],
        num_graphs=batch.num_graphs,
    )
    logits = model(batch)
    assert logits.shape == (len(labels), CLASSES)
    assert torch.allclose(logits, model(relabelled), atol=1e-5)
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_only_gin_uses_edge_features() -> None:
    graphs = rings_and_paths(EDGE_FEATURES)
    batch, _ = whole(graphs)
    other = GraphBatch(batch.x, batch.edge_index, torch.zeros(len(batch.edge_index[0]), EDGE_FEATURES), batch.batch, 32)
    for name, same in (("gin", False), ("gcn", True), ("gin5", True)):
        model = build(name, EDGE_FEATURES).eval()
        assert torch.allclose(model(batch), model(other)) == same


def test_five_layers_are_the_input_and_four_convolutions() -> None:
    model = build("gin5", layers=5)
    assert isinstance(model, GIN5)
    assert (len(model.convolutions), len(model.norms)) == (4, 4)
    assert isinstance(model.head[0], nn.Linear)
    assert model.head[0].in_features == FEATURES + 4 * 16
    perceptron = model.convolutions[0].nn
    assert isinstance(perceptron, nn.Sequential)
    assert [type(layer).__name__ for layer in perceptron] == ["Linear", "BatchNorm1d", "ReLU", "Linear"]


@pytest.mark.parametrize("name", ["gcn", "gin", "gin5"])
def test_two_epochs_lower_the_loss(name: str) -> None:
    graphs = rings_and_paths()
    model = build(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for epoch in range(3):
        order = torch.randperm(32, generator=torch.Generator().manual_seed(epoch))
        epoch_losses = []
        for batch, labels in graphs.batches(torch.split(order, 8)):
            loss = F.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            epoch_losses.append(loss.item())
        losses.append(sum(epoch_losses))
    assert losses[2] < losses[0]


@pytest.mark.parametrize("variant", ["v1", "v2", "v3", "v4"])
@pytest.mark.parametrize("mix_at", ["head", "head.3"])
def test_mixupe_at_the_head_trains_the_encoder(variant: str, mix_at: str) -> None:
    batch, labels = whole(rings_and_paths(EDGE_FEATURES))
    model = build("gin", EDGE_FEATURES)
    result = MixupE(mix_at=mix_at, variant=variant)(model, batch, labels, generator=torch.Generator().manual_seed(0))
    result.loss.backward()  # type: ignore[no-untyped-call]
    assert result.logits.shape == (32, CLASSES)
    assert bool(result.loss.isfinite())
    gradients = [p.grad for name, p in model.named_parameters() if name.startswith("encoder.convs.0")]
    assert gradients
    assert all(g is not None and bool(g.isfinite().all()) for g in gradients)
    assert any(g is not None and bool(g.abs().sum() > 0) for g in gradients)


@pytest.mark.parametrize("name", ["gcn", "gin", "gin5"])
def test_every_stage_of_the_config_can_be_mixed_at(name: str) -> None:
    batch, labels = whole(rings_and_paths())
    stages = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))["stages"]
    assert stages[0] == "head"
    for stage in stages:
        loss = ManifoldMixup(mix_at=[stage])(
            build(name), batch, labels, generator=torch.Generator().manual_seed(0)
        ).loss
        assert bool(loss.isfinite())


def test_graphs_cannot_be_mixed_at_the_input_or_inside_the_encoder() -> None:
    batch, labels = whole(rings_and_paths())
    for mix_at in ("input", "encoder.norms.0"):
        with pytest.raises(ValueError, match="mix"):
            MixupE(mix_at=mix_at)(build("gin"), batch, labels)


def test_other_domains_are_not_taken() -> None:
    settings = model_settings(yaml.safe_load((CONFIGS / "gin.yaml").read_text(encoding="utf-8")))
    assert domains_of(settings) == ("graphs",)


def test_gin5_is_the_gin_papers_network() -> None:
    """By hand: (1 + eps) x + neighbours with eps 0, sums of every layer with the input side by side."""
    batch, _ = whole(rings_and_paths())
    model = build("gin5", layers=5).eval()
    assert len(model.convolutions) == 4  # type: ignore[arg-type]
    seen: list[Tensor] = []
    model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[union-attr]
    model(batch)
    source, target = batch.edge_index
    x, sums = batch.x, []
    for layer in range(5):
        sums.append(torch.zeros(batch.num_graphs, x.shape[1]).index_add(0, batch.batch, x))
        if layer < 4:
            added = x.index_add(0, target, x[source])
            x = model.norms[layer](model.convolutions[layer].nn(added)).relu()  # type: ignore[index, union-attr, operator]
    torch.testing.assert_close(seen[0], torch.cat(sums, dim=1), atol=1e-4, rtol=1e-4)
    assert seen[0].shape == (32, FEATURES + 4 * 16)


def test_sums_of_any_size_leave_the_head_of_gin5_alive() -> None:
    """Without BatchNorm in the head, the papers' learning rate kills its ReLU in the first steps on larger graphs."""
    model = build("gin5").train()
    assert isinstance(model.head, nn.Sequential)
    first = model.head[0]
    assert isinstance(first, nn.Linear)
    readout = torch.randn(32, first.in_features, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.head(readout), model.head(1000 * readout), atol=1e-3, rtol=1e-3)
