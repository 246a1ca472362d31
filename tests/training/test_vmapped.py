"""Runs trained at once equal the same runs trained alone: weights, metrics, checkpoints, failures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mixupe import ERMPenalty, ManifoldMixup, Mixup, MixupE, preemption
from mixupe.augmentation.config import Augmentation, augmentation_settings, settings_class
from mixupe.augmentation.feat_mix import FeatMix
from mixupe.augmentation.input_mixup import InputMixup
from mixupe.augmentation.k_mixup import KMixup
from mixupe.augmentation.method import stack_plan
from mixupe.augmentation.mixup_smoothing import MixupSmoothing
from mixupe.augmentation.none import ERM
from mixupe.augmentation.regmixup import RegMixup
from mixupe.data.base import DataBundle, DataSpec
from mixupe.data.tensors import TensorSplit
from mixupe.models.dropout import Dropout
from mixupe.models.mlp import MLP, BlockEmbedding
from mixupe.rng import generator, stream_seed
from mixupe.training import loop
from mixupe.training.loop import NonFiniteLossError
from mixupe.training.optimizer import AdamSettings, AdamWSettings, CosineSettings, OptimizerSettings, SGDSettings
from mixupe.training.settings import TrainerSettings
from mixupe.training.stackable import alone_by_model, alone_by_settings
from mixupe.training.trainer import Trainer
from mixupe.training.vmapped import Stack, shapes_of
from mixupe.training.vmapped_layers import cross_entropy, set_generators, vmappable

EPOCHS = 3
SETTINGS = TrainerSettings(
    epochs=EPOCHS,
    batch_size=16,
    precision="float32",
    channels_last=False,
    compile=False,
    device="cpu",
    threads=1,
    checkpoint_every=1,
    stack="auto",
)
COSINE = CosineSettings(name="cosine", warmup=0.1, warmup_start=0.1)
SGD = SGDSettings(name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
ADAM = AdamSettings(name="adam", lr=0.01, weight_decay=0.01)
ADAMW = AdamWSettings(name="adamw", lr=0.01, weight_decay=0.01)
Method = Callable[[int], Augmentation]
METHODS: dict[str, Method] = {
    "none": lambda seed: ERM(),
    "mixup": lambda seed: Mixup(1.0 + seed),
    "mixup at a hidden layer": lambda seed: Mixup(1.0, mix_at="layers.1"),
    "manifold_mixup": lambda seed: ManifoldMixup(2.0, mix_at=("input", "layers.1", "head")),
    "mixupe approximate": lambda seed: MixupE(1.0 + seed, 0.1 * seed),
    "mixupe approximate, joint": lambda seed: MixupE(1.0, 0.1 * seed, clean_pass="joint"),
    "mixupe exact": lambda seed: MixupE(1.0 + seed, 0.1 * seed, "exact", x_mean=mean_input(seed)),
    "mixupe exact, joint": lambda seed: MixupE(1.0, 0.1, "exact", x_mean=mean_input(seed), clean_pass="joint"),
    "mixupe v1": lambda seed: MixupE(1.0, 0.1, "v1", x_mean=mean_input(seed)),
    "mixupe v2": lambda seed: MixupE(1.0, 0.1, "v2", x_mean=mean_input(seed)),
    "mixupe v3": lambda seed: MixupE(1.0 + seed, 0.1 * seed, variant="v3"),
    "mixupe v3 at a hidden layer": lambda seed: MixupE(1.0 + seed, 0.1, "v3", mix_at="layers.1"),
    "mixupe approximate at the head": lambda seed: MixupE(1.0 + seed, 0.1, mix_at="head"),
    "mixupe v4": lambda seed: MixupE(1.0, 0.1, variant="v4"),
    "regmixup": lambda seed: RegMixup(1.0 + seed, 0.5 * seed),
    "mixup_smoothing": lambda seed: MixupSmoothing(1.0 + seed, 0.1),
    "input_mixup": lambda seed: InputMixup(1.0 + seed),
    "erm_penalty": lambda seed: ERMPenalty(1.0 + seed, 0.5 * seed),
    "k_mixup": lambda seed: KMixup(1.0 + seed, k=3),
    "feat_mix": lambda seed: feat_mix(seed),
}


def feat_mix(seed: int) -> FeatMix:
    data, method = bundle(seed), FeatMix(1.0 + seed)
    method.learn(data.train, replace(data.spec, categorical_blocks=((2, 4),)))
    return method


def mean_input(seed: int) -> Tensor:
    mean = bundle(seed).train.mean_input()
    assert mean is not None
    return mean


def bundle(seed: int) -> DataBundle:
    """Three classes. Splits differ in size between seeds, as those of tables with repeated rows do."""
    centres = torch.randn(3, 6, generator=generator(0, "test-centres"))

    def split(name: str, count: int) -> TensorSplit:
        y = torch.arange(count) % 3
        return TensorSplit(centres[y] + 0.7 * torch.randn(count, 6, generator=generator(seed, name)), y)

    spec = DataSpec("tabular", ("a", "b", "c"), (6,))
    # 48, 49 and 47 are three batches, the last of 16, 17 and 15.
    parts = split("train", (48, 49, 47)[seed]), split("validation", 30 + seed), split("test", 30)
    return DataBundle(spec, *parts, split_digest="")


def network(seed: int) -> nn.Module:
    torch.manual_seed(stream_seed(seed, "init"))
    embedding = BlockEmbedding(6, [(2, 4)], 3)
    return MLP(6, 3, (16, 8), dropout=0.2, embedding=embedding)


def trainers(
    folder: Path, method: Method, optimizer: OptimizerSettings = ADAMW, seeds: Sequence[int] = (0, 1, 2), **changed: Any
) -> list[Trainer]:
    settings = SETTINGS.model_copy(update=changed)
    folder.mkdir(exist_ok=True)
    return [
        Trainer(network(seed), method(seed), bundle(seed), settings, optimizer, COSINE, seed, folder / f"{seed}.pt")
        for seed in seeds
    ]


Rows = dict[int, list[dict[str, float]]]


def fit_at_once(members: Sequence[Trainer], optimizer: OptimizerSettings = ADAMW, until: int = EPOCHS) -> Rows:
    """Metrics of each seed, epoch by epoch."""
    rows: Rows = {member.seed: [] for member in members}

    def on_epoch(_epoch: int, metrics: dict[int, dict[str, float]]) -> None:
        for number, of_run in metrics.items():
            rows[members[number].seed].append(of_run)

    diverged = Stack(members, optimizer, COSINE).fit(until, on_epoch, lambda: None, lambda: [0.0] * len(members))
    assert not diverged
    return rows


def fit_alone(members: Sequence[Trainer]) -> Rows:
    rows: Rows = {member.seed: [] for member in members}
    for member in members:
        member.fit(lambda _epoch, metrics, seed=member.seed: rows[seed].append(metrics))  # type: ignore[misc]
    return rows


def assert_equal(together: Sequence[Trainer], alone: Sequence[Trainer]) -> None:
    """Up to rounding: weights, those of the best epoch, test metrics."""
    for stacked, single in zip(together, alone, strict=True):
        for name, value in single.model.state_dict().items():
            torch.testing.assert_close(stacked.model.state_dict()[name], value, rtol=1e-4, atol=1e-6)
        for name, value in single.best.model.items():
            torch.testing.assert_close(stacked.best.model[name], value, rtol=1e-4, atol=1e-6)
        assert stacked.test() == pytest.approx(single.test(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("optimizer", [SGD, ADAM, ADAMW], ids=lambda settings: settings.name)
def test_a_stack_trains_what_single_runs_train(tmp_path: Path, name: str, optimizer: OptimizerSettings) -> None:
    together = trainers(tmp_path / "together", METHODS[name], optimizer)
    alone = trainers(tmp_path / "alone", METHODS[name], optimizer)
    assert {alone_by_model(member) for member in together} == {None}
    assert len({shapes_of(member) for member in together}) == 1
    rows, expected = fit_at_once(together, optimizer), fit_alone(alone)
    for seed, of_run in expected.items():
        assert [set(row) for row in rows[seed]] == [set(row) for row in of_run]
        for row, other in zip(rows[seed], of_run, strict=True):
            assert row == pytest.approx(other, rel=1e-4, abs=1e-6)
    assert len({of_run[0]["train_loss"] for of_run in rows.values()}) == 3, "each has its own data, weights and draws"
    assert_equal(together, alone)


@pytest.mark.gpu
@pytest.mark.parametrize("name", METHODS)
def test_a_stack_on_a_gpu_trains_what_single_runs_train_there(tmp_path: Path, name: str) -> None:
    together = trainers(tmp_path / "together", METHODS[name], device="cuda")
    alone = trainers(tmp_path / "alone", METHODS[name], device="cuda")
    rows, expected = fit_at_once(together), fit_alone(alone)
    for seed, of_run in expected.items():
        assert [row["train_loss"] for row in rows[seed]] == pytest.approx(
            [row["train_loss"] for row in of_run], rel=1e-3
        )


class KilledError(Exception):
    pass


@pytest.mark.parametrize("goes_on", [fit_at_once, fit_alone])
@pytest.mark.parametrize("optimizer", [SGD, ADAM, ADAMW], ids=lambda settings: settings.name)
def test_a_killed_stack_goes_on_from_its_checkpoints_stacked_or_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: OptimizerSettings, goes_on: Any
) -> None:
    monkeypatch.setattr(loop, "SAVING_SHARE", 1.0)  # a checkpoint an epoch
    method = METHODS["mixupe v3"]
    whole = trainers(tmp_path / "whole", method, optimizer)
    expected = fit_at_once(whole, optimizer)

    def kill_in_third(epoch: int, _metrics: object) -> None:
        if epoch == 3:  # after the epoch, before its checkpoint: the epoch is lost
            raise KilledError

    killed = Stack(trainers(tmp_path / "killed", method, optimizer), optimizer, COSINE)
    with pytest.raises(KilledError):
        killed.fit(EPOCHS, kill_in_third, lambda: None, lambda: [7.0, 8.0, 9.0])
    resumed = trainers(tmp_path / "killed", method, optimizer)
    assert [member.epoch for member in resumed] == [2, 2, 2]
    assert [member.earlier_seconds for member in resumed] == [7.0, 8.0, 9.0]
    rows = goes_on(resumed, optimizer) if goes_on is fit_at_once else goes_on(resumed)
    for seed, of_run in rows.items():
        assert of_run == [pytest.approx(row, rel=1e-4, abs=1e-6) for row in expected[seed][2:]]
    assert_equal(resumed, whole)


@pytest.mark.parametrize("seeds", [(0, 1, 2), (1,)])
def test_single_runs_go_on_in_a_stack(tmp_path: Path, seeds: Sequence[int]) -> None:
    method = METHODS["mixup"]
    whole = trainers(tmp_path / "whole", method, seeds=seeds)
    fit_alone(whole)
    begun = trainers(tmp_path / "begun", method, seeds=seeds)
    for member in begun:
        member.settings = member.settings.model_copy(update={"epochs": 2})  # the schedule stays that of all epochs
        member.fit(lambda *_: None)
    resumed = trainers(tmp_path / "begun", method, seeds=seeds)
    assert [member.epoch for member in resumed] == [2] * len(seeds)
    fit_at_once(resumed)
    assert_equal(resumed, whole)


def test_a_run_that_diverges_leaves_the_others_alone(tmp_path: Path) -> None:
    def members(name: str) -> list[Trainer]:
        result = trainers(tmp_path / name, METHODS["mixup"])
        inputs = result[1].train.inputs  # type: ignore[attr-defined]
        inputs[7] = float("inf")
        return result

    together, alone = members("together"), members("alone")
    with pytest.raises(NonFiniteLossError) as caught:
        alone[1].fit(lambda *_: None)
    told: list[set[int]] = []
    stack = Stack(together, ADAMW, COSINE)
    diverged = stack.fit(EPOCHS, lambda _epoch, metrics: told.append(set(metrics)), lambda: None, lambda: [0.0] * 3)
    assert {number: str(error) for number, error in diverged.items()} == {1: str(caught.value)}
    assert told == [{0, 2}], "it stops after that epoch, so that the others go on without it"
    assert [member.epoch for member in together] == [1, 0, 1]
    others, single = [together[0], together[2]], [alone[0], alone[2]]
    fit_at_once(others)
    fit_alone(single)
    assert_equal(others, single)
    assert not (tmp_path / "together" / "1.pt").exists()


def test_a_run_that_its_last_step_made_diverge_is_left_behind(tmp_path: Path) -> None:
    members = trainers(tmp_path, METHODS["mixup"])
    members[1].validation.inputs[7] = float("nan")  # type: ignore[attr-defined]
    told: list[set[int]] = []
    stack = Stack(members, ADAMW, COSINE)
    diverged = stack.fit(EPOCHS, lambda _epoch, metrics: told.append(set(metrics)), lambda: None, lambda: [0.0] * 3)
    assert {number: str(error) for number, error in diverged.items()} == {
        1: "validation loss is nan after step 2 (epoch 0)"
    }
    assert told == [{0, 2}]
    assert [member.epoch for member in members] == [1, 0, 1]


@pytest.mark.parametrize("clean_pass", ["separate", "joint"])
@pytest.mark.parametrize("variant", ["approximate", "v3"])
def test_a_run_whose_loss_is_exactly_zero_has_gradients(variant: str, clean_pass: str) -> None:
    """Where mixup's loss and L are 0 the factor would be 0 / 0; the other run is as it is alone."""
    plan = stack_plan(MixupE(1.0, 0.5, variant, clean_pass=clean_pass, criterion=cross_entropy))
    assert plan is not None

    def loss_of(logits: Tensor, y: Tensor, perm: Tensor, *constants: Tensor) -> tuple[Tensor, Tensor]:
        half = torch.full((2,), 0.5, dtype=torch.float64)
        result = plan.loss(lambda x: x, logits, y, half, half, perm, *constants)
        return result.loss, result.penalty

    sure = torch.tensor([[200.0, 0.0], [0.0, 200.0]])
    logits = torch.stack([sure, sure / 200]).requires_grad_()
    y, perm = torch.tensor([[0, 1]] * 2), torch.tensor([[0, 1]] * 2)
    losses, penalties = torch.vmap(loss_of)(
        logits, y, perm, *(torch.stack([constant] * 2) for constant in plan.constants)
    )
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    assert bool(gradient.isfinite().all())
    assert (losses[0].item(), penalties[0].item()) == (0.0, 0.0)
    assert losses[1].item() == pytest.approx(F.cross_entropy(sure / 200, y[1]).item())


