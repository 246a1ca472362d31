"""MixupE in Keras 3 on torch, by a train_step: KERAS_BACKEND=torch python examples/keras_torch.py"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

from typing import Any

import keras
import torch
from sklearn.datasets import load_digits

from mixupe import MixupE


class MixupEModel(keras.Sequential):
    """A model on logits; compiled with a loss for evaluation."""

    mixupe = MixupE(eta=0.001)

    def train_step(self, data: Any) -> dict[str, float]:
        x, y = data
        self.zero_grad()
        result = self.mixupe(self, x, y, forward=lambda model, x: model(x, training=True))
        result.loss.backward()
        weights = self.trainable_weights[:]
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        return {"loss": result.loss.item(), "mixed_accuracy": result.accuracy().item()}


keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
dense = keras.layers.Dense
model = MixupEModel([keras.Input((64,)), dense(128), keras.layers.BatchNormalization(), keras.layers.ReLU(), dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=keras.optimizers.AdamW(0.01), loss=loss, metrics=["accuracy"])
model.fit(x[:1400], y[:1400], batch_size=100, epochs=5, verbose=0)
print(f"accuracy {model.evaluate(x[1400:], y[1400:], verbose=0)[1]:.3f}")
