"""One call for every model: how it is called, what it is given, what it returns, where it is mixed."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixupe import ERMPenalty, ManifoldMixup, MixedLoss, Mixup, MixupE, erm_penalty_loss, mixup_loss, mixupe_loss
from mixupe.augmentation.cutmix import CutMix
from mixupe.augmentation.none import ERM
from mixupe.augmentation.place import mixable_modules

Y = torch.tensor([0, 1, 2, 0, 1, 2])
PERM = torch.tensor([3, 4, 0, 1, 5, 2])
DRAWS: dict[str, Any] = {"lam": 0.4, "perm": PERM}
PENALTY: dict[str, Any] = {"alpha": 1.0, "eta": 0.5}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(a: MixedLoss, b: MixedLoss) -> None:
    torch.testing.assert_close(a.loss, b.loss)
    torch.testing.assert_close(a.penalty, b.penalty)


class Text(nn.Module):
    """Tokens (B, T) and a mask of those that count, as dicts of the transformers library give them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(11, 8)
        self.norm = nn.LayerNorm(8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        h = self.encoder(src=self.norm(self.embedding(input_ids)), src_key_padding_mask=attention_mask == 0)
        weight = attention_mask.unsqueeze(2).to(h.dtype)
        return {"logits": self.head((h * weight).sum(1) / weight.sum(1)), "hidden": h}


TOKENS = torch.randint(11, (6, 5), generator=seeded(1))
LENGTHS = torch.tensor([5, 3, 4, 2, 5, 1])
MASK = (torch.arange(5) < LENGTHS[:, None]).long()
BATCH = {"input_ids": TOKENS, "attention_mask": MASK}


def by_name(model: Any, batch: dict[str, Tensor]) -> Any:
    return model(**batch)


def both_masks(batch: dict[str, Tensor], perm: Tensor) -> dict[str, Tensor]:
    mask = batch["attention_mask"]
    return {**batch, "attention_mask": mask | mask[perm]}


@pytest.mark.parametrize("method", [ERM(), ERMPenalty(), Mixup(mix_at="norm"), ManifoldMixup(mix_at=["norm", "head"])])
def test_every_method_takes_a_dict_of_tokens(method: Any) -> None:
    result = method(Text(), BATCH, Y, forward=by_name, merge=both_masks)
    result.loss.backward()
    assert result.logits.shape == (6, 3)


def test_tokens_are_mixed_after_the_embedding_with_the_masks_of_both_partners() -> None:
    model = Text()
    found = mixupe_loss(model, BATCH, Y, mix_at="norm", forward=by_name, merge=both_masks, **DRAWS, **PENALTY)
    h = model.norm(torch.lerp(model.embedding(TOKENS)[PERM], model.embedding(TOKENS), 0.4))
    mask = MASK | MASK[PERM]
    h = model.encoder(h, src_key_padding_mask=mask == 0)
    expected = model.head((h * mask.unsqueeze(2)).sum(1) / mask.unsqueeze(2).sum(1))
    torch.testing.assert_close(found.logits, expected)
    clean = model(**BATCH)["logits"]
    q = (clean * (nn.functional.one_hot(Y, 3) - clean.softmax(1))).sum(1)
    torch.testing.assert_close(found.penalty, q.abs().mean())


def test_a_mask_beside_what_is_mixed_is_refused_or_merged() -> None:
    with pytest.raises(
        ValueError, match=r"^mix_at: 'encoder' takes 'src_key_padding_mask' of shape \(6, 5\) .* give merge"
    ):
        mixup_loss(Text(), BATCH, Y, mix_at="encoder", forward=by_name, **DRAWS)
    result = mixup_loss(Text(), BATCH, Y, mix_at="encoder", forward=by_name, merge=both_masks, **DRAWS)
    assert result.loss.isfinite()


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 3)

    def forward(self, h: Tensor, _encoded: Any) -> Tensor:
        logits: Tensor = self.head(h)
        return logits


@pytest.mark.parametrize(
    "held", [lambda h: (h,), lambda h: [h], lambda h: {"first": [h]}], ids=["tuple", "list", "dict"]
)
def test_so_are_rows_that_a_tuple_a_list_or_a_dict_holds(held: Callable[[Tensor], Any]) -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = Decoder()

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.decoder(x, held(x * 2))
            return logits

    with pytest.raises(ValueError, match=r"^mix_at: 'decoder' takes an argument 2 of shape \(6, 5\) .* give merge"):
        mixup_loss(Skipping(), torch.ones(6, 5), Y, mix_at="decoder", **DRAWS)


