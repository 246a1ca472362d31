import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score

from mixupe import MixupEClassifier
from mixupe.augmentation.registry import own_methods
from mixupe.sklearn.settings import SCHEDULE

CONFIGS = Path(__file__).parents[2] / "configs"
X, Y = load_iris(return_X_y=True)
QUICK = MixupEClassifier(hidden=(16,), epochs=5, batch_size=50, learning_rate=0.02, random_state=0)


def quick(**arguments: Any) -> MixupEClassifier:
    return clone(QUICK).set_params(**arguments)  # type: ignore[no-any-return]


def config(name: str) -> Any:
    return OmegaConf.load(CONFIGS / f"{name}.yaml")


def test_the_defaults_are_the_frameworks_for_tables() -> None:
    recipe, trainer, data = config("recipe/tabular"), config("trainer/tabular"), config("dataset/tabular/vehicle")
    model, optimizer = config(f"model/{recipe.model}"), config(f"optimizer/{recipe.optimizer}")
    ours = MixupEClassifier().get_params()
    assert (ours["epochs"], ours["batch_size"]) == (trainer.epochs, trainer.batch_size)
    assert (list(ours["hidden"]), ours["dropout"]) == (list(model.hidden), model.dropout)
    assert (ours["learning_rate"], ours["weight_decay"]) == (recipe["optimizer.lr"], optimizer.weight_decay)
    assert ours["validation_fraction"] == data.validation_fraction
    assert SCHEDULE.model_dump() == dict(config(f"scheduler/{recipe.scheduler}"))


def test_it_learns_wine() -> None:
    x, y = load_wine(return_X_y=True)
    assert cross_val_score(MixupEClassifier(epochs=20, random_state=0), x, y, cv=3).min() > 0.93


def test_a_data_frame_with_categories_and_missing_values_and_text_labels() -> None:
    rng = np.random.default_rng(0)
    color = rng.choice(["red", "green", "blue"], 300)
    frame = pd.DataFrame({"color": pd.Categorical(color), "size": rng.normal(size=300), "note": "same"})
    y = np.where((color == "red") | (frame["size"] > 1), "yes", "no")
    frame.loc[::10, "size"] = np.nan
    frame.loc[5::10, "color"] = None
    model = MixupEClassifier(epochs=20, random_state=0).fit(frame, y)
    assert model.score(frame, y) > 0.85
    assert model.feature_names_in_.tolist() == ["color", "size", "note"]
    assert set(model.predict(frame)) == {"yes", "no"}
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    np.testing.assert_allclose(again.predict_proba(frame[:9]), model.predict_proba(frame)[:9], rtol=1e-12)


@pytest.mark.parametrize("x", [X, pd.DataFrame(X)], ids=["array", "frame"])
@pytest.mark.parametrize(
    "y",
    [pd.Series(Y, dtype="Int64") + 2**60, pd.Series(Y > 0, dtype="boolean"), pd.Series(Y.astype(str), dtype="string")],
)
def test_labels_of_pandas_nullable_types_stay_what_they_are(x: Any, y: Any) -> None:
    model = quick(epochs=1).fit(x, y)
    assert model.classes_.tolist() == sorted(set(y))
    assert type(model.predict(x).tolist()[0]) is type(y.tolist()[0])
    assert model.score(x, y) > 0.3
    y = y.copy()
    y[1] = pd.NA
    with pytest.raises(ValueError, match=r"^y: has no label in 1 row\(s\), the first is row 1 \(counted from 0\)"):
        model.fit(x, y)


@pytest.mark.parametrize("name", [name for name, cls in own_methods().items() if "tabular" in cls.domains])
def test_every_method_for_tables_trains(name: str) -> None:
    model = MixupEClassifier(name, epochs=1, alpha=0.5, random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_a_class_weight_pulls_towards_its_class() -> None:
    even, heavy = quick().fit(X, Y), quick(class_weight={1: 100.0}).fit(X, Y)
    assert (heavy.predict(X) == 1).sum() > (even.predict(X) == 1).sum()
    quick(class_weight="balanced").fit(X, Y)


def test_patience_stops_and_the_best_epoch_is_kept() -> None:
    model = quick(epochs=200, patience=3).fit(X, Y)
    scores = [(epoch["validation_error"], epoch["validation_loss"]) for epoch in model.history_]
    assert model.n_iter_ == model.best_epoch_ + 3 < 200
    assert model.best_epoch_ == 1 + scores.index(min(scores))
    short = quick(epochs=200, patience=None, validation_fraction=None, hidden=()).set_params(epochs=3).fit(X, Y)
    assert (short.n_iter_, short.best_epoch_) == (3, 3)
    assert "validation_error" not in short.history_[0]


def test_verbose_says_how_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    quick(verbose=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 2/5", "epoch 4/5"]
    assert "validation_error" in lines[0]


def test_a_search_over_alpha_and_eta() -> None:
    grid = {"alpha": [0.2, 1.0], "eta": np.logspace(-3, 0, 2)}
    search = GridSearchCV(quick(), grid, cv=2).fit(X, Y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.6
    assert len(set(search.cv_results_["mean_test_score"])) > 1 or search.best_score_ > 0.9


def test_threads_at_once_train_what_each_would_alone_and_leave_the_global_generator() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    alone = [quick(random_state=seed, dropout=0.3).fit(X, Y).predict_proba(X) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda seed: quick(random_state=seed, dropout=0.3).fit(X, Y), range(4)))
    for model, expected in zip(models, alone, strict=True):
        np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert not np.array_equal(alone[0], alone[1])
    torch.testing.assert_close(torch.get_rng_state(), state, rtol=0, atol=0)


def test_sample_weight_is_no_argument() -> None:
    with pytest.raises(TypeError, match="sample_weight"):
        quick().fit(X, Y, sample_weight=np.ones(len(Y)))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"augmentation": "mixdown"}, "augmentation: must be one of .*mixupe.*, got 'mixdown'"),
        ({"augmentation": "cutmix"}, "augmentation: must be one of "),
        ({"alpha": -1}, "alpha: must be a finite number > 0, got -1"),
        ({"variant": "v9"}, "variant: "),
        ({"epochs": 0}, "epochs: input should be greater than 0, got 0"),
        ({"hidden": 5}, "hidden: "),
        ({"validation_fraction": 1.5}, "validation_fraction: .*got 1.5"),
        ({"learning_rate": 1e30}, "the loss became .* in epoch"),
        ({"learning_rate": 1e30, "epochs": 1, "batch_size": 1000}, "the validation loss became nan in epoch 1"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**arguments).fit(X, Y)


def test_numbers_of_numpy_are_numbers() -> None:
    quick(epochs=np.int64(2), hidden=np.array([8, 8]), eta=np.float32(0.1)).fit(X, Y)


@pytest.mark.parametrize(
    "around",
    [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")],
    ids=["no_grad", "inference", "device"],
)
def test_what_torch_is_set_to_does_not_matter(around: Any) -> None:
    expected = quick(epochs=2).fit(X, Y).predict_proba(X)
    with around():
        found = quick(epochs=2).fit(X, Y).predict_proba(X)
    assert np.array_equal(found, expected)


def test_nor_does_the_default_dtype() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert quick(epochs=2).fit(X, Y).n_iter_ == 2
    finally:
        torch.set_default_dtype(before)


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ValueError, match=r"^device: cuda was asked for, but no CUDA device is available; use cpu or auto"
    ):
        quick(device="cuda").fit(X, Y)
