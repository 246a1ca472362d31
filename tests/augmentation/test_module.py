"""A method as a module: its state in any checkpoint, its parameters, copies, threads."""

import copy
import io
import pickle
import threading

import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn

from mixupe import CrossEntropy, ERMPenalty, Generator, ManifoldMixup, Mixup, MixupE
from mixupe.augmentation.loss import cross_entropy
from mixupe.augmentation.method import Method
from mixupe.augmentation.none import ERM
from mixupe.augmentation.registry import own_methods

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


def running() -> MixupE:
    """With all that a method can keep: a running mean and a count."""
    return MixupE(0.5, 0.1, "exact", mix_at="2", penalty_every=2)


METHODS: dict[str, Method] = {
    **{f"default {name}": cls() for name, cls in own_methods().items()},
    "running": running(),
    "mean": MixupE(variant="v1", x_mean=torch.ones(5)),
    "weights": Mixup(0.3, per_sample=True, criterion=CrossEntropy(torch.ones(3))),
    "several": ManifoldMixup(mix_at=["input", "2"], probability=0.5),
}


def takes_images(method: Method) -> bool:
    """Spectrograms are images too."""
    return set(method.domains) <= {"images", "speech"}


def batch_of(method: Method) -> Tensor:
    return X[:, :, None, None] if takes_images(method) else X


def losses(method: Method, model: nn.Module) -> list[float]:
    if takes_images(method):
        model = nn.Sequential(nn.Flatten(), *model.children())
    generator = seeded()
    return [method(model, batch_of(method), Y, generator=generator).loss.item() for _ in range(3)]


