"""How finished runs do beyond their test part: python scripts/evaluate.py RUN [RUN ...]

    python scripts/evaluate.py 0123456789abcdef                            all that its data allow
    python scripts/evaluate.py 0123456789abcdef --parts attacks,segments --examples 200

RUN is the id of a run in outputs/runs, whose checkpoint has the model of its best validation epoch. Parts: deformations
(rotation, shear, zoom) and corruptions at five severities, of images held in memory; attacks (FGSM, PGD) where inputs are
numbers; segments, between pairs of test examples. Writes evaluation.json, .csv and .png to outputs/evaluation/RUN; docs/
evaluation.md says what they hold. Exit status: 0, or 2 for bad input; runs before it are written.
"""

import argparse
import sys

from mixupe.command_line import Parser, exit_status
from mixupe.console import say
from mixupe.errors import UserError
from mixupe.experiment.finished import find_run
from mixupe.experiment.robustness import PARTS, Evaluation, evaluate
from mixupe.places import RESULTS
from mixupe.tables.robustness import summary, write_evaluation


@exit_status
def main() -> None:
    options = _options()
    for run in [find_run(run, options.output_root, RESULTS) for run in options.runs]:
        evaluation = evaluate(run, options.parts, options.examples)
        folder = options.output_root / "evaluation" / run.id
        frame = write_evaluation(evaluation, folder)
        say(_title(evaluation))
        say(summary(frame).to_string(index=False))
        for part, reason in evaluation["skipped"].items():
            say(f"{part}: left out, {reason}")
        say(f"Written to {folder}: evaluation.csv, evaluation.json, evaluation.png")


def _options() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="id of a finished run")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--examples", type=int, default=1000, metavar="N", help="test examples, at most [1000]")
    parser.add_output_root()
    options = parser.parse_args()
    options.parts = list(dict.fromkeys(part.strip() for part in options.parts.split(",")))
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        raise UserError(f"--parts: {unknown[0]!r} is unknown, allowed are {', '.join(PARTS)}")
    if options.examples < 2:
        raise UserError(f"--examples: must be a whole number >= 2, got {options.examples}")
    return options


def _title(evaluation: Evaluation) -> str:
    title = "{dataset} {model} {augmentation} seed {seed}: {examples} test examples".format(**evaluation)
    differs = evaluation["differs"]
    whole = f"test error {evaluation['metrics']['error']:.2f}% on the whole test part"
    return f"{title}; {whole}, {f'{differs:.1g} points from' if differs > 1e-6 else 'as in'} the record"


if __name__ == "__main__":
    sys.exit(main())