def test_asked_to_stop_it_saves_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([None, None, "SIGTERM"])
    monkeypatch.setattr(preemption, "reason", lambda: next(answers))
    stack = Stack(trainers(tmp_path / "x", METHODS["none"]), ADAMW, COSINE)
    with pytest.raises(preemption.StoppedError, match="SIGTERM after epoch 2"):
        stack.fit(EPOCHS, lambda *_: None, lambda: None, lambda: [0.0] * 3)
    assert [member.epoch for member in trainers(tmp_path / "x", METHODS["none"])] == [2, 2, 2]


def test_masks_are_those_that_each_run_would_draw() -> None:
    model = nn.Sequential(Dropout(0.2), Dropout(0.5), Dropout(0.0))
    copy = vmappable(model)
    generators = [generator(seed, "dropout", 6) for seed in (4, 9)]
    passes = []
    for runs in ([0, 1], [1]):
        set_generators(copy, [generators[run] for run in runs])
        passes.append(torch.vmap(copy)(torch.ones(len(runs), 8, 5)))
    for run, seed in enumerate((4, 9)):
        torch.manual_seed(stream_seed(seed, "dropout", 6))
        for masked in passes[: run + 1]:
            assert torch.equal(masked[min(run, len(masked) - 1)], model(torch.ones(8, 5)))
    copy.eval()
    assert torch.equal(torch.vmap(copy)(torch.ones(2, 8, 5)), torch.ones(2, 8, 5))


