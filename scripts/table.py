"""Rebuild a table's files from its records and print it: python scripts/table.py quickstart [seed=0,1 ...]

With --dry: say which of its runs are done and what the rest will cost, and start and write nothing.

Needs no training, no network and no W&B. Exit status: 0 complete, 1 runs are missing or failed, 2 bad command line.
"""

import argparse
import sys

from mixupe.experiment.progress import CONSOLE, complain
from mixupe.settings import UserError
from mixupe.tables.build import build_table, look_up
from mixupe.tables.plan import plan
from mixupe.tables.plan import to_terminal as plan_to_terminal
from mixupe.tables.render import legend, to_terminal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a file of configs/table, without .yaml")
    parser.add_argument("overrides", nargs="*", help="overrides of all its runs, such as output_root=outputs")
    parser.add_argument("--dry", action="store_true", help="only say what is done and what is missing")
    arguments = parser.parse_args()
    try:
        if arguments.dry:
            table, runs = look_up(arguments.name, arguments.overrides)
            CONSOLE.print(plan_to_terminal(table.title, plan(runs)))
            return 0
        built = build_table(arguments.name, arguments.overrides)
    except UserError as error:
        complain(f"error: {error}")
        return 2
    CONSOLE.print(to_terminal(built.table.title, built.frame))
    for line in legend(built.frame, built.runs):
        CONSOLE.print(line, markup=False)
    CONSOLE.print(
        f"Written to {built.folder}: table.md, .csv, .tex, .png and, with a baseline, comparisons.csv, differences.png",
        markup=False,
    )
    return 0 if all(run.state == "DONE" for run in built.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
