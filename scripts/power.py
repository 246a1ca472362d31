"""Which mean difference a table of many data sets can detect, from the spreads in records that are there.

    python scripts/power.py offline_tabular offline_images offline_speech offline_graphs --sets 67 --seeds 10

Writes nothing. For each pair of methods: the standard deviation of the true differences between the data sets of these
tables, the median one of their seeds, and the smallest mean difference that Wilcoxon's test over so many data sets finds at
5% with 80% power, if further data sets vary as these do. Of a data set in several of the tables the first counts.
Exit status: 0 said, 2 bad command line or too few data sets.
"""

import sys
from collections.abc import Sequence
from statistics import median

from mixupe.command_line import Parser, exit_status
from mixupe.console import CONSOLE
from mixupe.errors import UserError
from mixupe.tables.declared import look_up
from mixupe.tables.over_sets.differences import SetDifferences, differences_by_set
from mixupe.tables.over_sets.power import detectable_over_sets, observed_spread
from mixupe.tables.shown import shown


@exit_status
def main(given: Sequence[str] | None = None) -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a file of configs/table, without .yaml")
    parser.add_argument("--method", default="mixupe", help="column of these tables [mixupe]")
    parser.add_argument("--sets", type=int, default=60, help="data sets of the table to come, at least 6 [60]")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of each [10]")
    arguments = parser.parse_args(given)
    if arguments.sets < 6 or arguments.seeds < 1:
        raise UserError("--sets must be at least 6, and --seeds at least 1")
    tables = [look_up(name) for name in arguments.names]
    for baseline in (name for name in ("mixup", "none") if name != arguments.method):
        by_set: dict[str, SetDifferences] = {}
        for table, runs in tables:
            for of_set in differences_by_set(shown(table, runs).trained, arguments.method, baseline):
                by_set.setdefault(of_set.name, of_set)
        differences = list(by_set.values())
        if len(differences) < 2:
            raise UserError(f"{arguments.method} and {baseline} have shared seeds on fewer than two data sets")
        spread = observed_spread(differences)
        found = detectable_over_sets(spread, arguments.sets, arguments.seeds)
        CONSOLE.print(
            f"{arguments.method} - {baseline}, from {len(differences)} data sets: standard deviation {spread.between:.2f}"
            f" between data sets, {median(spread.within):.2f} between seeds; {arguments.sets} data sets x"
            f" {arguments.seeds} seeds detect {found:.2f} points",
            markup=False,
        )


if __name__ == "__main__":
    sys.exit(main())
