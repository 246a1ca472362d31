"""MixupE for tables as a scikit-learn classifier."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from mixupe.data.base import DataSpec
from mixupe.data.tensors import TensorSplit
from mixupe.models.registry import build_model
from mixupe.sklearn.columns import Table, learn_columns
from mixupe.sklearn.labels import classes_of, split_rows, weights_of
from mixupe.sklearn.methods import method_of
from mixupe.sklearn.settings import checked_settings
from mixupe.sklearn.training import train_in_memory
from mixupe.training.loop import EpochMetrics
from mixupe.training.trainer import resolve_device

# A network's first weights come from torch's global generator, which is put back afterwards: one thread at a time.
_INITIALISING = threading.Lock()
# Rows that go through the network at a time.
_ROWS = 8192


@contextmanager
def _own_settings() -> Iterator[None]:
    """Within it gradients are taken and tensors made on the CPU, whatever torch is set to around."""
    on_cpu = nullcontext() if torch.get_default_device().type == "cpu" else torch.device("cpu")
    with torch.inference_mode(False), on_cpu:
        yield


class MixupEClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A multi-layer perceptron trained with MixupE (Zou et al., UAI 2023), mixup or another method of this package.

    X is a data frame or an array. Numbers are standardised, missing ones become the training mean with an indicator
    column; text and pandas' categories become one-hot columns (of more than 64 categories the rarest are one), missing is a
    category of its own. Labels may be of any type. `sample_weight` is no argument of `fit`: mixed examples have no weight
    of their own; `class_weight` is there.

    The default values are the framework's for tables (configs/recipe/tabular.yaml).

    Args:
        augmentation: mixupe, mixup, none, manifold_mixup, regmixup or another method that takes tables.
        alpha, eta, variant: of the method; None is its own default (mixupe: 1, 0.001, approximate). A method
            without such an argument does not read it.
        hidden: width of each hidden layer.
        dropout: probability of dropping a hidden unit, in [0, 1).
        epochs: passes over the training rows; the learning rate falls to 0 over them.
        batch_size: rows a step, at least 2.
        learning_rate: of AdamW, its peak.
        weight_decay: of AdamW.
        class_weight: None, "balanced" (n / (K n_k)), or a dict of weights by class; validation counts them too.
        validation_fraction: share of each class that is held out; the epoch with the lowest error on it is kept (ties: the
            lowest loss). None trains on every row and keeps the last epoch.
        patience: stop after that many epochs without a better one; None trains all.
        random_state: a seed, a NumPy RandomState, or None for another result each time.
        device: cpu, cuda, or auto, a GPU where there is one. Predictions are made on the CPU, in float64.
        verbose: say how it goes every that many epochs; 0 says nothing.

    Attributes:
        classes_: (K,) labels in order.
        n_features_in_: number of columns of X.
        feature_names_in_: their names, where X was a data frame with names that are text.
        n_iter_: epochs trained.
        best_epoch_: that was kept, counted from 1.
        history_: metrics of each epoch: train_loss, penalty, validation_loss (nats), validation_error (percent).
        model_: the network, in float64 on the CPU.
        columns_: how X becomes its input.
    """

    def __init__(
        self,
        augmentation: str = "mixupe",
        alpha: float | None = None,
        eta: float | None = None,
        variant: str | None = None,
        *,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.1,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 0.003,
        weight_decay: float = 0.01,
        class_weight: Mapping[Any, float] | str | None = None,
        validation_fraction: float | None = 0.2,
        patience: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
        verbose: int = 0,
    ) -> None:
        self.augmentation = augmentation
        self.alpha = alpha
        self.eta = eta
        self.variant = variant
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @_own_settings()
    def fit(self, X: Any, y: Any) -> Self:
        """Train on (N, F) rows and their (N,) labels.

        Raises:
            ValueError: an argument, X or y is wrong; the message names it.
        """
        settings = checked_settings(self.get_params(deep=False))
        device = resolve_device(settings.device)
        if device.type == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"device: {device} was asked for, but no CUDA device is available; use cpu or auto")
        x, y = self._checked(X, y)
        self.classes_, codes = classes_of(y)
        weights = weights_of(self.class_weight, self.classes_, codes)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows, held_out = split_rows(codes, settings.validation_fraction, np.random.default_rng(seed))
        self.columns_ = learn_columns(x, rows)
        inputs, targets = self.columns_.inputs(x), torch.from_numpy(codes.astype(np.int64))
        spec = DataSpec("tabular", tuple(map(str, self.classes_)), inputs.shape[1:], self.columns_.blocks)
        train, validation = (TensorSplit(inputs[part], targets[part]).to(device) for part in (rows, held_out))
        of_method = {"alpha": self.alpha, "eta": self.eta, "variant": self.variant}
        method = method_of(self.augmentation, of_method, settings.model.stages, weights, train, spec)
        with _INITIALISING:  # torch.set_default_dtype may say float64
            model = build_model(settings.model, spec, seed).to(device, torch.float32)
        self.history_: list[EpochMetrics] = []

        def on_epoch(epoch: int, metrics: EpochMetrics) -> None:
            self.history_.append(metrics)
            if settings.verbose and epoch % settings.verbose == 0:
                shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
                print(f"epoch {epoch}/{settings.epochs}: {shown}", flush=True)  # noqa: T201 - what verbose asks for

        best = train_in_memory(
            model, method, train, validation if len(held_out) else None, settings, weights, seed, on_epoch
        )
        self.n_iter_ = len(self.history_)
        self.best_epoch_ = best.epoch or self.n_iter_
        self.model_ = model.cpu().double().eval()
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """(N, K) probabilities of the classes in the order of `classes_`."""
        check_is_fitted(self)
        x, _ = self._checked(X)
        # float64: a row's result then does not depend on the rows beside it, but for the last digits.
        inputs = self.columns_.inputs(x).double()
        with torch.no_grad():
            logits = [self.model_(part) for part in torch.split(inputs, _ROWS)]
        return np.asarray(torch.cat(logits).softmax(dim=1).numpy())

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) labels."""
        predicted = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[predicted])

    def _checked(self, X: Any, y: Any = "no_validation") -> tuple[Table, npt.NDArray[Any]]:
        """X as a data frame or an array of numbers, text or objects, y as (N,) where it is given."""
        fits = not isinstance(y, str)
        if isinstance(getattr(y, "dtype", None), pd.api.extensions.ExtensionDtype):
            # scikit-learn would make floating numbers of pandas' nullable labels.
            y = np.array(y, dtype=object)
            y[pd.isna(y)] = None
        if not isinstance(X, pd.DataFrame):
            checked = validate_data(self, X, y, reset=fits, dtype=None, ensure_all_finite="allow-nan")
            return checked if fits else (checked, np.empty(0))
        validate_data(self, X, y, reset=fits, skip_check_array=True)
        if not X.size:
            raise ValueError(f"X: must have rows and columns, got shape {X.shape}")
        if fits:
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
        return X, y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
