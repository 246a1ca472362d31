"""What of mixup's loss the paper's series explains, on finished runs: python scripts/analyze.py RUN [RUN ...]

    python scripts/analyze.py 0123456789abcdef                  its initial, best and last weights, from its checkpoint
    python scripts/analyze.py 0123 4567 --summary all.csv       the rows of all of them in one file besides
    python scripts/analyze.py 0123456789abcdef --snapshots 12   trained again, with 12 places to look at on the way; for a
                                                                run of which only a record in results/ is left, too

RUN is a run's id: a folder of outputs/runs, or of a record that a table in results/ keeps. Writes analysis.json, .csv and
.png to outputs/analysis/RUN; docs/theory.md says what they hold. Exit status: 0, or 2 for bad input; runs before it are
written.
"""

import argparse
import sys
from pathlib import Path

from mixupe.analysis.beta import GREATEST_ALPHA, LEAST_ALPHA
from mixupe.command_line import Parser, exit_status
from mixupe.console import say
from mixupe.errors import UserError
from mixupe.experiment.analysis import Analysis, analyse
from mixupe.experiment.finished import find_run
from mixupe.files import write_text
from mixupe.places import RESULTS
from mixupe.tables.analysis import summary_frame, write_analysis
from mixupe.tables.escape import csv_text

SHOWN = {
    "step": "step",
    "clean": "clean loss",
    "mixed": "mixup loss",
    "share_1": "order 1 / whole",
    "remainder_4": "R_4",
    "radius_median": "radius",
    "diverging": "radius < 1",
    "correlation": "corr(q, q_hat)",
    "bend_median": "|f - Jx|/|f|",
    "shift_median": "|J mean|/|f|",
    "alpha_least": "least alpha",
}


@exit_status
def main() -> None:
    options = _options()
    analyses = []
    for run in [find_run(run, options.output_root, RESULTS) for run in options.runs]:
        analysis = analyse(run, options.pairs, options.snapshots, options.alpha)
        folder = options.output_root / "analysis" / run.id
        frame = write_analysis(analysis, folder)
        say(_title(analysis))
        say(frame[list(SHOWN)].rename(columns=SHOWN).to_string(index=False, float_format="{:.3g}".format))
        say(f"Written to {folder}: analysis.csv, analysis.json, analysis.png")
        analyses.append(analysis)
        if options.summary is not None:  # after each, so that what was done is kept
            write_text(options.summary, csv_text(summary_frame(analyses)))


def _options() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="id of a finished run")
    parser.add_argument("--snapshots", type=int, metavar="N", help="train it again and look at N places on the way")
    parser.add_argument("--pairs", type=int, default=256, metavar="P", help="pairs of training examples [256]")
    parser.add_argument("--alpha", type=float, help="of Beta(alpha, alpha) [the run's, 1 where it has none]")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="a CSV file for the rows of all runs")
    parser.add_output_root()
    options = parser.parse_args()
    if options.pairs < 2:
        raise UserError(f"--pairs: must be a whole number >= 2, got {options.pairs}")
    if options.snapshots is not None and options.snapshots < 2:
        raise UserError(f"--snapshots: must be a whole number >= 2, got {options.snapshots}")
    if options.alpha is not None and not LEAST_ALPHA <= options.alpha <= GREATEST_ALPHA:
        raise UserError(f"--alpha: must lie in [{LEAST_ALPHA:g}, {GREATEST_ALPHA:g}], got {options.alpha}")
    if options.summary is not None and not options.summary.parent.is_dir():
        raise UserError(f"--summary: there is no folder {options.summary.parent}")
    return options


def _title(analysis: Analysis) -> str:
    title = "{dataset} {model} {augmentation} seed {seed}: alpha {alpha:g}, {pairs} pairs, {weights}".format(**analysis)
    differs = analysis["differs"]
    if differs is None:
        return title
    return f"{title}, validation loss at the end {f'{differs:.1g} from' if differs else 'that of'} the record"


if __name__ == "__main__":
    sys.exit(main())
