"""What is known of a set's examples besides their inputs."""

from dataclasses import dataclass

import numpy.typing as npt

from mixupe.data.base import DataRequest, DatasetSettings
from mixupe.data.splits import Indexes, Indices, make_splits


@dataclass(frozen=True, kw_only=True)
class Examples:
    """N examples.

    Attributes:
        labels: (N,) class indices.
        class_names: K of them.
        test, validation: indices of the examples in the set's own parts; None where it has no such part.
        groups: (N,) ids of examples that must stay on one side of a split; None where each is for itself.
        notes: see DataBundle.
    """

    labels: Indices
    class_names: tuple[str, ...]
    test: Indices | None = None
    validation: Indices | None = None
    groups: npt.ArrayLike | None = None
    notes: tuple[str, ...] = ()

    def split(self, settings: DatasetSettings, request: DataRequest) -> Indexes:
        """See `make_splits`."""
        return make_splits(
            self.labels,
            settings,
            request,
            groups=self.groups,
            test=self.test,
            validation=self.validation,
            class_names=self.class_names,
        )
