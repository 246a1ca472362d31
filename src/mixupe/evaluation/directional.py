"""The sign of mixup's first-order term, example by example and class by class (the paper's Figure 2).

To first order mixup adds sum_j alpha_ij ||J_j|| ||E[x'] - x_i|| to the loss of example i, up to a positive factor, with

    alpha_ij = (g(f(x_i))_j - y_ij) cos(J_j, E[x'] - x_i),    J_j = gradient of the logit f(x_i)_j with respect to x_i

and g the softmax. Where alpha_ij is negative, minimising mixup's loss makes ||J_j|| larger, not smaller.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mixupe.augmentation.loss import MixedLoss


def alpha(model: nn.Module, x: Tensor, y: Tensor, x_mean: Tensor) -> Tensor:
    """alpha_ij as (B, K) in the dtype of x; 0 where the gradient or the direction is 0.

    In evaluation mode, in which no example depends on another; the model's mode, buffers and gradients stay what they are.

    Args:
        model: f, maps x to logits (B, K).
        x: (B, ...) floating point.
        y: (B,) class indices.
        x_mean: E[x'], the training-set mean input, shape of one example.
    """
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.enable_grad():
            inputs = x.detach().requires_grad_()
            logits = model(inputs)
            # One class at a time: the sum over the batch has each example's own gradient in its row.
            gradients = [
                torch.autograd.grad(logits[:, j].sum(), inputs, retain_graph=True)[0] for j in range(logits.shape[1])
            ]
    finally:
        for module, mode in training.items():
            module.training = mode
    direction = (x_mean.to(x) - x).flatten(1)
    rows = torch.stack([gradient.flatten(1) for gradient in gradients], dim=1)
    cosine = torch.nn.functional.cosine_similarity(rows, direction[:, None], dim=2)
    residual = logits.detach().softmax(dim=1)
    residual[torch.arange(len(y), device=y.device), y] -= 1
    found: Tensor = residual * cosine
    return found


class AlphaTrace:
    """A method that notes, at every `every`-th batch before its loss, the least alpha_ij over the batch and the classes.

    Training is what it would be without it: nothing is drawn, and the model stays as it is. The notes are part of its
    state, so that a resumed run goes on with them.

    Args:
        method: mixup or any other method of the training loop.
        x_mean: training-set mean input, shape of one example.
        every: >= 1.

    Attributes:
        least: (step, least alpha) of each noted batch.
    """

    def __init__(self, method: Any, x_mean: Tensor, every: int) -> None:
        self.method = method
        self.x_mean = x_mean
        self.every = every
        self.batches = 0
        self.least: list[tuple[int, float]] = []

    def __call__(self, model: Any, x: Any, y: Tensor, *, generator: torch.Generator | None = None) -> MixedLoss:
        if self.batches % self.every == 0:
            with torch.autocast(x.device.type, enabled=False):
                self.least.append((self.batches, float(alpha(model, x, y, self.x_mean).min())))
        self.batches += 1
        result: MixedLoss = self.method(model, x, y, generator=generator)
        return result

    def pass_over(self, batches: int) -> None:
        self.batches += batches
        self.method.pass_over(batches)

    def state_dict(self) -> dict[str, Tensor]:
        own = {
            "trace.batches": torch.tensor(self.batches),
            "trace.least": torch.tensor(self.least, dtype=torch.float64),
        }
        return {**self.method.state_dict(), **own}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        rest = {name: value for name, value in state.items() if not name.startswith("trace.")}
        self.method.load_state_dict(rest)
        self.batches = int(state["trace.batches"])
        self.least = [(int(step), least) for step, least in state["trace.least"].tolist()]
