"""The random draws of a mixup step: lam and perm."""

from collections.abc import Callable

import torch
from torch import Tensor

from mixupe.augmentation.generator import Generator, generator_of


def draw_mix(
    batch: int, alpha: float, generator: torch.Generator | None, per_sample: bool = False, probability: float = 1.0
) -> tuple[Tensor, Tensor]:
    """lam and perm of a batch, on the generator's device (CPU for None).

    Args:
        batch: B.
        alpha: > 0.
        generator: where the randomness comes from; None takes torch's global one.
        per_sample: whether lam is (B,), one for each example, or one for the batch.
        probability: that the batch is mixed; else lam is 1.

    Returns:
        lam, 0-d or (B,) float64 in [0, 1], and perm, (B,) int64.
    """
    # With none, torch can follow the draws themselves, but not those of a lam for each example where the size changes.
    as_one = isinstance(generator, Generator) or (generator is None and per_sample)
    if as_one and torch.compiler.is_compiling():
        key = generator.key if isinstance(generator, Generator) else None
        lam, perm = _in_graph(key, batch, alpha, per_sample, probability)
        return lam, perm
    return _draw(batch, alpha, generator, per_sample, probability)


def _draw(
    batch: int, alpha: float, generator: torch.Generator | None, per_sample: bool, probability: float
) -> tuple[Tensor, Tensor]:
    lam = draw_lam(alpha, generator, (batch,) if per_sample else ())
    perm = draw_perm(batch, generator)
    if probability < 1:  # drawn last, and only then: the draws of a batch that is always mixed stay what they are
        coin = torch.rand((), dtype=torch.float64, generator=generator, device=lam.device)
        lam = torch.where(coin < probability, lam, torch.ones_like(lam))
    return lam, perm


@torch.library.custom_op("mixupe::draw_mix", mutates_args=(), tags=(torch.Tag.nondeterministic_seeded,))
def _in_graph(key: int | None, batch: int, alpha: float, per_sample: bool, probability: float) -> tuple[Tensor, Tensor]:
    return _draw(batch, alpha, None if key is None else generator_of(key), per_sample, probability)


@_in_graph.register_fake
def _(_key: int | None, batch: int, _alpha: float, per_sample: bool, _probability: float) -> tuple[Tensor, Tensor]:
    lam = torch.empty((batch,) if per_sample else (), dtype=torch.float64)
    return lam, torch.empty(batch, dtype=torch.int64)


def draw_lam(alpha: float, generator: torch.Generator | None = None, size: tuple[int, ...] = ()) -> Tensor:
    """lam ~ Beta(alpha, alpha), one for the whole batch unless `size` says otherwise.

    Drawn as the ratio of two gamma variates in log space, log G(a) = log G(a + 1) + log(U) / a, so that a small alpha
    cannot underflow to 0 / 0.

    Args:
        alpha: > 0.
        generator: where the randomness comes from; None takes torch's global one.
        size: of what is drawn: () or (B,).

    Returns:
        float64 tensor of that shape in [0, 1] on the generator's device (CPU for None). A tensor, not a float: a float
        would make a compiled step recompile for every value.
    """
    device = generator.device if generator is not None else torch.device("cpu")
    shape = torch.full((*size, 2), alpha + 1, dtype=torch.float64, device=device)
    return lam_of(*draw_variates(shape, generator), alpha)


def draw_variates(shape: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """What lam is made of: uniform and gamma variates, each (..., 2) float64 as `shape`, which is full of alpha + 1."""
    uniform = torch.rand(shape.shape, dtype=torch.float64, device=shape.device, generator=generator)
    # torch.distributions draws from the same function but cannot be given a generator.
    return uniform, torch._standard_gamma(shape, generator=generator)


def lam_of(uniform: Tensor, gamma: Tensor, alpha: float | Tensor) -> Tensor:
    """lam (...) of variates (..., 2); alpha is a number, or (..., 1)."""
    log_gamma = gamma.log() + uniform.clamp_min(1e-300).log() / alpha
    return torch.sigmoid(log_gamma[..., 0] - log_gamma[..., 1])


def draw_of(alpha: float) -> Callable[[int, torch.Generator | None], tuple[Tensor, Tensor, Tensor]]:
    """What `draw_lam` and then `draw_perm` draw, of B and a generator: the variates for `lam_of`, (2,) float64 each, and
    perm, (B,) int64.
    """
    shape = torch.full((2,), alpha + 1, dtype=torch.float64)
    return lambda batch, generator: (*draw_variates(shape, generator), draw_perm(batch, generator))


def draw_perm(batch: int, generator: torch.Generator | None = None) -> Tensor:
    """A random permutation of the batch: (B,) int64 on the generator's device (CPU for None)."""
    device = generator.device if generator is not None else torch.device("cpu")
    return torch.randperm(batch, generator=generator, device=device)
