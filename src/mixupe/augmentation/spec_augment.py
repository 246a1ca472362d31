"""SpecAugment (Park et al., Interspeech 2019): bands and frames of each spectrogram are set to 0.

Nothing is mixed. Spectrograms are normalised before, so 0 is the mean. The paper's time warping, which stretches a recording
along its middle, is left out.
"""

from typing import Any

import torch
from torch import Tensor

from mixupe.augmentation import checks
from mixupe.augmentation.call import Call
from mixupe.augmentation.loss import Criterion, MixedLoss, cross_entropy
from mixupe.augmentation.method import Method, Style
from mixupe.augmentation.none import plain_loss


def stretches(uniform: Tensor, widest: int, size: int) -> Tensor:
    """(B, size) bool, true within any of the stretches of each row.

    A stretch is of 0 to `widest` places, each width alike, and lies anywhere within the row.

    Args:
        uniform: (B, N, 2) in [0, 1): what width and start of each of N stretches come from.
        widest: >= 0; at most the whole row is masked.
        size: of a row.
    """
    widths = (uniform[..., 0] * (min(widest, size) + 1)).floor()
    starts = (uniform[..., 1] * (size - widths + 1)).floor()
    offset = torch.arange(size, device=uniform.device) - starts.unsqueeze(2)
    return ((offset >= 0) & (offset < widths.unsqueeze(2))).any(dim=1)


class SpecAugment(Method):
    """The plain loss of spectrograms with stretches of frequency and of time set to 0, drawn for each; speech only.

    Args:
        frequency_masks: >= 0, stretches along frequency.
        frequency_width: >= 0, most bands of one.
        time_masks: >= 0, stretches along time.
        time_width: >= 0, most frames of one.
        criterion: see `mixup_loss`.

    Raises:
        ValueError: an argument is not an integer >= 0; the message names it.
    """

    name = "spec_augment"
    style = Style("#AA4499", "d", ":")
    domains = ("speech",)

    def __init__(
        self,
        frequency_masks: int = 1,
        frequency_width: int = 8,
        time_masks: int = 1,
        time_width: int = 16,
        criterion: Criterion = cross_entropy,
    ) -> None:
        counts = {
            "frequency_masks": frequency_masks,
            "frequency_width": frequency_width,
            "time_masks": time_masks,
            "time_width": time_width,
        }
        for key, count in counts.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise ValueError(f"{key}: must be an integer >= 0, got {count!r}")
        super().__init__(criterion)
        self.frequency_masks, self.frequency_width = frequency_masks, frequency_width
        self.time_masks, self.time_width = time_masks, time_width

    def loss(self, call: Call, x: Any, y: Tensor, generator: torch.Generator | None) -> MixedLoss:
        checks.check_input(x, len(y), 4, "spectrograms, (B, 1, bands, frames)")
        bands, frames = x.shape[-2:]
        device = generator.device if generator is not None else torch.device("cpu")
        shape = (len(y), self.frequency_masks + self.time_masks, 2)
        uniform = torch.rand(shape, dtype=torch.float64, generator=generator, device=device)
        frequency, time = uniform.tensor_split([self.frequency_masks], dim=1)
        of_bands = stretches(frequency, self.frequency_width, bands)[:, None, :, None]
        of_frames = stretches(time, self.time_width, frames)[:, None, None, :]
        masked = (of_bands | of_frames).to(x.device, non_blocking=True)
        return plain_loss(call, x.masked_fill(masked, 0.0), y, self.criterion)
