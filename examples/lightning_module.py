"""MixupE in a LightningModule, with automatic and with manual optimization: python examples/lightning_module.py"""

from typing import Any

import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mixupe import MixupE


class Classifier(L.LightningModule):
    """The method is a part of the module: what it keeps is in the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))
        self.mixupe = MixupE(penalty_every=2)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        result = self.mixupe(self.model, *batch)
        self.log("train_accuracy", result.accuracy())
        return result.loss

    def test_step(self, batch: tuple[Tensor, Tensor]) -> None:
        x, y = batch
        self.log("accuracy", (self.model(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=0.01)


class Manual(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: tuple[Tensor, Tensor]) -> None:  # type: ignore[override]
        optimizer = self.optimizers()
        loss = super().training_step(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()


L.seed_everything(0)
images, classes = load_digits(return_X_y=True)
data = TensorDataset(torch.tensor(images / 16, dtype=torch.float32), torch.tensor(classes))
train, test = torch.utils.data.random_split(data, [1400, len(data) - 1400])
for module in (Classifier(), Manual()):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = L.Trainer(max_epochs=5, **quiet)  # type: ignore[arg-type]
    trainer.fit(module, DataLoader(train, batch_size=100, shuffle=True))
    (metrics,) = trainer.test(module, DataLoader(test, batch_size=500), verbose=False)
    print(f"accuracy {metrics['accuracy']:.3f}")
