"""B3DB: does a molecule pass the blood-brain barrier? From the package qc-b3db.

Half of the rows repeat a molecule in another stereo form, often with its label, sometimes with the other one: stereo
forms are one molecule here, or a random split would let the model look up test answers.
"""

import pandas as pd

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.graphs.molecules import Molecules, molecule_bundle
from mixupe.data.packages import package_path
from mixupe.errors import UserError

CLASSES = ("BBB-", "BBB+")
SMILES, LABEL = "SMILES", "BBB+/BBB-"


def load(config: DatasetSettings, request: DataRequest) -> DataBundle:
    path = package_path("qc-b3db", request.root) / "B3DB" / "B3DB_classification.tsv"

    def read() -> Molecules:
        table = pd.read_csv(path, sep="\t", usecols=[SMILES, LABEL], dtype=str, keep_default_na=False)
        unknown = set(table[LABEL]) - set(CLASSES)
        if unknown:
            raise UserError(f"dataset: {path} has the label {sorted(unknown)[0]!r}, allowed are {', '.join(CLASSES)}")
        return Molecules(table[SMILES].tolist(), [CLASSES.index(label) for label in table[LABEL]])

    return molecule_bundle([path], read, CLASSES, config, request, stereo=False)
