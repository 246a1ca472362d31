"""Splits that are tensors on the device: rows are gathered there, no worker, no copy per batch."""

from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from mixupe.data.splits import Indices


class DeviceSplit(ABC):
    """A split whose tensors lie on one device. Its subclasses are dataclasses and say what the inputs are.

    Attributes:
        targets: (N,) int64.
    """

    targets: Tensor

    @property
    def labels(self) -> Tensor:
        return self.targets.cpu()

    def batches(
        self, indices: Iterable[Tensor], augment: torch.Generator | None = None, skip: Container[int] = ()
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for number, index in enumerate(indices):
            on_device = index.to(self.targets.device, non_blocking=True)
            inputs = self.inputs_at(on_device, augment)
            if number not in skip:  # those left out have drawn from `augment` as ever
                yield inputs, self.targets[on_device]

    @abstractmethod
    def inputs_at(self, index: Tensor, augment: torch.Generator | None) -> Tensor:
        """(B, ...) float32 inputs of the examples at `index`, (B,) int64 on the device; `augment` as in `batches`."""

    @abstractmethod
    def mean_input(self) -> Tensor: ...

    def to(self, device: torch.device) -> Self:
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)  # type: ignore[type-var]  # of every subclass this is right


@dataclass(frozen=True)
class TensorSplit(DeviceSplit):
    """Examples that the model sees as they are.

    Attributes:
        inputs: (N, ...) float32.
        targets: (N,) int64.
    """

    inputs: Tensor
    targets: Tensor

    def select(self, index: Indices) -> Self:
        """The examples at `index`, (n,) int64."""
        return replace(self, inputs=self.inputs[index], targets=self.targets[index])

    def inputs_at(self, index: Tensor, augment: torch.Generator | None) -> Tensor:  # noqa: ARG002 - nothing is drawn
        return self.inputs[index]

    def mean_input(self) -> Tensor:
        return self.inputs.double().mean(dim=0).float()
