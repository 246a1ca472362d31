"""k-mixup (Greenewald et al. 2021, arXiv 2106.02933): k examples are mixed with the k others that match them best.

k examples and k others of the batch are matched so that the sum of squared distances between partners is least, and each is
mixed with its match: displacement interpolation between two sets of k points. k = 1 mixes as mixup does.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method, StackPlan, Style, mix_plan
from mixupe.augmentation.mix_layer import INPUT
from mixupe.augmentation.mixup import drawn_mixup_loss
from mixupe.augmentation.over_runs import over_runs


def matched(x: Tensor, order: Tensor, k: int) -> Tensor:
    """(B,) int64: a permutation of the batch that gives each example its match.

    The batch in the given order is cut into groups of k; each is matched with the k that follow it, around the end. So no
    example is in both sets where 2k <= B; a larger k counts as B // 2.

    Args:
        x: (B, ...) float; distances are Euclidean.
        order: (B,) int64, a permutation.
        k: >= 1.
    """
    from scipy.optimize import linear_sum_assignment  # imported here: the library needs torch alone

    k = min(k, max(len(order) // 2, 1))
    rows = x.detach().flatten(1).double().cpu()  # on a GPU this waits: the matching is found on the CPU
    order = order.cpu()
    perm = torch.empty_like(order)
    for own, others in zip(torch.split(order, k), torch.split(order.roll(-k), k), strict=True):
        _, match = linear_sum_assignment(torch.cdist(rows[own], rows[others]).square().numpy())
        perm[own] = others[torch.from_numpy(match)]
    return perm


class KMixup(Method):
    """Mixup with matched partners: draws lam ~ Beta(alpha, alpha) and the groups of k for each batch.

    Needs SciPy. Mixes at the input, where distances are those of the data; so no graphs.

    Args:
        alpha: > 0.
        k: >= 1, examples that are matched at once; at most half a batch has an effect.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    name = "k_mixup"
    style = Style("#999933", "p", "-")
    domains = ("images", "tabular", "speech")

    def __init__(self, alpha: float = 1.0, k: int = 8, criterion: Criterion = cross_entropy) -> None:
        checks.check_alpha(alpha)
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ValueError(f"k: must be an integer >= 1, got {k!r}")
        super().__init__(criterion)
        self.alpha, self.k = alpha, k

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        checks.check_input(x, len(y), None, "examples, (B, ...)")
        lam, order = draw_mix(len(y), self.alpha, generator)
        return drawn_mixup_loss(call, x, y, lam, matched(x, order, self.k), INPUT, self.criterion)

    def stack_plan(self) -> StackPlan:
        def of_runs(x: Tensor, order: Tensor) -> Tensor:
            return torch.stack([matched(batch, perm, self.k) for batch, perm in zip(x, order, strict=True)])

        def loss(call: Call, x: Any, y: Tensor, lam: Tensor, order: Tensor) -> MixedLoss:
            return drawn_mixup_loss(call, x, y, lam, over_runs(of_runs, x, order), INPUT, self.criterion)

        return mix_plan(self.alpha, loss)
