"""Where a checkout of the project has its configs and its results."""

from pathlib import Path

from mixupe.errors import UserError

CONFIGS = Path(__file__).parents[2] / "configs"
# One folder a table; what is in it counts as done.
RESULTS = CONFIGS.parent / "results"


def check_checkout() -> None:
    """An installed copy of the package, as pip makes without -e, is for loops of one's own: it has no configs.

    Raises:
        UserError: this is one.
    """
    if not CONFIGS.is_dir():
        raise UserError(
            f"configs: there is no {CONFIGS}, since mixupe was installed without -e; experiments need a checkout, in which"
            " you give: pip install -c constraints.txt -e ."
        )
