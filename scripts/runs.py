"""Find, explain, compare and export runs: python scripts/runs.py [list|show|compare|export|export-model] ...

    python scripts/runs.py                                       the last runs, with what they differ in
    python scripts/runs.py list failed                           runs by state: done, running, interrupted, failed
    python scripts/runs.py list wine augmentation.alpha=0.5 seed=0,1    by names and keys of their configs
    python scripts/runs.py show 0123abcd                         what a run got wrong, here and as a page to open
    python scripts/runs.py compare 0123abcd 4567cdef             configs, curves and examples they disagree on
    python scripts/runs.py export runs.csv wine                  all keys and metrics; .parquet too
    python scripts/runs.py export-model 0123abcd                 torch.export's program and a plain state dict

Runs are those of outputs/runs, and those of which a table in results/ keeps the record. The beginning of an id is enough.
Exit status: 0, or 2 for bad input.
"""

import argparse
import sys
from pathlib import Path

from mixupe.command_line import Parser, exit_status
from mixupe.errors import UserError
from mixupe.experiment.finished import settings_of
from mixupe.experiment.titles import SHORT_ID
from mixupe.files import write_text
from mixupe.places import RESULTS
from mixupe.runs.filters import chosen
from mixupe.runs.listing import show_runs
from mixupe.runs.screen import say_wrapped
from mixupe.runs.stored import one_run, stored_runs

# Each action imports what it alone needs: a list comes at once, without torch, pandas and matplotlib.
LAST = 30


@exit_status
def main() -> None:
    options = _options()
    options.action(options)


def _list(options: argparse.Namespace) -> None:
    runs = chosen(stored_runs(options.output_root, options.results), options.filters)
    show_runs(runs, len(runs) if options.all else LAST)


def _show(options: argparse.Namespace) -> None:
    from mixupe.experiment.predictions import read_predictions
    from mixupe.experiment.prepare import load_data
    from mixupe.runs.explain import show_run
    from mixupe.runs.page import render

    run = one_run(options.run, options.output_root, options.results)
    predictions = read_predictions(run.folder.predictions)
    data = None
    if predictions is not None:
        try:
            data = load_data(settings_of(run.folder, run.config))
        except UserError as error:
            say_wrapped(f"Its examples cannot be shown: {error}")
    show_run(run, predictions, data)
    if run.record is not None:
        path = options.output_root / "pages" / f"{run.id}.html"
        write_text(path, render(run, predictions, data))
        say_wrapped(f"Written to {path}")


def _compare(options: argparse.Namespace) -> None:
    from mixupe.runs.comparison import compare_runs

    a, b = (one_run(run, options.output_root, options.results) for run in (options.a, options.b))
    compare_runs(a, b, options.output_root / "compare" / f"{a.id[:SHORT_ID]}-{b.id[:SHORT_ID]}")


def _export(options: argparse.Namespace) -> None:
    from mixupe.runs.export import export_runs

    runs = chosen(stored_runs(options.output_root, options.results), options.filters)
    export_runs(runs, options.file)
    print(f"Written to {options.file}: {len(runs)} runs")


def _export_model(options: argparse.Namespace) -> None:
    from mixupe.runs.export_model import export_model
    from mixupe.runs.trained import load_run

    trained = load_run(options.run, options.output_root)
    folder = options.output_root / "exported" / trained.id
    print(f"Written to {folder}: {', '.join(export_model(trained, folder))}")


def _options() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    common = Parser(add_help=False)
    common.add_output_root()
    common.add_argument("--results", type=Path, default=RESULTS, help="folder of the tables with their records")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    command = commands.add_parser("list", parents=[common], help="the runs, the latest last")
    command.add_argument(
        "filters", nargs="*", metavar="FILTER", help="a state, key=value, a name, the beginning of an id"
    )
    command.add_argument("--all", action="store_true", help=f"not only the last {LAST}")
    command.set_defaults(action=_list)
    command = commands.add_parser("show", parents=[common], help="one run explained")
    command.add_argument("run", metavar="ID")
    command.set_defaults(action=_show)
    command = commands.add_parser("compare", parents=[common], help="two runs side by side")
    command.add_argument("a", metavar="A")
    command.add_argument("b", metavar="B")
    command.set_defaults(action=_compare)
    command = commands.add_parser("export", parents=[common], help="configs and metrics as CSV or Parquet")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("filters", nargs="*", metavar="FILTER", help="as of list")
    command.set_defaults(action=_export)
    command = commands.add_parser("export-model", parents=[common], help="for use without this package")
    command.add_argument("run", metavar="ID")
    command.set_defaults(action=_export_model)
    return parser.parse_args(sys.argv[1:] or ["list"])


if __name__ == "__main__":
    sys.exit(main())
