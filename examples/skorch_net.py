"""MixupE in a skorch network, with a search over its eta: python examples/skorch_net.py"""

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from skorch.dataset import unpack_data
from torch import nn

from mixupe import MixupE


class MixupENet(NeuralNetClassifier):
    """A NeuralNetClassifier whose training step is MixupE's; `eta` is a parameter as others are."""

    def __init__(self, *args: Any, eta: float = 0.001, **others: Any) -> None:
        super().__init__(*args, **others)
        self.eta = eta

    def train_step_single(self, batch: Any, **_fit_params: Any) -> dict[str, Any]:
        self._set_training(True)
        x, y = unpack_data(batch)
        result = MixupE(eta=self.eta)(self.module_, x.to(self.device), y.to(self.device))
        result.loss.backward()
        return {"loss": result.loss, "y_pred": result.logits}


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))


torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = (x / 16).astype(np.float32), y.astype(np.int64)
net = MixupENet(
    perceptron, max_epochs=5, lr=0.01, batch_size=100, optimizer=torch.optim.AdamW, train_split=None, verbose=0
)
search = GridSearchCV(net, {"eta": [0.001, 0.1]}, cv=2).fit(x[:1400], y[:1400])
print(f"accuracy {search.score(x[1400:], y[1400:]):.3f}")
