"""MixupE as a task of timm's train.py: `task = MixupETask(model, mixupe=MixupE(), criterion_kwargs=...)`.

Run: python examples/timm_train.py
"""

from typing import Any

import timm
import torch
from sklearn.datasets import load_digits
from timm.task import ClassificationTask
from torch import Tensor

from mixupe import MixupE


class MixupETask(ClassificationTask):  # type: ignore[misc]
    """timm's task, whose criterion (label smoothing, binary cross-entropy) is mixed; on class indices.

    Raises:
        ValueError: the targets are mixed already, by `--mixup` or `--cutmix`.
    """

    def __init__(self, model: torch.nn.Module, mixupe: MixupE, **others: Any) -> None:
        super().__init__(model, **others)
        self.mixupe = mixupe.set_params(criterion=self.criterion)

    def forward(self, input: Tensor, target: Tensor) -> dict[str, Tensor]:
        if target.dim() != 1:
            raise ValueError("target: must be class indices; switch --mixup and --cutmix off, which mix already")
        result = self.mixupe(self.trainable_module, input, target)
        return {"loss": result.loss, "output": result.logits}


torch.manual_seed(0)
images, classes = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(classes)
model = timm.create_model("test_resnet", in_chans=1, num_classes=10)
task = MixupETask(model, MixupE(), criterion_kwargs={"smoothing": 0.1}, verbose=False)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(5):
    for rows in torch.randperm(1400).split(100):
        loss = task(x[rows], y[rows])["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    print(f"accuracy {(model(x[1400:]).argmax(1) == y[1400:]).float().mean().item():.3f}")