def test_a_module_called_by_keyword_is_mixed() -> None:
    """The encoder is, as src=...; without a mask for each example nothing is to be merged."""
    model = Text()
    whole = {**BATCH, "attention_mask": torch.ones(1, 5, dtype=torch.long)}
    model.encoder.register_forward_pre_hook(_without_mask, with_kwargs=True)
    found = mixup_loss(model, whole, Y, mix_at="encoder", forward=by_name, merge=lambda x, perm: x, **DRAWS)
    h = model.norm(model.embedding(TOKENS))
    expected = model.head(model.encoder(torch.lerp(h[PERM], h, 0.4)).mean(1))
    torch.testing.assert_close(found.logits, expected)


def _without_mask(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
    return args, {name: value for name, value in kwargs.items() if name == "src"}


class Graphs(nn.Module):
    """Means of neighbours, then of the nodes of each graph."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        h = self.first(x).tanh()
        h = h.index_add(0, edge_index[1], h[edge_index[0]])
        pooled = torch.zeros(6, 8).index_add(0, batch, h)
        logits: Tensor = self.head(pooled)
        return logits


def test_graphs_are_given_as_a_tuple() -> None:
    x = torch.randn(12, 4, generator=seeded()), torch.randint(12, (2, 20), generator=seeded()), torch.arange(12) // 2
    model = Graphs()
    settings: dict[str, Any] = {"mix_at": "head", "forward": lambda model, batch: model(*batch), **DRAWS}
    found = mixupe_loss(model, x, Y, **settings, **PENALTY)
    seen: list[Tensor] = []
    model.head.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    model(*x)
    torch.testing.assert_close(found.logits, model.head(torch.lerp(seen[0][PERM], seen[0], 0.4)))
    same(found, mixupe_loss(lambda h: model.head(h), seen[0], Y, **DRAWS, **PENALTY))


def test_a_dict_at_the_input_is_told_how() -> None:
    with pytest.raises(ValueError, match=r"^x: must be a floating-point tensor .* got dict; .*\*\*rest"):
        mixup_loss(Text(), BATCH, Y, forward=by_name, **DRAWS)
    with pytest.raises(ValueError, match=r"^x: must be a floating-point tensor to be mixed, got torch.int64; tokens"):
        mixup_loss(Text(), TOKENS, Y, forward=lambda model, x: model(x, MASK), **DRAWS)


def test_what_is_said_of_the_call_is_checked() -> None:
    x = torch.randn(6, 5)
    with pytest.raises(ValueError, match=r"^model: must be a torch.nn.Module or a function, got str"):
        Mixup()("model", x, Y)  # type: ignore[arg-type]
    for name in ("forward", "merge"):
        with pytest.raises(ValueError, match=rf"^{name}: must be a function or None, got 3"):
            MixupE()(nn.Linear(5, 3), x, Y, **{name: 3})  # type: ignore[arg-type]


class Wrapped(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.module = model

    def forward(self, x: Tensor) -> Any:
        return self.module(x)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


@pytest.mark.parametrize("point", ["2", "module.2", "module.module.2"])
def test_a_mix_layer_needs_no_name_of_a_wrapper(point: str) -> None:
    x, model = torch.randn(6, 5, generator=seeded()), Wrapped(Wrapped(net()))
    found = mixup_loss(model, x, Y, mix_at=point, **DRAWS)
    assert torch.equal(found.loss, mixup_loss(net(), x, Y, mix_at="2", **DRAWS).loss)
    assert mixable_modules(model) == ["input", "0", "1", "2"]
    with pytest.raises(ValueError, match=r"^mix_at: there is no module '3', allowed are input, 0, 1, 2$"):
        mixup_loss(model, x, Y, mix_at="3", **DRAWS)


@pytest.mark.parametrize(
    ("point", "such"), [("layer1.5", "layer2.5, layer1.1, layer1.0, layer1"), ("zz", "layer1, layer2, head")]
)
def test_of_many_modules_a_few_are_named(point: str, such: str) -> None:
    layers = {f"layer{n}": nn.Sequential(*(nn.Linear(5, 5) for _ in range(2 if n == 1 else 40))) for n in (1, 2)}
    model = nn.Sequential(OrderedDict([*layers.items(), ("head", nn.Linear(5, 3))]))
    with pytest.raises(ValueError, match=r"^mix_at: there is no module ") as error:
        mixup_loss(model, torch.randn(6, 5), Y, mix_at=point, **DRAWS)
    allowed = "allowed are input and the names of the model's 45 modules, such as "
    assert str(error.value) == f"mix_at: there is no module '{point}', {allowed}{such}"


class Recurrent(nn.Module):
    """(T, B, D) inside, (B, T, D) or (T, B, D) outside."""

    def __init__(self, turns: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.turns = turns
        self.first = nn.Linear(8, 8)
        self.recurrent = nn.GRU(8, 8)
        self.own = nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.transpose(0, 1) if self.turns else x)
        logits: Tensor = self.head(self.own(self.recurrent(h)[0]).mean(0))
        return logits


@pytest.mark.parametrize("steps", [4, 6])
@pytest.mark.parametrize("variant", ["approximate", "exact"])
@pytest.mark.parametrize("point", ["recurrent", "own", "first"])
def test_batch_dim_mixes_sequences_that_come_first(point: str, variant: str, steps: int) -> None:
    """Mixed within, as where the linear layer before it is mixed at the input."""
    x = torch.randn(6, steps, 8, generator=seeded())
    model = Recurrent(turns=True)
    settings: dict[str, Any] = {**DRAWS, **PENALTY, "variant": variant, "x_mean": torch.zeros(steps, 8)}
    found = mixupe_loss(model, x, Y, mix_at=point, batch_dim=1, **settings)
    flows: dict[str, Callable[[Tensor], Tensor]] = {
        "first": lambda h: h,
        "recurrent": model.first,
        "own": lambda h: model.recurrent(model.first(h).transpose(0, 1))[0].transpose(0, 1),
    }
    rests: dict[str, Callable[[Tensor], Tensor]] = {
        "first": model,
        "recurrent": lambda h: model.head(model.own(model.recurrent(h.transpose(0, 1))[0]).mean(0)),
        "own": lambda h: model.head(model.own(h).mean(1)),
    }
    same(found, mixupe_loss(rests[point], flows[point](x), Y, **settings))


@pytest.mark.parametrize("clean_pass", ["separate", "joint"])
@pytest.mark.parametrize("variant", ["approximate", "exact"])
def test_batch_dim_of_the_input(variant: str, clean_pass: str) -> None:
    x = torch.randn(6, 4, 8, generator=seeded())
    settings: dict[str, Any] = {**DRAWS, **PENALTY, "variant": variant, "clean_pass": clean_pass}
    mean = torch.zeros(4, 8)
    first = mixupe_loss(Recurrent(turns=False), x.transpose(0, 1), Y, batch_dim=1, x_mean=mean, **settings)
    same(first, mixupe_loss(Recurrent(turns=True), x, Y, x_mean=mean, **settings))


def test_an_axis_in_doubt_is_refused_until_it_is_given() -> None:
    """As many steps as examples, and a recurrent layer that takes sequences first."""
    x = torch.randn(6, 6, 8, generator=seeded())
    with pytest.raises(ValueError, match=r"^mix_at: what flows into 'own' has shape \(6, 6, 8\), .* give batch_dim"):
        mixup_loss(Recurrent(turns=True), x, Y, mix_at="own", **DRAWS)
    first, second = (
        mixup_loss(Recurrent(turns=True), x, Y, mix_at="own", batch_dim=axis, **DRAWS).loss for axis in (0, 1)
    )
    assert not torch.equal(first, second)
    for method in (Mixup, MixupE):
        assert method(mix_at="own", batch_dim=1)(Recurrent(turns=True), x, Y).loss.isfinite()
    for wrong in (-1, True, "1"):
        with pytest.raises(ValueError, match=r"^batch_dim: must be an axis"):
            ManifoldMixup(batch_dim=wrong)  # type: ignore[arg-type]


def test_self_attention_is_mixed_as_a_whole() -> None:
    """Its query, key and value are one tensor."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.attention(x, x, x)[0].mean(1))
            return logits

    x = torch.randn(6, 5, 8, generator=seeded())
    found = mixupe_loss(Attention(), x, Y, mix_at="attention", **DRAWS, **PENALTY)
    same(found, mixupe_loss(Attention(), x, Y, **DRAWS, **PENALTY))


def test_the_last_module_of_a_model_that_returns_a_dict_is_run_alone() -> None:
    model, calls = Text(), []
    model.embedding.register_forward_hook(lambda *_: calls.append(1))
    mixupe_loss(model, BATCH, Y, mix_at="head", forward=by_name, **DRAWS, **PENALTY)
    assert len(calls) == 1


def test_the_other_pure_functions_and_cutmix_take_it_too() -> None:
    images = torch.randn(6, 1, 4, 4, generator=seeded())
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    doubled: dict[str, Any] = {"forward": lambda model, x: (2 * model(x),)}
    plain = erm_penalty_loss(lambda x: 2 * model(x), images, Y, **PENALTY)
    same(erm_penalty_loss(model, images, Y, **PENALTY, **doubled), plain)
    cut = [
        CutMix()(net, images, Y, generator=seeded(), **options)
        for net, options in ((model, doubled), (lambda x: 2 * model(x), {}))
    ]
    same(*cut)
