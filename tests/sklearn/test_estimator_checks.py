"""scikit-learn's own tests of an estimator, all of them."""

from collections.abc import Callable

from sklearn.utils.estimator_checks import parametrize_with_checks

from mixupe import MixupEClassifier

# Small, or they take a minute; they pass at the defaults too.
SMALL = MixupEClassifier(hidden=(32,), epochs=30, learning_rate=0.01)


@parametrize_with_checks([SMALL])  # type: ignore[untyped-decorator]
def test_scikit_learns_check(estimator: MixupEClassifier, check: Callable[[MixupEClassifier], None]) -> None:
    check(estimator)
