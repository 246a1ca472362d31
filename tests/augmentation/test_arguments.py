"""Wrong arguments raise a ValueError that names the argument."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mixupe import ERMPenalty, ManifoldMixup, MixedLoss, Mixup, MixupE, erm_penalty_loss, mixup_loss, mixupe_loss
from mixupe.augmentation.none import ERM

MODEL = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
X = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1])
PERM = torch.tensor([2, 0, 3, 1])
GOOD: dict[str, Any] = {"x": X, "y": Y, "lam": 0.3, "perm": PERM, "alpha": 1.0, "eta": 0.1}


def call(**changed: Any) -> None:
    arguments = {**GOOD, **changed}
    x, y = arguments.pop("x"), arguments.pop("y")
    mixupe_loss(MODEL, x, y, **arguments)


@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ("alpha", {"alpha": 0.0}),
        ("alpha", {"alpha": -1.0}),
        ("alpha", {"alpha": float("nan")}),
        ("alpha", {"alpha": float("inf")}),
        ("eta", {"eta": -0.1}),
        ("eta", {"eta": float("nan")}),
        ("variant", {"variant": "v5"}),
        ("threshold", {"threshold": float("nan")}),
        ("x_mean", {"variant": "exact"}),
        ("x_mean", {"variant": "v1"}),
        ("x_mean", {"variant": "v2"}),
        ("x_mean", {"variant": "v1", "x_mean": torch.zeros(3, 2)}),
        ("lam", {"lam": 1.5}),
        ("lam", {"lam": torch.tensor([0.5, 0.5])}),
        ("perm", {"perm": torch.tensor([0, 0, 1, 2])}),
        ("perm", {"perm": torch.tensor([0, 1, 2, 4])}),
        ("perm", {"perm": torch.tensor([0, 1, 2])}),
        ("perm", {"perm": PERM.int()}),
        ("y", {"y": torch.tensor([0, 1, 2, 3])}),
        ("y", {"y": torch.tensor([0, 1, 2, -1])}),
        ("y", {"y": Y.float()}),
        ("y", {"y": torch.full((4, 3), 0.5)}),
        ("y", {"y": torch.tensor([[2.0, -1.0, 0.0]] * 4)}),
        ("y", {"y": torch.full((4, 2), 0.5)}),
        ("y", {"y": torch.zeros(4, 3, dtype=torch.int64)}),
        ("x", {"x": torch.zeros(4, 3, 2, 2, dtype=torch.uint8)}),
        ("mix_at", {"mix_at": "nowhere"}),
        ("clean_pass", {"clean_pass": "both"}),
        ("clean_pass", {"clean_pass": "joint", "mix_at": "1"}),
        ("x", {"x": X[:3]}),
        ("x", {"x": torch.tensor(1.0)}),
        ("x", {"x": X.tolist()}),
        ("x", {"x": X.numpy()}),
        ("y", {"y": Y.tolist()}),
        ("y", {"y": Y.numpy()}),
        ("y", {"y": Y.bool()}),
        ("perm", {"perm": PERM.tolist()}),
        ("perm", {"perm": PERM.numpy()}),
        ("lam", {"lam": "0.3"}),
        ("lam", {"lam": [0.3]}),
        ("alpha", {"alpha": "1.0"}),
        ("alpha", {"alpha": None}),
        ("eta", {"eta": "0.1"}),
        ("threshold", {"threshold": "1.0"}),
        ("x_mean", {"x_mean": X[0].tolist()}),
        ("x_mean", {"variant": "exact", "x_mean": X[0].numpy()}),
        ("mix_at", {"mix_at": 1}),
        ("mix_at", {"mix_at": ["1"]}),
        ("mix_at", {"mix_at": ""}),
        ("criterion", {"criterion": "cross_entropy"}),
    ],
)
def test_the_error_names_the_argument(argument: str, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: "):
        call(**changed)


def test_a_model_whose_output_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"^model: must return logits of shape \(B, K\) with B = 4"):
        mixup_loss(lambda x: MODEL(x)[:3], X, Y, lam=0.5, perm=PERM)


@pytest.mark.parametrize("method", [ERM(), Mixup(), MixupE(), ERMPenalty()], ids=lambda method: type(method).__name__)
def test_a_model_of_one_logit_tells_no_classes_apart(method: Any) -> None:
    """With labels that are all 0 its loss would be 0 without a word."""
    with pytest.raises(ValueError, match=r"^model: returns one logit for each example, .* so two of them \(B, 2\)"):
        method(nn.Sequential(nn.Flatten(), nn.Linear(X[0].numel(), 1)), X, torch.zeros_like(Y))


def test_mixup_checks_the_same_way() -> None:
    with pytest.raises(ValueError, match=r"^perm: is not a permutation"):
        mixup_loss(MODEL, X, Y, lam=0.5, perm=torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"^y: class index 7 is out of range, allowed are 0 to 2"):
        mixup_loss(MODEL, X, torch.tensor([0, 1, 7, 2]), lam=0.5, perm=PERM)


def test_the_classes_check_when_they_are_built() -> None:
    with pytest.raises(ValueError, match=r"^alpha: "):
        Mixup(alpha=0)
    with pytest.raises(ValueError, match=r"^alpha: "):
        ManifoldMixup(alpha=-1)
    with pytest.raises(ValueError, match=r"^mix_at: "):
        ManifoldMixup(mix_at=[])
    with pytest.raises(ValueError, match=r"^variant: must be one of approximate, exact, v1, v2, v3, v4, got 'v0'"):
        MixupE(variant="v0")
    with pytest.raises(ValueError, match=r"^x_mean: variant v2 needs"):
        MixupE(variant="v2")
    with pytest.raises(ValueError, match=r"^clean_pass: must be one of separate, joint, got 'both'"):
        MixupE(clean_pass="both")
    with pytest.raises(
        ValueError, match=r"^clean_pass: joint needs mix_at input; with mix_at layer3 only separate is allowed"
    ):
        MixupE(clean_pass="joint", mix_at="layer3")
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=rf"^penalty_every: must be an integer >= 1, got {wrong}"):
            MixupE(penalty_every=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        (method, argument)
        for method in (ERM, ERMPenalty, Mixup, ManifoldMixup, MixupE)
        for argument in ("alpha", "eta", "criterion", "mix_at", "threshold", "x_mean")
        if argument in method.__init__.__annotations__
    ],
)
def test_the_classes_name_what_has_a_wrong_type(method: type[ERM], argument: str) -> None:
    for wrong in ("1.0", [1.0]) if argument != "mix_at" else (1, [1]):
        with pytest.raises(ValueError, match=rf"^{argument}: "):
            method(**{argument: wrong})  # type: ignore[arg-type]


METHODS: dict[str, Callable[..., MixedLoss]] = {
    "none": ERM(),
    "erm_penalty": ERMPenalty(),
    "mixup": Mixup(),
    "manifold_mixup": ManifoldMixup(),
    "mixupe": MixupE(),
    "exact": MixupE(variant="exact", x_mean=torch.zeros(3, 2, 2)),
    "mixup_loss": lambda model, x, y: mixup_loss(model, x, y, lam=0.3, perm=PERM),
    "mixupe_loss": lambda model, x, y: mixupe_loss(model, x, y, lam=0.3, perm=PERM, alpha=1.0, eta=0.1),
    "head": lambda model, x, y: mixupe_loss(model, x, y, lam=0.3, perm=PERM, alpha=1.0, eta=0.1, mix_at="1"),
    "joint": MixupE(clean_pass="joint"),
    "erm_penalty_loss": lambda model, x, y: erm_penalty_loss(model, x, y, alpha=1.0, eta=0.1),
}


@pytest.mark.parametrize("wrong", [0, "cpu", np.random.default_rng(0)], ids=str)
@pytest.mark.parametrize("name", ["none", "erm_penalty", "mixup", "manifold_mixup", "mixupe"])
def test_a_generator_of_another_kind_is_named(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^generator: must be a torch.Generator or None, got "):
        METHODS[name](MODEL, X, Y, generator=wrong)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.uint8, torch.uint16], ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_class_indices_come_in_any_integer_dtype(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    expected = METHODS[name](MODEL, X, Y).loss
    torch.manual_seed(0)
    assert torch.equal(METHODS[name](MODEL, X, Y.to(dtype)).loss, expected)


def test_a_variant_set_later_misses_its_mean_by_name() -> None:
    method = MixupE()
    method.variant = "exact"
    with pytest.raises(ValueError, match=r"^x_mean: variant exact needs the training-set mean"):
        method(MODEL, X, Y)


@pytest.mark.parametrize("variant", ["approximate", "exact"])
def test_the_default_device_of_torch_is_not_asked(variant: str) -> None:
    x, y, perm = torch.ones(4, 3), torch.tensor([0, 1, 2, 0]), torch.tensor([1, 0, 3, 2])
    model, x_mean = nn.Linear(3, 3), torch.zeros(3)
    with torch.device("meta"):
        MixupE(variant=variant, x_mean=x_mean)(model, x, y)
        mixupe_loss(model, x, y, lam=0.4, perm=perm, alpha=1.0, eta=0.1, variant=variant, x_mean=x_mean)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_labels_in_a_column_are_told_how_to_lie_flat(name: str, dtype: torch.dtype) -> None:
    with pytest.raises(
        ValueError, match=r"^y: has shape \(4, 1\); class indices must have shape \(B,\), .*squeeze\(1\)"
    ):
        METHODS[name](MODEL, X, Y[:, None].to(dtype))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("wrong", [Y.tolist(), Y.numpy(), "0121"], ids=["list", "array", "str"])
def test_labels_that_are_no_tensor_are_named_before_the_model_runs(name: str, wrong: Any) -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError

    with pytest.raises(ValueError, match=r"^y: must be a torch.Tensor, got "):
        METHODS[name](never, X, wrong)


class Output(dict[str, Tensor]):
    """As the transformers library's ModelOutput: a dict with attributes."""

    @property
    def logits(self) -> Tensor:
        return self["logits"]


