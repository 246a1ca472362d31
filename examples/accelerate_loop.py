"""MixupE with Hugging Face accelerate, one process or several: accelerate launch examples/accelerate_loop.py"""

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mixupe import MixupE

set_seed(0)  # the same in every process: each draws its own lam all the same
accelerator = Accelerator()
images, classes = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(classes)

model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))
mixupe = MixupE(mix_at="3")  # no `module.`, wrapped or not
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=100, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
for _ in range(5):
    for inputs, labels in loader:
        loss = mixupe(model, inputs, labels).loss
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
model.eval()
with torch.no_grad():
    predicted = accelerator.unwrap_model(model)(x[1400:].to(accelerator.device)).argmax(1).cpu()
accelerator.print(f"accuracy {(predicted == y[1400:]).float().mean().item():.3f}")
accelerator.end_training()
