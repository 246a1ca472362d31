"""Is a method better, practically equal or worse on the next data set: a Bayesian hierarchical model.

G. Corani, A. Benavoli, J. Demšar, F. Mangili, M. Zaffalon, Statistical comparison of classifiers through Bayesian
hierarchical modelling, Machine Learning 106 (2017), equations 5 to 8, here in percentage points of error:

    seeds of set i       x_i ~ N(1 mu_i, Sigma_i), variances sigma_i^2, correlations rho_i for shared training examples
    its true difference  mu_i ~ Student(mu_0, sigma_0, nu)
    priors               sigma_i, sigma_0, mu_0 uniform; nu - 1 ~ Gamma(shape a, rate b), a ~ U(0.5, 5), b ~ U(0.05, 0.15)

as in the Stan program that its authors publish with these bounds of a and b; the package baycomp has the same model with
others (a ~ U(1, 2), b ~ U(0.01, 0.1)). Where they cut the uniform priors off, at 1,000 times the spread seen for sigma_i and
sigma_0, and at the largest difference seen for mu_0, here mu_0 and sigma_i have no bound, and sigma_0 lies within 1/1,000 to
100 times it, nu within 1.05 to 200. Each draw of the posterior gives Student(mu_0, sigma_0, nu) an area below, within and
above the region of practical equivalence. `next_set` is the mean of these areas, which is the probability of the next data
set's true difference itself; baycomp lets each draw vote for the largest of its three (`votes`), which is nearer to 0 and 1.

With rho_i = n_test / (n_test + n_train) (theirs is 1 / folds, the same) the mean of n seeds has the variance tau_i^2 (1/n
+ n_test/n_train), where tau_i^2 = sigma_i^2 (1 - rho_i) is what their sample variance estimates: that of the corrected t
test. So mean and sample variance are all that is needed of a set, and a Gibbs sampler has closed steps: Student's t is a
normal with a Gamma precision; sigma_0 and mu_0 are drawn with the mu_i integrated out, on a grid of sigma_0, and nu on a
grid, so that a small spread between sets traps no chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from mixupe.tables.over_sets.differences import Array, SetDifferences

ROPE = 0.5
CHAINS = 4
WARM_UP = 300
DRAWS = 1000
# Of a chain's variance: above it the chains have not met, and nothing may be read from them.
MOST_RHAT = 1.05
# Percentage points, far below one example of any test part: seeds that are all equal have this spread.
LEAST_SPREAD = 1e-3
NU = np.concatenate([np.linspace(1.05, 10, 40), np.geomspace(10.5, 200, 40)])


@dataclass(frozen=True)
class Areas:
    """Probabilities that the difference of errors is below -rope (better), within it (equal), or above (worse)."""

    better: float
    equal: float
    worse: float


@dataclass(frozen=True)
class Posterior:
    """Attributes:
    sets: number of data sets.
    next_set: of the true difference on a further data set of the same kind; the answer to "does it help on mine?".
    votes: share of the draws in which that area is the largest of the three, which is what baycomp gives.
    average: of mu_0, the mean difference over all such data sets.
    mean, low, high: of mu_0 in percentage points: posterior mean and central 95% interval.
    spread: posterior median of sigma_0, how much data sets differ from each other.
    shrunk: posterior mean of each data set's own true difference.
    rhat: largest ratio of between-chain to within-chain scale (Gelman and Rubin) of mu_0 and log sigma_0.
    """

    sets: int
    next_set: Areas
    votes: Areas
    average: Areas
    mean: float
    low: float
    high: float
    spread: float
    shrunk: dict[str, float]
    rhat: float


def compare_over_sets(differences: Sequence[SetDifferences], rope: float = ROPE, seed: int = 0) -> Posterior:
    """The model's posterior; the same for the same arguments.

    Args:
        differences: of at least three data sets, at least two seeds each.
        rope: half-width of the region of practical equivalence, in percentage points.
        seed: of the sampler.

    Raises:
        ValueError: too few data sets or seeds, or the sampler's chains have not met.
    """
    if len(differences) < 3 or any(len(of_set.values) < 2 for of_set in differences):
        raise ValueError("differences: must be at least three data sets with at least two seeds each")
    draws = _sample(differences, np.random.default_rng(seed))
    rhat = max(_rhat(draws.mu0), _rhat(np.log(draws.sigma0)))
    if rhat > MOST_RHAT:
        raise ValueError(f"the sampler's chains have not met (R-hat {rhat:.3f} > {MOST_RHAT}); give it more data sets")
    mu0, sigma0, nu = (values.ravel() for values in (draws.mu0, draws.sigma0, draws.nu))
    left, right = stats.t.cdf(-rope, nu, mu0, sigma0), stats.t.sf(rope, nu, mu0, sigma0)
    better, worse = float(left.mean()), float(right.mean())
    votes = np.bincount(np.stack([left, 1 - left - right, right]).argmax(axis=0), minlength=3) / len(left)
    low, high = (float(end) for end in np.quantile(mu0, [0.025, 0.975]))
    below, above = float((mu0 < -rope).mean()), float((mu0 > rope).mean())
    means = draws.mu.reshape(-1, len(differences)).mean(axis=0)
    return Posterior(
        sets=len(differences),
        next_set=Areas(better, 1 - better - worse, worse),
        votes=Areas(*map(float, votes)),
        average=Areas(below, 1 - below - above, above),
        mean=float(mu0.mean()),
        low=low,
        high=high,
        spread=float(np.median(sigma0)),
        shrunk={of_set.name: float(mean) for of_set, mean in zip(differences, means, strict=True)},
        rhat=rhat,
    )


def compare_by_domain(differences: Sequence[SetDifferences], rope: float = ROPE, seed: int = 0) -> dict[str, Posterior]:
    """`all`, and each domain of at least three data sets by itself."""
    found = {"all": compare_over_sets(differences, rope, seed)}
    for domain in dict.fromkeys(of_set.domain for of_set in differences):
        members = [of_set for of_set in differences if of_set.domain == domain]
        if len(members) >= 3:
            found[domain] = compare_over_sets(members, rope, seed)
    return found


@dataclass(frozen=True)
class _Draws:
    """Each of shape (chains, draws), mu (chains, draws, sets)."""

    mu0: Array
    sigma0: Array
    nu: Array
    mu: Array


def _sample(differences: Sequence[SetDifferences], random: np.random.Generator) -> _Draws:
    n = np.array([len(of_set.values) for of_set in differences], dtype=np.float64)
    means = np.array([of_set.mean for of_set in differences])
    squares = np.array([np.square(np.subtract(of_set.values, of_set.mean)).sum() for of_set in differences])
    squares = np.maximum(squares, (n - 1) * LEAST_SPREAD**2)
    factor = 1 / n + np.array([of_set.test_to_train for of_set in differences])
    scale = float(max(means.std(ddof=1), np.sqrt(squares / (n - 1) * factor).mean() / 100, LEAST_SPREAD))
    grid = scale * np.geomspace(1e-3, 1e2, 120)  # of sigma_0
    nu_prior = _nu_prior()

    sets = len(differences)
    tau2 = np.tile(squares / (n - 1), (CHAINS, 1))
    weight = random.gamma(2.0, 0.5, (CHAINS, sets))  # the Gamma precisions, begun apart
    kept: list[tuple[Array, ...]] = []
    for step in range(WARM_UP + DRAWS):
        sigma0, mu0 = _draw_population(means, tau2 * factor, weight, grid, random)
        precision = 1 / (tau2 * factor) + weight / sigma0[:, None] ** 2
        middle = (means / (tau2 * factor) + weight * mu0[:, None] / sigma0[:, None] ** 2) / precision
        mu = random.normal(middle, 1 / np.sqrt(precision))
        tau2 = (squares + (means - mu) ** 2 / factor) / 2 / random.gamma((n - 1) / 2, size=mu.shape)
        nu = _draw_nu(weight, nu_prior, random)
        rate = (nu[:, None] + ((mu - mu0[:, None]) / sigma0[:, None]) ** 2) / 2
        weight = random.gamma((nu[:, None] + 1) / 2, size=mu.shape) / rate
        if step >= WARM_UP:
            kept.append((mu0, sigma0, nu, mu))
    mu0s, sigma0s, nus, mus = (np.stack(draws, axis=1) for draws in zip(*kept, strict=True))
    return _Draws(mu0s, sigma0s, nus, mus)


def _draw_population(
    means: Array, noise: Array, weight: Array, grid: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """sigma_0 with mu_0 and the mu_i integrated out, then mu_0: each (chains,). `noise` and `weight`: (chains, sets)."""
    variance = noise[:, None] + grid[:, None] ** 2 / weight[:, None]  # of the sets' means: (chains, grid, sets)
    total = (1 / variance).sum(axis=-1)
    middle = (means / variance).sum(axis=-1) / total
    squares = ((means - middle[..., None]) ** 2 / variance).sum(axis=-1)
    # The grid is even in log sigma_0, on which a uniform sigma_0 has the density sigma_0.
    log = np.log(grid) - 0.5 * (np.log(variance).sum(axis=-1) + np.log(total) + squares)
    at = _draw_from(log, random)
    chains = np.arange(len(at))
    return grid[at], random.normal(middle[chains, at], 1 / np.sqrt(total[chains, at]))


def _nu_prior() -> Array:
    """Log probability of each value of NU: its Gamma averaged over its shape and rate."""
    shape, rate = np.meshgrid(np.linspace(0.5, 5, 40), np.linspace(0.05, 0.15, 40))
    density = stats.gamma.pdf(NU[:, None] - 1, shape.ravel(), scale=1 / rate.ravel()).mean(axis=1)
    logs: Array = np.log(density * np.gradient(NU))
    return logs


def _draw_nu(weight: Array, prior: Array, random: np.random.Generator) -> Array:
    """(chains,), from the precisions (chains, sets), which are Gamma(nu/2, nu/2)."""
    half, sets = NU / 2, weight.shape[1]
    enough = (np.log(weight) - weight).sum(axis=1)[:, None]
    log = prior + sets * (half * np.log(half) - special.gammaln(half)) + half * enough
    return NU[_draw_from(log, random)]


def _draw_from(log: Array, random: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.int_]]":
    """An index a row, with probabilities proportional to exp(log)."""
    return np.asarray((log + random.gumbel(size=log.shape)).argmax(axis=1))


def _rhat(draws: Array) -> float:
    """Gelman and Rubin's potential scale reduction of (chains, draws)."""
    within = float(draws.var(axis=1, ddof=1).mean())
    between = float(draws.mean(axis=1).var(ddof=1))
    return float(np.sqrt((within * (1 - 1 / draws.shape[1]) + between) / within))
