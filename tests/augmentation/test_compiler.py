"""Under torch.compile: what cannot be compiled is refused in a line that says so, nothing is compiled over and over."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import Generator, ManifoldMixup, MixedLoss, Mixup, MixupE, mixup_loss, mixupe_loss
from mixupe.augmentation.penalty import GRADIENT_VARIANTS

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0, 1, 2])
PERM = torch.tensor([3, 4, 0, 1, 5, 2])


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> Iterator[None]:
    import torch._dynamo as dynamo

    dynamo.reset()
    yield
    dynamo.reset()


def compiled(function: Any, **options: Any) -> Any:
    return torch.compile(function, backend="eager", **options)


class Net(nn.Module):
    """Stem, body and head, each of which may be replaced by a compiled one."""

    def __init__(self, wrap: Callable[[str, nn.Module], Any] = lambda _, part: part) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = wrap("stem", nn.Sequential(nn.Linear(5, 8), nn.Tanh()))
        self.body = wrap("body", nn.Sequential(nn.Linear(8, 8), nn.Tanh()))
        self.head = wrap("head", nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(self.stem(x)))
        return logits


def in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


def with_part(name: str, how: Callable[[nn.Module], Any]) -> Net:
    return Net(lambda at, part: how(part) if at == name else part)


def mixed(model: Callable[[Any], Tensor], **changed: Any) -> MixedLoss:
    settings = {"alpha": 1.0, "eta": 0.5, **changed}
    return mixupe_loss(model, X, Y, lam=0.4, perm=PERM, **settings)


HIDDEN: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "whole": (lambda: compiled(Net()), "head"),
    "whole, by its own name": (lambda: compiled(Net()), "_orig_mod.head"),
    "whole in place": (lambda: in_place(Net()), "head"),
    "within a part": (lambda: with_part("body", compiled), "body._orig_mod.0"),
    "within a part in place": (lambda: with_part("body", in_place), "body.0"),
    "a part in place": (lambda: with_part("body", in_place), "body"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_mix_layer_inside_compiled_code_is_refused(name: str) -> None:
    make, point = HIDDEN[name]
    model = make()
    model(X)  # compiled without the hook
    refusal = rf"^mix_at: '{point}' lies inside what torch.compile compiles"
    with pytest.raises(ValueError, match=refusal):
        mixup_loss(model, X, Y, lam=0.4, perm=PERM, mix_at=point)
    for method in (Mixup(1.0, mix_at=point), ManifoldMixup(1.0, [point]), MixupE(1.0, 0.1, mix_at=point)):
        with pytest.raises(ValueError, match=refusal):
            method(model, X, Y)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_so_is_one_that_torch_jit_compiles() -> None:
    traced: Any = torch.jit.trace  # without types
    whole, part = traced(Net(), X), with_part("body", lambda body: traced(body, torch.ones(6, 8)))
    for model, point in ((whole, "head"), (part, "body"), (part, "body.0")):
        with pytest.raises(ValueError, match=rf"^mix_at: '{point}' is or lies inside what torch.jit compiles"):
            mixed(model, mix_at=point)
    assert torch.equal(mixed(part, mix_at="head").loss, mixed(Net(), mix_at="head").loss)


def test_a_mix_layer_in_a_compiled_step_is_refused() -> None:
    step = compiled(lambda model, x: mixed(model, mix_at="head").loss + x.sum())
    with pytest.raises(ValueError, match=r"^mix_at: 'head' lies inside what torch.compile compiles"):
        step(Net(), X)


def test_so_with_fullgraph_where_torch_quotes_the_line() -> None:
    step = compiled(lambda model, x: mixed(model, mix_at="head").loss + x.sum(), fullgraph=True)
    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"mix_at: 'head' lies inside what torch.compile"):
        step(Net(), X)


@pytest.mark.parametrize("point", ["head", "body", "stem"])
@pytest.mark.parametrize("part", ["stem", "body", "head"])
def test_compiled_modules_beside_the_mix_layer_do_not_matter(point: str, part: str) -> None:
    model, expected = with_part(part, compiled), Net()
    model(X)
    for lam in (0.4, 0.7):
        settings: dict[str, Any] = {"lam": lam, "perm": PERM, "alpha": 1.0, "eta": 0.5, "mix_at": point}
        ours, theirs = (mixupe_loss(net, X, Y, **settings) for net in (model, expected))
        torch.testing.assert_close(ours.mixup_loss, theirs.mixup_loss)
        torch.testing.assert_close(ours.penalty, theirs.penalty)


TWICE: dict[str, Callable[[], Callable[[Any], Tensor]]] = {
    "model": lambda: compiled(Net()),
    "part": lambda: with_part("body", compiled),
    "in place": lambda: in_place(Net()),
    "part in place": lambda: with_part("head", in_place),
    "function": lambda: compiled(lambda x: Net()(x)),
}


@pytest.mark.parametrize("variant", GRADIENT_VARIANTS)
@pytest.mark.parametrize("kind", TWICE)
def test_variants_that_differentiate_twice_are_refused(kind: str, variant: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^variant: {variant} differentiates the model twice, .* with torch.compile, "
    ):
        mixed(TWICE[kind](), variant=variant, x_mean=torch.zeros(5))


def test_in_a_compiled_step_too() -> None:
    step = compiled(lambda model, x: mixed(model, variant="exact", x_mean=torch.zeros(5)).loss + x.sum())
    with pytest.raises(ValueError, match=r"^variant: exact differentiates the model twice, .* with torch.compile, "):
        step(Net(), X)


@pytest.mark.parametrize("penalty_every", [1, 4])
@pytest.mark.parametrize("backward", [False, True])
def test_a_compiled_step_with_the_class_is_compiled_once_however_long_it_runs(
    backward: bool, penalty_every: int
) -> None:
    """With penalty_every its graphs are three: the draws, a batch with the penalty, and one without."""
    from torch._dynamo.utils import counters

    model, method = Net(), MixupE(1.0, 0.5, penalty_every=penalty_every)

    def step(x: Tensor, y: Tensor) -> Tensor:
        result = method(model, x, y)
        if backward:
            result.loss.backward()  # type: ignore[no-untyped-call]
        return result.penalty

    counters.clear()
    fast = compiled(step)
    penalties = [fast(X, Y).item() for _ in range(2 * penalty_every + 3)]
    assert counters["stats"]["unique_graphs"] == (1 if penalty_every == 1 else 3)
    assert [penalty != 0 for penalty in penalties] == [number % penalty_every == 0 for number in range(len(penalties))]


@pytest.mark.parametrize("make", [Mixup, MixupE, lambda: Mixup(per_sample=True, probability=0.5)])
def test_a_step_with_a_generator_is_one_graph(make: Callable[[], Mixup]) -> None:
    """It draws what an uncompiled step draws."""
    model, method = Net(), make()

    def step(x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        result = method(model, x, y, generator=generator)
        return result.loss, result.lam

    fast = compiled(step, fullgraph=True)
    drawn, expected = Generator(3), torch.Generator().manual_seed(3)
    lams = []
    for _ in range(3):
        (loss, lam), (plain_loss, plain_lam) = fast(X, Y, drawn), step(X, Y, expected)
        torch.testing.assert_close(loss, plain_loss)
        assert lam is not None
        torch.testing.assert_close(lam, plain_lam)
        lams.append(lam.mean().item())
    assert len(set(lams)) > 1


def test_a_dict_and_a_way_to_call_are_one_graph_too() -> None:
    model = Net()
    step = compiled(
        lambda x: mixup_loss(model, x, Y, lam=torch.tensor(0.4), perm=PERM, forward=lambda m, x: {"logits": m(x)}).loss,
        fullgraph=True,
    )
    torch.testing.assert_close(step(X), mixup_loss(model, X, Y, lam=0.4, perm=PERM).loss)


def test_a_lam_for_each_example_of_batches_of_other_sizes() -> None:
    model, method = Net(), MixupE(1.0, 0.5, per_sample=True)
    step = compiled(lambda x, y: method(model, x, y).loss, fullgraph=True)
    for size in (6, 5, 3):
        torch.manual_seed(size)
        loss = step(X[:size], Y[:size])
        torch.manual_seed(size)
        torch.testing.assert_close(loss, method(model, X[:size], Y[:size]).loss)


@pytest.mark.parametrize("name", ["alpha", "eta"])
def test_a_schedule_of_a_number_neither_cuts_a_step_nor_compiles_it_over_and_over(name: str) -> None:
    model, method, graphs = Net(), MixupE(), []

    def backend(graph: Any, _inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    step = torch.compile(lambda x, y: method(model, x, y).loss, backend=backend, fullgraph=True)
    for value in (0.1, 0.2, 0.3, 0.4, 0.5):
        setattr(method, name, value)
        step(X, Y)
    assert len(graphs) == 2  # the second takes the number as an input