@pytest.mark.parametrize("features", [6, 800])  # of more than some 400, products are added up in parts
def test_a_vmapped_step_is_that_of_single_runs_bit_for_bit(features: int) -> None:
    """On the CPUs that results are computed on; small products, which torch computes by itself, are left out."""
    models = [MLP(features, 3, (128, 64)) for _ in range(3)]
    x, y = torch.randn(3, 32, features), torch.randint(3, (3, 32))
    parameters, _ = torch.func.stack_module_state(models)
    copy = vmappable(models[0])

    def loss_of(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(torch.func.functional_call(copy, parameters, (x,)), y)

    losses = torch.vmap(loss_of)(parameters, x, y)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    for run, model in enumerate(models):
        loss = F.cross_entropy(model(x[run]), y[run])
        loss.backward()  # type: ignore[no-untyped-call]
        assert torch.equal(losses[run], loss)
        for name, p in model.named_parameters():
            gradient = parameters[name].grad
            assert gradient is not None
            assert p.grad is not None
            assert torch.equal(gradient[run], p.grad), name


@pytest.mark.parametrize(
    ("trainer", "augmentation", "reason"),
    [
        ({"stack": 1}, {}, "trainer.stack is 1"),
        ({"precision": "bf16"}, {}, "trainer.precision is bf16"),
        ({"compile": True}, {}, "trainer.compile is true"),
        ({"ema": 0.9}, {}, "trainer.ema is not at its default"),
        ({"accumulate": 2}, {}, "trainer.accumulate is not at its default"),
        ({}, {"penalty_every": 2}, "augmentation.penalty_every is not at its default"),
        ({}, {"per_sample": True}, "augmentation.per_sample is not at its default"),
        ({}, {"probability": 0.5}, "augmentation.probability is not at its default"),
        ({"label_smoothing": 0.1}, {}, "trainer.label_smoothing is not at its default"),
        ({"clip_grad_norm": 1.0}, {}, "trainer.clip_grad_norm is not at its default"),
        ({"criterion": "bce_softmax"}, {}, "trainer.criterion is not at its default"),
        ({}, {"variant": "exact"}, None),
        ({}, {"mix_at": "head"}, None),
        ({}, {"mix_at": "head", "variant": "v1"}, "augmentation.mix_at of mixupe is head, with variant v1"),
        ({}, {"clean_pass": "joint"}, None),
        ({"stack": 8}, {}, None),
    ],
)
def test_what_settings_are_trained_alone(
    trainer: dict[str, Any], augmentation: dict[str, Any], reason: str | None
) -> None:
    values = {"name": "mixupe", "alpha": 1, "eta": 0.1, "threshold": 1, "variant": "v3", "mix_at": "auto"}
    mixupe = augmentation_settings(values, "tabular", ())
    settings = SETTINGS.model_copy(update=trainer)
    assert alone_by_settings(settings, mixupe.model_copy(update=augmentation)) == reason


@pytest.mark.parametrize(
    "augmentation",
    [{"name": "none"}, {"name": "manifold_mixup", "alpha": 1, "mix_at": ["input", "head"]}],
    ids=lambda augmentation: augmentation["name"],
)
def test_other_methods_are_stacked(augmentation: dict[str, Any]) -> None:
    assert alone_by_settings(SETTINGS, augmentation_settings(augmentation, "tabular", ())) is None


class CutMix(Mixup):
    """A method of somebody else's."""


class Cutout:
    """One that inherits from nothing."""

    def __call__(self, *_: Any, **__: Any) -> Any: ...
    def pass_over(self, batches: int) -> None: ...
    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None: ...

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {}


@pytest.mark.parametrize("method", [CutMix(), Cutout()], ids=lambda method: type(method).__name__)
def test_a_method_that_a_stack_does_not_know_is_trained_alone(tmp_path: Path, method: Augmentation) -> None:
    reason = f"a stack does not know the method {type(method).__name__}"
    (trainer,) = trainers(tmp_path, lambda _: method, seeds=[0])
    assert alone_by_model(trainer) == reason
    with pytest.raises(TypeError, match=reason):
        Stack([trainer], ADAMW, COSINE)


def test_settings_of_a_derived_method_are_trained_alone() -> None:
    settings = settings_class(CutMix, "cutmix").model_validate({"name": "cutmix", "alpha": 1.0, "mix_at": "input"})
    assert alone_by_settings(SETTINGS, settings) == "a stack does not know the method cutmix"


def test_what_models_and_data_are_trained_alone(tmp_path: Path) -> None:
    def made(model: nn.Module, data: DataBundle) -> Trainer:
        return Trainer(model, ERM(), data, SETTINGS, SGD, COSINE, 0, tmp_path / "x.pt")

    data = bundle(0)
    assert (
        alone_by_model(made(nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), data)) == "the model has a BatchNorm1d"
    )
    assert alone_by_model(made(nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.1)), data)) == "the model has a Dropout"
    images = DataBundle(data.spec, _Streamed(), data.validation, data.test, split_digest="")  # type: ignore[arg-type]
    assert alone_by_model(made(network(0), images)) == "the data is not one tensor in memory"
    begun = made(network(0), data)
    begun._losses = [torch.zeros(2)]
    assert alone_by_model(begun) == "it was stopped within an epoch"


class _Streamed:
    labels = torch.arange(6) % 3

    def to(self, _device: torch.device) -> "_Streamed":
        return self


def test_runs_of_as_many_columns_but_fewer_features_are_not_stacked(tmp_path: Path) -> None:
    """As where a one-hot block of one seed is two columns of another's."""

    def of_seed(seed: int) -> FeatMix:
        data, method = bundle(seed), FeatMix(1.0)
        method.learn(data.train, replace(data.spec, categorical_blocks=((2, 4),) if seed else ()))
        return method

    alone, first, second = trainers(tmp_path, of_seed)
    assert shapes_of(first) == shapes_of(second)
    assert shapes_of(alone) != shapes_of(first)
