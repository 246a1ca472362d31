"""A split that is one tensor on the device: rows are gathered there, no worker, no copy per batch."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class TensorSplit:
    """Examples as (N, ...) float32 inputs and (N,) int64 targets on one device."""

    inputs: Tensor
    targets: Tensor

    @property
    def labels(self) -> Tensor:
        return self.targets.cpu()

    def batches(
        self,
        indices: Iterable[Tensor],
        augment: torch.Generator | None = None,  # noqa: ARG002 - such data has no augmentation but mixing
        skip: Container[int] = (),
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for number, index in enumerate(indices):
            if number in skip:
                continue
            on_device = index.to(self.targets.device, non_blocking=True)
            yield self.inputs[on_device], self.targets[on_device]

    def mean_input(self) -> Tensor:
        return self.inputs.double().mean(dim=0).float()

    def to(self, device: torch.device) -> Self:
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))
