"""Measure how fast this project is, as ratios to the code of others, timed in turn in one process.

python scripts/benchmark.py step                  one optimizer step
python scripts/benchmark.py epoch --device cuda   epochs on images in memory
python scripts/benchmark.py data                  batches of every domain, streamed images
python scripts/benchmark.py sweep                 many runs, large tables
python scripts/benchmark.py step --quick          tiny sizes, to see that it works

Writes results/benchmark/<what>-<kind of machine>.json (step-cpu-avx2.json, ...) and table.md (with --quick
outputs/benchmark/). On a quiet machine, or the figures are worth little.
Exit status: 0 measured (whether or not targets are met), 2 the command line is wrong.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch

from mixupe.command_line import Parser, exit_status
from mixupe.console import say

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks are no part of the package
from benchmarks.machine import available_cores, instruction_sets, kind  # noqa: E402
from benchmarks.options import FEWEST, checked_options  # noqa: E402
from benchmarks.report import Report  # noqa: E402
from benchmarks.table import build_table  # noqa: E402

BENCHMARKS = ("step", "data", "epoch", "sweep")


def parser() -> argparse.ArgumentParser:
    result = Parser(description=__doc__)
    result.add_argument("what", choices=BENCHMARKS, help="what to measure")
    result.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU where there is one"
    )
    result.add_argument("--threads", type=int, default=available_cores(), help="CPU threads [all cores: %(default)s]")
    result.add_argument("--repeat", type=int, help=f"timed repetitions [{FEWEST}; 1 with --quick]")
    result.add_argument("--quick", action="store_true", help="tiny sizes; the figures mean nothing")
    result.add_argument("--output", type=Path, help="folder of the JSON files and table.md")
    return result


@exit_status
def main(arguments: Sequence[str] | None = None) -> None:
    given = parser().parse_args(arguments)
    repeat = given.repeat if given.repeat is not None else (1 if given.quick else FEWEST)
    options = checked_options(given.device, given.threads, repeat, given.quick)
    torch.set_num_threads(options.threads)
    folder = given.output or ROOT / ("outputs" if options.quick else "results") / "benchmark"
    report = Report(given.what, options, folder)
    say(f"{kind(options.device)}; instruction sets of the CPU: {', '.join(instruction_sets())}")
    import_module(f"benchmarks.{given.what}").measure(options, report)
    report.close()
    say(f"Written to {report.path} and {build_table(folder)}")


if __name__ == "__main__":
    sys.exit(main())
