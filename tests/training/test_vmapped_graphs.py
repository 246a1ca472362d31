"""Graph networks trained at once equal the same networks trained alone, BatchNorm's running statistics with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import ManifoldMixup, Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.none import ERM
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.graphs.flat import FlatGraphs, offsets_of
from mixupe.models.gin5 import build
from mixupe.models.gnn import build as build_gnn
from mixupe.models.settings import GIN5Settings, GNNSettings
from mixupe.rng import generator, stream_seed
from mixupe.training import loop
from mixupe.training.optimizer import AdamSettings
from mixupe.training.stackable import alone_by_model
from mixupe.training.trainer import Trainer
from mixupe.training.vmapped import Stack, shapes_of
from mixupe.training.vmapped_graphs import graph_layers
from mixupe.training.vmapped_layers import vmappable
from tests.training.test_vmapped import COSINE, EPOCHS, SETTINGS, KilledError

ADAM = AdamSettings(name="adam", lr=0.01, weight_decay=0.0)
SPEC = DataSpec("graphs", ("a", "b"), (3,))
GIN5 = GIN5Settings(name="gin5", builder="gin5", stages=("head",), hidden=16, dropout=0.5)
Method = Callable[[int], Augmentation]
METHODS: dict[str, Method] = {
    "none": lambda run: ERM(),
    "mixup": lambda run: Mixup(0.5 + run, mix_at="head"),
    "manifold_mixup": lambda run: ManifoldMixup(0.5 + run, mix_at=("head", "head.4")),
    "mixupe approximate": lambda run: MixupE(0.5 + run, 0.1 * run, mix_at="head"),
    "mixupe v3": lambda run: MixupE(0.5 + run, 0.1 * run, "v3", mix_at="head"),
    "mixupe approximate, within the head": lambda run: MixupE(0.5 + run, 0.1 * run, mix_at="head.4"),
}


def graphs(seed: int, name: str, count: int) -> FlatGraphs:
    """Directed graphs of 2 to 8 nodes, of two classes that their features tell apart; some nodes have no edge.

    In float64: a bias before BatchNorm has no gradient but rounding, which Adam makes steps of.
    """
    random = generator(seed, name)
    nodes = torch.randint(2, 9, (count,), generator=random)
    edges = torch.randint(0, 12, (count,), generator=random)
    y = torch.arange(count) % 2
    x = torch.randn(int(nodes.sum()), 3, generator=random) + y.repeat_interleave(nodes).unsqueeze(1)
    ends = torch.rand(2, int(edges.sum()), generator=random) * nodes.repeat_interleave(edges)
    return FlatGraphs(x.double(), ends.long(), None, offsets_of(nodes), offsets_of(edges), y)


def bundle(seed: int = 0) -> DataBundle:
    parts = graphs(seed, "train", 49), graphs(seed, "validation", 21), graphs(seed, "test", 20)
    return DataBundle(SPEC, *parts, split_digest="")


def network(seed: int) -> nn.Module:
    torch.manual_seed(stream_seed(seed, "init"))
    return build(GIN5, SPEC).double()


def trainers(folder: Path, method: Method, seeds: tuple[int, ...] = (7, 7, 7), **changed: Any) -> list[Trainer]:
    folder.mkdir(exist_ok=True)
    settings = SETTINGS.model_copy(update=changed)
    return [
        Trainer(network(seed), method(run), bundle(seed), settings, ADAM, COSINE, seed, folder / f"{run}.pt")
        for run, seed in enumerate(seeds)
    ]


def fit_at_once(members: list[Trainer]) -> list[list[dict[str, float]]]:
    rows: list[list[dict[str, float]]] = [[] for _ in members]

    def on_epoch(_epoch: int, metrics: dict[int, dict[str, float]]) -> None:
        for run, row in metrics.items():
            rows[run].append(row)

    assert not Stack(members, ADAM, COSINE).fit(EPOCHS, on_epoch, lambda: None, lambda: [0.0] * len(members))
    return rows


def fit_alone(members: list[Trainer]) -> list[list[dict[str, float]]]:
    rows: list[list[dict[str, float]]] = [[] for _ in members]
    for run, member in enumerate(members):
        member.fit(lambda _epoch, metrics, run=run: rows[run].append(metrics))  # type: ignore[misc]
    return rows


def close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in other.items():
        torch.testing.assert_close(one[name], value, rtol=1e-4, atol=1e-5, msg=name)


def assert_equal(together: list[Trainer], alone: list[Trainer]) -> None:
    for one, other in zip(together, alone, strict=True):
        close(one.model.state_dict(), other.model.state_dict())
        close(one.best.model, other.best.model)
        assert one.test() == pytest.approx(other.test(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_a_stack_of_graph_networks_trains_what_single_runs_train(tmp_path: Path, name: str) -> None:
    together, alone = (trainers(tmp_path / how, METHODS[name]) for how in ("together", "alone"))
    assert {alone_by_model(one) for one in together} == {None}
    assert len({shapes_of(one) for one in together}) == 1
    rows, expected = fit_at_once(together), fit_alone(alone)
    for of_run, other in zip(rows, expected, strict=True):
        assert of_run == [pytest.approx(row, rel=1e-4, abs=1e-5) for row in other]
    assert name == "none" or len({of_run[-1]["train_loss"] for of_run in rows}) == 3, "each has its own alpha and eta"
    statistics = [name for name in together[0].model.state_dict() if "running" in name]
    assert len(statistics) == 18, "of nine layers"
    assert_equal(together, alone)


@pytest.mark.parametrize("goes_on", [fit_at_once, fit_alone])
def test_a_killed_stack_of_graph_networks_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: Callable[[list[Trainer]], object]
) -> None:
    monkeypatch.setattr(loop, "SAVING_SHARE", 1.0)  # a checkpoint an epoch
    method = METHODS["mixupe v3"]
    whole = trainers(tmp_path / "whole", method)
    fit_at_once(whole)

    def kill_in_third(epoch: int, _metrics: object) -> None:
        if epoch == 3:  # after the epoch, before its checkpoint: the epoch is lost
            raise KilledError

    killed = Stack(trainers(tmp_path / "killed", method), ADAM, COSINE)
    with pytest.raises(KilledError):
        killed.fit(EPOCHS, kill_in_third, lambda: None, lambda: [0.0] * 3)
    resumed = trainers(tmp_path / "killed", method)
    assert [one.epoch for one in resumed] == [2] * 3
    goes_on(resumed)
    assert_equal(resumed, whole)


@pytest.mark.gpu
@pytest.mark.parametrize("name", METHODS)
def test_a_stack_of_graph_networks_on_a_gpu(tmp_path: Path, name: str) -> None:
    together, alone = (trainers(tmp_path / how, METHODS[name], device="cuda") for how in ("together", "alone"))
    rows, expected = fit_at_once(together), fit_alone(alone)
    for of_run, other in zip(rows, expected, strict=True):
        assert [row["train_loss"] for row in of_run] == pytest.approx([row["train_loss"] for row in other], rel=1e-2)


def test_layers_have_the_gradients_of_each_network() -> None:
    """On nodes of which some have no neighbour, in training; the weights differ between runs."""
    batch = graphs(1, "train", 12).gather(torch.arange(12))
    models = [network(run) for run in range(3)]
    for model in models:
        model.head[3].p = 0.0  # type: ignore[index, union-attr]
    state, buffers = torch.func.stack_module_state(models)
    copy = vmappable(models[0], graph_layers())
    logits = torch.vmap(lambda one: torch.func.functional_call(copy, one, (batch,)))({**state, **buffers})
    logits.square().sum().backward()
    for run, model in enumerate(models):
        expected = model(batch)
        expected.square().sum().backward()
        torch.testing.assert_close(logits[run], expected)
        for name, p in model.named_parameters():
            gradient = state[name].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[run], p.grad, rtol=1e-9, atol=1e-9, msg=name)
        for name, buffer in model.named_buffers():
            torch.testing.assert_close(buffers[name][run], buffer, msg=name)


def test_runs_of_other_seeds_form_other_stacks(tmp_path: Path) -> None:
    assert len({shapes_of(one) for one in trainers(tmp_path, METHODS["mixup"], seeds=(1, 2, 1))}) == 2


def test_other_graph_networks_are_trained_alone(tmp_path: Path) -> None:
    gin = build_gnn(GNNSettings(name="gin", builder="gin", stages=("head",)), SPEC)
    trainer = Trainer(gin, ERM(), bundle(), SETTINGS, ADAM, COSINE, 0, tmp_path / "x.pt")
    assert alone_by_model(trainer) == "the model has a GraphClassifier"
