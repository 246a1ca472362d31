"""A trained model on new files: python scripts/predict.py RUN FILE|FOLDER [--out FILE.csv]

    python scripts/predict.py 0123abcd new_rows.csv                 a row a row of the table; the class column may be missing
    python scripts/predict.py 0123abcd photos/ --out answers.csv    a row a file
    python scripts/predict.py path/to/model.pt word.wav             a model.pt that was copied here will do

RUN is a run's id (its beginning is enough), or the model.pt of its folder in outputs/runs. Columns, imputation, scales and
sizes are those of its training data. Prints CSV: the file, row or graph, the predicted class, and the probability of each
class. Exit status: 0, or 2 for bad input.
"""

import sys
from pathlib import Path

from mixupe.command_line import Parser, exit_status
from mixupe.console import complain
from mixupe.errors import UserError
from mixupe.files import write_text
from mixupe.runs.trained import load_run
from mixupe.tables.escape import csv_text


@exit_status
def main() -> None:
    parser = Parser(description=__doc__)
    parser.add_argument("run", metavar="RUN", help="id of a finished run, or a model.pt")
    parser.add_argument("source", metavar="FILE|FOLDER", help="what it is asked about")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write it there [standard output]")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1 [cpu]")
    parser.add_output_root()
    options = parser.parse_args()
    if not options.source:  # of a shell's variable that is not set; as a path it would be the folder one is in
        raise UserError("FILE|FOLDER: is empty; give a file or a folder")
    trained = load_run(options.run, options.output_root, options.device)
    examples = trained.read(options.source)
    for note in examples.notes:
        complain(f"note: {note}")
    frame = trained.probabilities_of(examples)
    text = csv_text(frame)
    if options.out is None:
        sys.stdout.write(text)
    else:
        try:
            write_text(options.out, text)
        except OSError as error:
            raise UserError(f"--out: {options.out} cannot be written ({error.strerror})") from error
        print(f"Written to {options.out}: {len(frame)} rows")


if __name__ == "__main__":
    sys.exit(main())