class Wrapped(nn.Sequential):
    def __init__(self, wrap: Callable[[Tensor], Any]) -> None:
        super().__init__(*MODEL)
        self.wrap = wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(super().forward(x))  # type: ignore[no-untyped-call]


OUTPUTS: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda logits: (logits.mean(), logits, None, (logits, logits)),
    "list": lambda logits: [logits],
    "dict": lambda logits: {"logits": logits, "features": logits},
    "another dict": lambda logits: {"loss": logits.mean(), "scores": logits},
    "Output": lambda logits: Output(logits=logits, features=logits),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("name", METHODS)
def test_logits_are_found_in_what_a_model_returns(name: str, kind: str) -> None:
    results = []
    for wrap in (OUTPUTS[kind], lambda logits: logits):
        torch.manual_seed(0)
        results.append(METHODS[name](Wrapped(wrap), X, Y))
    assert torch.equal(results[0].loss, results[1].loss)
    assert torch.equal(results[0].logits, results[1].logits)


NO_LOGITS: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda logits: (logits, logits),
    "list": lambda logits: [logits[:, 0]],
    "dict": lambda logits: {"a": logits, "b": logits},
    "NoneType": lambda logits: None,
}


@pytest.mark.parametrize("kind", NO_LOGITS)
@pytest.mark.parametrize("name", METHODS)
def test_a_model_whose_logits_cannot_be_told_is_named(name: str, kind: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"^model: must return a tensor, logits of shape \(B, K\), got {kind} with \d of them; say which",
    ):
        METHODS[name](Wrapped(NO_LOGITS[kind]), X, Y)


@pytest.mark.parametrize("wrap", [lambda y: y[:, 0], lambda y: y[None], lambda y: y[0, 0], lambda y: y[1:]], ids="abcd")
@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_returns_another_shape_is_named(name: str, wrap: Callable[[Tensor], Any]) -> None:
    with pytest.raises(ValueError, match=r"^model: must return logits of shape \(B, K\) with B = "):
        METHODS[name](Wrapped(wrap), X, Y)


@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_returns_classes_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"^model: must return logits in a floating dtype, got torch.int64"):
        METHODS[name](Wrapped(lambda logits: logits.long()), X, Y)
