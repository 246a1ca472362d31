"""Loss, gradients and BatchNorm statistics in float64, reproduced: mixup_* are outputs of the authors' own code, paper_* of
an independent program written from the paper's formulas."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from mixupe import ERMPenalty, MixedLoss, MixupE, erm_penalty_loss, mixup_loss, mixupe_loss
from mixupe.augmentation.method import Method

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "golden").glob("*.npz"))
Arrays = dict[str, npt.NDArray[Any]]


class GoldenNet(nn.Module):
    """Linear(48, 16) -> [BatchNorm1d] -> activation -> Linear(16, 5) on the flattened input."""

    def __init__(self, activation: str, batch_norm: bool) -> None:
        super().__init__()
        self.l1 = nn.Linear(48, 16)
        self.bn: nn.Module = nn.BatchNorm1d(16) if batch_norm else nn.Identity()
        self.activation = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[activation]
        self.l2 = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.l2(self.activation(self.bn(self.l1(x.flatten(1)))))
        return logits


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(str(arrays.pop("meta")))


def network(arrays: Arrays, meta: dict[str, Any]) -> GoldenNet:
    model = GoldenNet(meta["activation"], meta["batch_norm"]).double()
    state = {k.removeprefix("param."): torch.as_tensor(v) for k, v in arrays.items() if k.startswith("param.")}
    model.load_state_dict(state)
    return model.train()


def loss_of(meta: dict[str, Any]) -> dict[str, Any]:
    """alpha, eta, variant and threshold; the paper's variants have a name and no threshold."""
    variant = meta.get("variant") or f"v{meta['version']}"
    return {"alpha": meta["alpha"], "eta": meta["eta"], "variant": variant, "threshold": meta.get("threshold", 1.0)}


def compute(model: nn.Module, arrays: Arrays, meta: dict[str, Any], y: Tensor, channels_last: bool) -> MixedLoss:
    x, perm, lam = torch.as_tensor(arrays["x"]), torch.as_tensor(arrays["perm"]).long(), float(arrays["lam"])
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    if meta["train"] == "mixup":
        return mixup_loss(model, x, y, lam=lam, perm=perm)
    if meta["train"] == "erm_penalty":
        return erm_penalty_loss(model, x, y, alpha=meta["alpha"], eta=meta["eta"])
    x_mean = torch.as_tensor(arrays["x_mean"])
    return mixupe_loss(model, x, y, lam=lam, perm=perm, x_mean=x_mean, clean_pass="separate", **loss_of(meta))


def test_the_golden_files_are_all_here() -> None:
    assert len(GOLDEN) == 25


@pytest.mark.parametrize("channels_last", [False, True], ids=["plain", "channels-last"])
@pytest.mark.parametrize("one_hot", [False, True], ids=["indices", "probabilities"])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_loss_gradients_and_statistics_match_the_authors_code(path: Path, one_hot: bool, channels_last: bool) -> None:
    arrays, meta = read(path)
    model = network(arrays, meta)
    y = torch.as_tensor(arrays["y"]).long()
    y = nn.functional.one_hot(y, 5).double() if one_hot else y
    assert_golden(compute(model, arrays, meta, y, channels_last), model, arrays)


@pytest.mark.parametrize("path", [path for path in GOLDEN if path.stem != "mixup"], ids=lambda path: path.stem)
def test_the_class_computes_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the published engine options, and the golden files' lam and perm in place of drawn ones."""
    arrays, meta = read(path)
    model = network(arrays, meta)
    drawn = torch.as_tensor(arrays["lam"]), torch.as_tensor(arrays["perm"]).long()
    monkeypatch.setattr("mixupe.augmentation.mixupe.draw_mix", lambda *_: drawn)
    x_mean = torch.as_tensor(arrays["x_mean"])
    method: Method = MixupE(x_mean=x_mean, clean_pass="separate", penalty_every=1, **loss_of(meta))
    if meta["train"] == "erm_penalty":
        method = ERMPenalty(meta["alpha"], meta["eta"])
    assert_golden(method(model, torch.as_tensor(arrays["x"]), torch.as_tensor(arrays["y"]).long()), model, arrays)


def assert_golden(result: MixedLoss, model: nn.Module, arrays: Arrays) -> None:
    result.loss.backward()  # type: ignore[no-untyped-call]
    close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12)
    close(result.loss.item(), arrays["loss"])
    for part in ("penalty", "mixup_loss"):  # in the paper's files
        if part in arrays:
            close(getattr(result, part).item(), arrays[part], err_msg=part)
    close(result.logits.detach().numpy(), arrays["logits_mixed"])
    gradients = {name: p.grad for name, p in model.named_parameters()}
    for name, value in arrays.items():
        if name.startswith("grad."):
            gradient = gradients.pop(name.removeprefix("grad."))
            assert gradient is not None
            close(gradient.numpy(), value, err_msg=name)
        if name.startswith("after."):
            close(model.state_dict()[name.removeprefix("after.")].numpy(), value)
    assert not gradients, "every parameter's gradient is compared"
    assert result.loss.item() == pytest.approx(result.mixup_loss.item(), rel=1e-12)
