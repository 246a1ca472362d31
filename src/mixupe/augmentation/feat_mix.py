"""FEAT-MIX (Chen et al. 2023, "ExcelFormer", arXiv 2301.02819): features swapped between two rows of a table.

A mask keeps some of a row's features and takes the others from its partner; the label of each counts by how much its
features say of the class: Lambda, the share of the kept features in the mutual information of all features with the label.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call, Model
from mixupe.augmentation.draw import draw_mix, draw_of, lam_of
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy, logits_of
from mixupe.augmentation.method import Method, StackPlan, Style
from mixupe.augmentation.mixup import mixed_loss, to_device
from mixupe.augmentation.targets import is_of_classes

# Training rows that the mutual information is estimated from.
_ROWS = 2000
_TAKES = "rows of a table, (B, D)"


class FeatMix(Method):
    """Draws lam ~ Beta(alpha, alpha) and a permutation for each batch, and for each row the floor(lam F) of F features
    that it keeps; tables only.

    A one-hot block is one feature. Without `learn`, every column is a feature and all count alike.

    Args:
        alpha: > 0.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: alpha is not a finite number > 0.

    Attributes:
        feature_of: (D,) int64, which feature each column belongs to; None: each is one.
        importance: (F,) float, of the features; None: all alike.
    """

    name = "feat_mix"
    style = Style("#882255", "h", "-.")
    domains = ("tabular",)
    feature_of: Tensor | None
    importance: Tensor | None

    def __init__(self, alpha: float = 1.0, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        super().__init__(criterion)
        self.alpha = alpha
        self.register_buffer("feature_of", None)
        self.register_buffer("importance", None)

    def learn(self, train: Any, spec: Any) -> None:
        """Find the features, and from at most 2,000 evenly spaced rows their mutual information with the label."""
        count = len(train.labels)
        spaced = torch.linspace(0, count - 1, min(count, _ROWS)).round().long()
        (rows, labels), *_ = train.batches([spaced])
        self.feature_of = features_of(rows.shape[1], spec.categorical_blocks)
        self.importance = mutual_information(rows.cpu(), labels.cpu(), self.feature_of)

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        checks.check_input(x, len(y), 2, _TAKES)
        lam, perm = draw_mix(len(y), self.alpha, generator)
        feature_of, importance = self._features(x.shape[1])
        places = torch.rand(len(y), len(importance), generator=generator, device=lam.device)
        return self._loss(call, x, y, lam, perm, places, feature_of.to(lam.device), importance.to(lam.device))

    def _features(self, columns: int) -> tuple[Tensor, Tensor]:
        """`feature_of` and `importance`, or what they are without `learn`."""
        feature_of = torch.arange(columns) if self.feature_of is None else self.feature_of
        return feature_of, torch.ones(int(feature_of.max()) + 1) if self.importance is None else self.importance

    def _loss(self, call: Call, x: Tensor, y: Tensor, lam: Tensor, perm: Tensor, *masking: Tensor) -> MixedLoss:
        """`masking`: the places (B, F) of the features in an order drawn for each row, `feature_of` and `importance`."""
        places, feature_of, importance = masking
        kept = places.argsort(dim=1).argsort(dim=1) < (lam * places.shape[1]).floor()
        share = (kept * importance).sum(dim=1) / importance.sum()
        kept_columns = kept[:, feature_of].to(x.device, non_blocking=True)
        lam, perm = to_device(share, perm, x, y)
        x = call.merged(x, perm)
        checks.check_input(x, len(y), 2, f"{_TAKES}, after merge")
        logits = logits_of(call(torch.where(kept_columns, x, x[perm])), len(y), is_of_classes(self.criterion))
        return mixed_loss(logits, y, lam, perm, self.criterion)

    def stack_plan(self) -> StackPlan:
        """Of one that has learned, as each has that is about to be trained."""

        def draw(batch: int, generator: torch.Generator | None) -> tuple[Tensor, ...]:
            assert self.importance is not None
            return (*draw_lam_and_perm(batch, generator), torch.rand(batch, len(importance), generator=generator))

        def loss(model: Model, x: Any, y: Tensor, *drawn: Tensor) -> MixedLoss:
            uniform, gamma, perm, places, alpha, *learned = drawn
            return self._loss(Call.of(model), x, y, lam_of(uniform, gamma, alpha), perm, places, *learned)

        feature_of, importance = self._features(columns=1)
        draw_lam_and_perm = draw_of(self.alpha)
        return StackPlan(loss, draw, (torch.tensor(self.alpha, dtype=torch.float64), feature_of, importance))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """What was learned may have any shape."""
        for name in ("feature_of", "importance"):
            learned = state_dict.get(f"{prefix}{name}")
            if learned is not None:
                setattr(self, name, torch.empty_like(learned))
        super()._load_from_state_dict(state_dict, prefix, *others)


def features_of(columns: int, blocks: tuple[tuple[int, int], ...]) -> Tensor:
    """(D,) int64: the feature that each column belongs to, a one-hot block [start, stop) being one; 0 to F - 1 in order."""
    starts = torch.ones(columns, dtype=torch.int64)
    for start, stop in blocks:
        starts[start + 1 : stop] = 0
    return starts.cumsum(0) - 1


def mutual_information(rows: Tensor, labels: Tensor, feature_of: Tensor) -> Tensor:
    """(F,) float32 in nats, of the features of (N, D) rows with (N,) labels; all 1 where no feature says anything."""
    from sklearn.feature_selection import mutual_info_classif  # imported here: the library needs torch alone

    columns = [(feature_of == feature).nonzero().flatten() for feature in range(int(feature_of.max()) + 1)]
    is_block = [len(of_feature) > 1 for of_feature in columns]
    # A row of a block that is all 0, a category that training has not seen, is one more category.
    values = [
        torch.cat([torch.full((len(rows), 1), 0.5), rows[:, own]], dim=1).argmax(dim=1) if block else rows[:, own[0]]
        for own, block in zip(columns, is_block, strict=True)
    ]
    table = torch.stack([of_feature.double() for of_feature in values], dim=1).numpy()
    found = torch.from_numpy(mutual_info_classif(table, labels.numpy(), discrete_features=is_block, random_state=0))
    return found.float() if bool(found.sum() > 0) else torch.ones(len(columns))
