"""Activity of molecules on one protein, measured values from ChEMBL as MoleculeACE curated and split them.

The values become two classes at the median of the set's own training part, so the test part decides nothing.
"""

import pandas as pd

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.graphs.molecules import Molecules, molecule_bundle
from mixupe.data.graphs.settings import ChEMBL
from mixupe.data.packages import package_path
from mixupe.errors import UserError

CLASSES = ("weak", "strong")


def load(config: ChEMBL, request: DataRequest) -> DataBundle:
    folder = package_path("moleculeace", request.root) / "MoleculeACE" / "Data" / "benchmark_data"
    path = folder / f"{config.target}.csv"

    def read() -> Molecules:
        # y is -log10 of the concentration in nM: the larger, the stronger.
        table = pd.read_csv(path, usecols=["smiles", "y", "split"], dtype={"smiles": str, "y": float, "split": str})
        if table.isna().any(axis=None) or not table["split"].isin(["train", "test"]).all():
            raise UserError(f"dataset: {path} must have smiles, y and split (train or test) in every row")
        is_test = table["split"] == "test"
        median = table["y"][~is_test].median()
        return Molecules(table["smiles"].tolist(), (table["y"] > median).astype(int).tolist(), is_test.tolist())

    return molecule_bundle([path], read, CLASSES, config, request)