class Training(nn.Module):
    """A model with its method, as a LightningModule is."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.method = network(), running()


def test_its_state_is_in_the_checkpoint_of_a_module_around_it() -> None:
    training = Training()
    for _ in range(3):
        training.method(training.model, X, Y, generator=seeded())
    file = io.BytesIO()
    torch.save(training.state_dict(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert {"method.x_mean", "method.batches"} < set(state)
    other = Training()
    other.load_state_dict(state)
    assert other.method.x_mean is not None
    assert torch.equal(other.method.x_mean, state["method.x_mean"])
    assert [bool(other.method(other.model, X, Y).penalty != 0) for _ in range(3)] == [False, True, False]
    assert torch.equal(state["method.x_mean"], training.state_dict()["method.x_mean"]), "a loaded state is not shared"


def test_a_state_from_before_x_mean_was_part_of_it_is_taken() -> None:
    method = MixupE(variant="exact", x_mean=torch.ones(5))
    assert set(method.state_dict()) == {"x_mean"}
    method.load_state_dict({})
    assert torch.equal(method.state_dict()["x_mean"], torch.ones(5))


def test_a_state_from_before_the_first_batch_takes_the_running_mean_back() -> None:
    """As a search for a learning rate does: it trains, and loads the state that it had saved."""
    method = running()
    before = copy.deepcopy(method.state_dict())
    expected = losses(method, network())
    method.load_state_dict(before)
    assert method.x_mean is None
    assert losses(method, network()) == expected
    method = MixupE(variant="exact", mix_at="2", x_mean=torch.ones(8))
    losses(method, network())
    method.load_state_dict(before)
    assert method.x_mean is not None
    assert torch.equal(method.x_mean, torch.ones(8))


def test_the_count_stays_on_the_cpu_where_it_is_read() -> None:
    method = running().to("meta")
    assert method.batches.device.type == "cpu"
    assert CrossEntropy(torch.ones(3)).to("meta").weight.device.type == "meta"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", METHODS)
def test_copies_go_on_as_the_method_does(name: str) -> None:
    method, model = copy.deepcopy(METHODS[name]), network()
    losses(method, model)
    copies = [copy.deepcopy(method), pickle.loads(pickle.dumps(method))]  # noqa: S301 - our own
    expected = losses(method, model)
    assert [losses(copied, model) for copied in copies] == [expected, expected]


@pytest.mark.parametrize("name", METHODS)
def test_clone_begins_anew(name: str) -> None:
    fresh, method = copy.deepcopy(METHODS[name]), copy.deepcopy(METHODS[name])
    losses(method, network())
    copied = clone(method)
    assert copied is not method
    assert losses(copied, network()) == losses(fresh, network())
    assert repr(copied) == repr(fresh)


def test_params_are_set_all_or_none() -> None:
    method = MixupE()
    assert method.set_params(eta=0.5, variant="v3") is method
    assert (method.eta, method.variant, method.get_params()["variant"]) == (0.5, "v3", "v3")
    with pytest.raises(ValueError, match=r"^alpha: must be a finite number > 0"):
        method.set_params(eta=0.1, alpha=-1.0)
    assert method.eta == 0.5
    with pytest.raises(ValueError, match=r"^beta: is no argument of MixupE, allowed are alpha, eta, variant"):
        method.set_params(beta=1)
    assert torch.equal(method.set_params(x_mean=torch.ones(5)).get_params()["x_mean"], torch.ones(5))
    assert running().set_params(x_mean=torch.ones(8)).get_params()["x_mean"].shape == (8,)


def test_a_function_may_take_the_place_of_a_criterion_that_is_a_module() -> None:
    method = MixupE(criterion=nn.CrossEntropyLoss()).set_params(eta=0.5, criterion=cross_entropy)
    assert (method.eta, method.criterion, list(method.children())) == (0.5, cross_entropy, [])
    weighted = CrossEntropy(torch.ones(3))
    assert list(method.set_params(criterion=weighted).children()) == [weighted]


def test_repr_says_the_arguments() -> None:
    assert repr(Mixup(0.5)) == (
        "Mixup(alpha=0.5, mix_at='input', criterion=cross_entropy, per_sample=False, probability=1.0, batch_dim=None)"
    )
    assert "x_mean=tensor(5,)" in repr(METHODS["mean"])
    assert "(criterion): CrossEntropy()" in repr(METHODS["weights"])
    assert repr(ERM()) == "ERM(criterion=cross_entropy)"
    assert repr(ERMPenalty()) == "ERMPenalty(alpha=1.0, eta=0.001, criterion=cross_entropy)"


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)[:, None, None].expand(-1, 1, 4, -1)
        logits: Tensor = self.head(nn.functional.scaled_dot_product_attention(h, h, h).mean((1, 2)))
        return logits


def test_threads_with_a_model_each_do_not_meet() -> None:
    """Hooks, counts and the choice of attention are each their own, or put back."""

    models = [Attention() for _ in range(4)]

    def train(seed: int) -> list[float]:
        model, method = copy.deepcopy(models[seed]), MixupE(0.5, 0.1, "exact", mix_at="head" if seed % 2 else "first")
        generator, found = seeded(seed), []
        for _ in range(15):
            result = method(model, X, Y, generator=generator)
            result.loss.backward()  # type: ignore[no-untyped-call]
            found.append(result.loss.item())
        assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
        return found

    def flags() -> tuple[bool, ...]:
        return (
            torch._C._get_flash_sdp_enabled(),
            torch._C._get_mem_efficient_sdp_enabled(),
            torch._C._get_math_sdp_enabled(),
        )

    expected, before = [train(seed) for seed in range(4)], flags()
    found: dict[int, list[float]] = {}
    threads = [threading.Thread(target=lambda seed=seed: found.update({seed: train(seed)})) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert flags() == before
    assert [found[seed] for seed in range(4)] == expected


def test_a_generator_for_compiled_steps_is_any_generator() -> None:
    ours, theirs = Generator(3), seeded(3)
    assert torch.equal(torch.rand(4, generator=ours), torch.rand(4, generator=theirs))
    assert Generator().initial_seed() == torch.Generator().initial_seed()


def test_copies_of_it_are_such_too_and_go_on_as_it_does() -> None:
    ours = Generator(3)
    torch.rand(4, generator=ours)
    copies = [copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))]  # noqa: S301 - our own
    assert all(isinstance(copied, Generator) for copied in copies)
    assert len({ours.key, *(copied.key for copied in copies)}) == 4
    expected = torch.rand(4, generator=ours)
    assert all(torch.equal(torch.rand(4, generator=copied), expected) for copied in copies)
