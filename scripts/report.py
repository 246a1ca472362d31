"""One page over all results, to open in a browser: python scripts/report.py

    python scripts/report.py                             results/report.html: every table that has records in results/
    python scripts/report.py own_csv dataset.path=a.csv  results/own_csv/report.html: one table, with its overrides

The page is a single file that needs no network, no server and no other file. Written from the records alone: no training,
no W&B. Exit status: 0 written, 2 bad command line or nothing to show.
"""

import sys

from mixupe.command_line import Parser, exit_status
from mixupe.console import CONSOLE, complain
from mixupe.errors import UserError
from mixupe.experiment.kept import recorded_tables
from mixupe.files import write_text
from mixupe.places import RESULTS
from mixupe.report.page import report
from mixupe.tables.declared import names_and_overrides


@exit_status
def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a file of configs/table, without .yaml; with it may stand overrides of all its runs",
    )
    parser.add_argument("--config-dir", metavar="DIR", help="a folder with configs of your own (DIR/table/NAME.yaml)")
    arguments = parser.parse_args()
    names, overrides = names_and_overrides(arguments.names, arguments.config_dir)
    if len(names) > 1 or (overrides and not names):
        raise UserError(f"table: one with its overrides, or none of both; got {' '.join(arguments.names)}")
    page, left_out = report(names or recorded_tables(RESULTS), overrides, RESULTS)
    for name, reason in left_out.items():
        complain(f"left out: {name}: {reason}")
    path = RESULTS.joinpath(*names, "report.html")
    write_text(path, page)
    CONSOLE.print(f"Written to {path} ({len(page.encode()) / 1e6:.1f} MB)", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
