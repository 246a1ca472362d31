"""MixupE in a loop of one's own, on scikit-learn's digits: python examples/plain_loop.py"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from mixupe import MixupE

torch.manual_seed(0)
images, classes = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(classes)
train, test = torch.arange(len(y)).split([1400, len(y) - 1400])

model = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 10))
mixupe = MixupE(alpha=1.0, eta=0.001)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(5):
    model.train()
    for rows in train[torch.randperm(len(train))].split(100):
        result = mixupe(model, x[rows], y[rows])
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    accuracy = (model(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"accuracy {accuracy:.3f}")
