"""torch.compile compiles a run's model once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mixupe import Mixup, MixupE, mixup_loss, mixupe_loss
from mixupe.augmentation.config import Augmentation
from mixupe.augmentation.draw import draw_lam, draw_perm
from mixupe.augmentation.none import ERM
from mixupe.rng import generator
from mixupe.training.compiled import compiled
from tests.training.conftest import bundle, network, trainer

pytestmark = pytest.mark.slow


def test_a_cpu_told_to_do_as_one_with_avx2_is_compiled_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config as inductor

    with inductor.patch({"cpp.simdlen": None}):  # monkeypatch would delete it in the end: it stands in no __dict__
        compiled(nn.Linear(2, 2))
        assert inductor.cpp.simdlen is None
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
        compiled(nn.Linear(2, 2))
        assert inductor.cpp.simdlen == 256


@pytest.fixture(autouse=True)
def _a_second_compilation_is_an_error() -> Iterator[None]:
    import torch._dynamo as dynamo

    dynamo.reset()
    with dynamo.config.patch(error_on_recompile=True):
        yield
    dynamo.reset()


@pytest.mark.parametrize(
    "method",
    [
        ERM,
        lambda: Mixup(1.0),
        lambda: MixupE(1.0, 0.1),
        lambda: MixupE(1.0, 0.1, clean_pass="joint"),
        lambda: MixupE(1.0, 0.1, penalty_every=3),
    ],
    ids=["none", "mixup", "mixupe", "joint", "penalty-every-3"],
)
def test_neither_lam_nor_batch_size_nor_epoch_compiles_anew(tmp_path: Path, method: Callable[[], Augmentation]) -> None:
    """Batches of 14 and a last one of 5; validation between the epochs."""
    from torch._dynamo.utils import counters

    counters.clear()
    fitted = trainer(tmp_path / "x.pt", method(), compile=True, batch_size=14, epochs=3)
    fitted.fit(lambda *_: None)
    assert counters["stats"]["unique_graphs"] == 1


def test_a_compiled_step_of_your_own_takes_lam_as_a_tensor() -> None:
    """The pure functions inside a compiled step: one graph for every lam and batch size."""
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    x, y = bundle().train.inputs, bundle().train.targets  # type: ignore[attr-defined]

    def step(x: Tensor, y: Tensor, lam: Tensor, perm: Tensor) -> tuple[Tensor, Tensor]:
        mixupe = mixupe_loss(model, x, y, lam=lam, perm=perm, alpha=1.0, eta=0.1)
        return mixup_loss(model, x, y, lam=lam, perm=perm).loss, mixupe.loss

    compiled = torch.compile(step, fullgraph=True, dynamic=True)
    for number, size in enumerate([20, 20, 13, 7]):
        draws = generator(0, "test", number)
        lam, perm = draw_lam(1.0, draws), draw_perm(size, draws)
        for ours, eager in zip(
            compiled(x[:size], y[:size], lam, perm), step(x[:size], y[:size], lam, perm), strict=True
        ):
            torch.testing.assert_close(ours, eager)


def test_the_compiled_run_is_the_plain_one_up_to_rounding(tmp_path: Path) -> None:
    """Dropout included."""
    curves: list[list[float]] = []
    for on in (False, True):
        rows: list[float] = []
        fitted = trainer(tmp_path / f"{on}.pt", MixupE(1.0, 0.1), model=network(), compile=on, epochs=2)
        fitted.fit(lambda _epoch, metrics, rows=rows: rows.append(metrics["train_loss"]))  # type: ignore[misc]
        curves.append(rows)
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
