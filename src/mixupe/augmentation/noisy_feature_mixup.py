"""Noisy Feature Mixup (Lim et al., ICLR 2022, arXiv 2110.02180): Manifold Mixup with noise on what has been mixed.

Written from the paper: at a layer drawn for each batch, h becomes

    (1 + multiplicative xi) * (lam h + (1 - lam) h[perm]) + additive xi',

labels are mixed by lam. Here xi and xi' are standard normal, drawn anew for each number.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.draw import draw_mix
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method, Style
from mixupe.augmentation.mix_layer import INPUT, MixLayer
from mixupe.augmentation.mixup import mixed_loss, to_device
from mixupe.augmentation.targets import is_of_classes


class NoisyFeatureMixup(Method):
    """Noise on the mixed input of a layer drawn uniformly from `mix_at` for each batch.

    Args:
        alpha: > 0, lam ~ Beta(alpha, alpha).
        additive, multiplicative: >= 0, standard deviations of the noise; with both 0 it is Manifold Mixup.
        mix_at: names of eligible layers; `input` is the model's input.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """

    name = "noisy_feature_mixup"
    style = Style("#117733", ">", "--")

    def __init__(
        self,
        alpha: float = 1.0,
        additive: float = 0.1,
        multiplicative: float = 0.1,
        mix_at: Sequence[str] = (INPUT,),
        criterion: Criterion = cross_entropy,
    ) -> None:
        checks.check_alpha(alpha)
        for key, level in (("additive", additive), ("multiplicative", multiplicative)):
            if not 0 <= level < float("inf"):
                raise ValueError(f"{key}: must be a finite number >= 0, got {level!r}")
        if not isinstance(mix_at, list | tuple) or not mix_at:
            raise ValueError(f"mix_at: must be a list with at least one layer name, got {mix_at!r}")
        for layer in mix_at:
            checks.check_mix_at(layer)
        super().__init__(criterion)
        self.alpha, self.additive, self.multiplicative = alpha, additive, multiplicative
        self.mix_at = tuple(mix_at)

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        lam, perm = draw_mix(len(y), self.alpha, generator)
        device = generator.device if generator is not None else torch.device("cpu")
        name = self.mix_at[int(torch.randint(len(self.mix_at), (), generator=generator, device=device))]

        def noisy(h: Tensor) -> Tensor:
            shape = (2, *h.shape)
            xi = torch.randn(shape, generator=generator, device=device).to(h.device, h.dtype, non_blocking=True)
            return h * (1 + self.multiplicative * xi[0]) + self.additive * xi[1]

        lam, perm = to_device(lam, perm, x, y)
        layer = MixLayer(call, name, of_classes=is_of_classes(self.criterion))
        return mixed_loss(layer.mixed_logits(x, lam, perm, after=noisy), y, lam, perm, self.criterion)
