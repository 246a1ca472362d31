"""A user's own table: what it may hold, and what is said of what it may not."""

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.new_files import read_new
from mixupe.data.registry import is_here
from mixupe.data.tabular.csv_file import content_version, load
from mixupe.data.tabular.settings import OwnTable
from mixupe.data.tensors import TensorSplit
from mixupe.errors import UserError

KEYS = {"name": "csv", "domain": "tabular", "loader": "tabular.csv_file"}


def rows(count: int = 40) -> list[str]:
    return [f"{row % 17}.5,{'red' if row % 3 else 'blue'},{'yes' if row % 2 else 'no'}" for row in range(count)]


def write(tmp_path: Path, lines: list[str], name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, target: str = "label", *, protocol: Any = "heldout", **keys: Any) -> DataBundle:
    config = OwnTable.model_validate({**KEYS, "path": path, "target": target, **keys})
    return load(config, DataRequest(path.parent, 0, protocol))


def complaint(path: Path, target: str = "label", **keys: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(path, target, **keys)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_numbers_and_text_become_features(tmp_path: Path) -> None:
    data = read(write(tmp_path, ["size,color,label", *rows()]))
    assert data.spec.class_names == ("no", "yes")
    assert data.spec.input_shape == (3,)
    assert data.spec.categorical_blocks == ((1, 3),)


def test_missing_values_are_imputed_and_noted(tmp_path: Path) -> None:
    holes = ["?,red,yes", ",blue,no", "3.5,<null>,yes", "1.5, NA ,no"]
    data = read(write(tmp_path, ["size,color,label", *rows(), *holes]))
    assert "2 missing value(s) in 1 numeric column(s): the training mean and an indicator" in data.notes
    assert "2 missing value(s) in 1 categorical column(s): a category of its own" in data.notes


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": range(40), "ok": [True, False] * 20, "label": pd.Categorical(["a", "b"] * 20)})
    frame["size"] %= 7
    path = tmp_path / "table.parquet"
    frame.to_parquet(path)
    data = read(path)
    assert (data.spec.class_names, data.spec.input_shape) == (("a", "b"), (2,))


def test_other_separators_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    lines = ["size;color;label", *(row.replace(",", ";") for row in rows())]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert read(path, separator=";").spec.input_shape == (3,)


def test_columns_can_be_dropped_or_declared_categorical(tmp_path: Path) -> None:
    path = write(tmp_path, ["7,cost,size,color,label", *(f"{n % 3},{n**2},{row}" for n, row in enumerate(rows()))])
    data = read(path, drop=["color"], categorical=[7])
    assert data.spec.categorical_blocks == ((2, 5),)
    assert data.spec.input_shape == (5,)


def test_number_labels(tmp_path: Path) -> None:
    lines = [f"{row}.5,{row % 12}.0" for row in range(120)]
    names = read(write(tmp_path, ["x,label", *lines])).spec.class_names
    assert names == tuple(str(label) for label in range(12))


def test_row_numbers_are_left_out(tmp_path: Path) -> None:
    lines = [f"{number},{row}" for number, row in enumerate(rows(), start=1)]
    data = read(write(tmp_path, ["Id,size,color,label", *lines]))
    assert data.spec.input_shape == (3,)
    assert data.notes[0] == "1 column(s) that number the rows left out: Id"


def test_file_that_is_not_there(tmp_path: Path) -> None:
    assert complaint(tmp_path / "no.csv") == (
        f"dataset.path: {tmp_path / 'no.csv'} is not a file; give a CSV or Parquet file"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "cannot be read"),
        (b"a,label\n", "has no rows"),
        (b"a,label\n1,x\n1,2,3\n", r"cannot be read (.*line 3"),
        (b"a,label\n1,x,9\n1,y,9\n", "its rows have more fields than its header"),
        (b"a,label\n\xff\xfe,x\n", "cannot be read"),
        (b"a,a,label\n1,2,x\n", "has more than one column 'a'"),
        (b"a,label\n1,x\n2,x\n", "holds one class only, 'x'"),
        (b"label\nx\ny\n", "has no column besides the target"),
        (b"a,b,label\n1,,x\n2,,y\n3,,x\n4,,y\n5,,x\n7,,y\n", r"column 'b' of .* has no value in any row; leave it out"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message.replace("(.*", r"\(.*")) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_broken_parquet(tmp_path: Path) -> None:
    path = write(tmp_path, ["no parquet"], "table.parquet")
    assert "cannot be read" in complaint(path)


def test_unknown_target_lists_the_columns_and_the_closest(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows()])
    assert complaint(path, "lable") == (
        f"dataset.target: {path} has no column 'lable', perhaps 'label' is meant; allowed are size, color, label"
    )
    assert "dataset.drop" in complaint(path, drop=["weight"])
    assert "dataset.categorical" in complaint(path, categorical=["weight"])
    assert "is the target" in complaint(path, drop=["label"])


def test_missing_labels_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows(), "1,red,", "2,red,?"])
    assert complaint(path).endswith("has no value in 2 row(s), the first is row 42")


def test_regression_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *(f"{row % 5},a,{row}.25" for row in range(40))])
    assert "40 distinct decimal numbers: that is regression" in complaint(path)


def test_rare_classes_are_named_or_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows(), "1,red,maybe", "2,red,maybe", "3,red,never"])
    expected = f"class(es) 'maybe', 'never' of {path} have fewer than 3 distinct examples"
    assert complaint(path) == f"dataset: {expected}; leave them out with dataset.rare_classes=drop"
    data = read(path, rare_classes="drop")
    assert data.spec.class_names == ("no", "yes")
    assert f"{expected}: their 3 row(s) are left out" in data.notes


def test_many_rare_classes_are_not_all_named(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows(), *(f"1,red,rare {row:02d}" for row in range(50))])
    assert "'rare 09', ... (50 in all) of" in complaint(path)


def test_copies_do_not_make_a_class_larger(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows(), *["1.25,red,maybe"] * 9])
    assert "class(es) 'maybe'" in complaint(path)


def test_three_examples_are_enough_for_every_protocol(tmp_path: Path) -> None:
    path = write(tmp_path, ["size,color,label", *rows(), "11,red,few", "12,red,few", "13,red,few"])
    for protocol in ("heldout", "paper"):
        assert read(path, protocol=protocol).spec.class_names == ("few", "no", "yes")


def test_content_version_is_of_the_content(tmp_path: Path) -> None:
    def version(path: Path) -> str:
        return content_version(OwnTable.model_validate({**KEYS, "path": path, "target": "label"}))

    here = version(write(tmp_path, rows(), "a.csv"))
    assert here == version(write(tmp_path, rows(), "b.csv"))
    assert here != version(write(tmp_path, rows(39), "a.csv"))
    with pytest.raises(UserError, match=r"no\.csv is not a file"):
        version(tmp_path / "no.csv")


def test_is_here_looks_at_the_file(tmp_path: Path) -> None:
    config = OwnTable.model_validate({**KEYS, "path": tmp_path / "a.csv", "target": "label"})
    assert not is_here(config, tmp_path)
    write(tmp_path, rows(), "a.csv")
    assert is_here(config, tmp_path)


def test_path_is_not_part_of_the_identity() -> None:
    assert OwnTable.model_fields["path"].json_schema_extra == {"identity": False}


@pytest.mark.parametrize("separator", [";;", "", r"\s"])
def test_separator_is_one_character(separator: str) -> None:
    with pytest.raises(ValidationError, match=r"must be one character, such as ; or \\t for a tab"):
        OwnTable.model_validate({**KEYS, "path": "a.csv", "target": "label", "separator": separator})


def test_a_tab_may_be_written(tmp_path: Path) -> None:
    path = write(tmp_path, [line.replace(",", "\t") for line in ["size,color,label", *rows()]], "table.tsv")
    assert read(path, separator=r"\t").spec.input_shape == (3,)
    assert complaint(path).endswith(r"""perhaps "dataset.separator=\t" is meant""")


def test_another_separator_is_suggested(tmp_path: Path) -> None:
    path = write(tmp_path, [line.replace(",", ";") for line in ["size,color,label", *rows()]])
    assert complaint(path) == (
        f"dataset.separator: {path} has one column only, 'size;color;label'; perhaps \"dataset.separator=';'\" is meant"
    )


@pytest.mark.parametrize(("separator", "written"), [(";", "';'"), ("\t", r"\t")])
@pytest.mark.parametrize("label", ["{}", "one, {}"])
def test_another_separator_is_suggested_where_decimal_commas_tear_the_rows(
    tmp_path: Path, separator: str, written: str, label: str
) -> None:
    lines = [f"{n},5;{n},25;{label.format('ab'[n % 2])}" for n in range(20)]
    path = write(tmp_path, [line.replace(";", separator) for line in ["size;weight;label", *lines]])
    assert complaint(path).endswith(f'; perhaps "dataset.separator={written}" is meant')


@pytest.mark.parametrize("noise", ["shuffled", "gaps", "down"])
def test_an_index_without_a_name_is_left_out_and_one_with_a_name_warned_of(tmp_path: Path, noise: str) -> None:
    index = {"shuffled": [n * 7 % 40 for n in range(40)], "gaps": [n * 3 for n in range(40)], "down": range(40, 0, -1)}
    lines = [f"{number},{row}" for number, row in zip(index[noise], rows(), strict=True)]
    data = read(write(tmp_path, [",size,color,label", *lines]))
    assert data.spec.input_shape == (3,)
    assert data.notes[0] == "1 column(s) without a name left out: number 1"
    named = read(write(tmp_path, ["key,size,color,label", *lines]))
    said = "number the rows left out: key" if noise == "down" else "another whole number in every row, as ids have: key"
    assert any(said in note for note in named.notes)
    assert not any("key" in note for note in read(write(tmp_path, ["key,size,color,label", *lines]), drop="key").notes)


def test_the_comma_at_the_end_of_every_line_makes_no_column(tmp_path: Path) -> None:
    data = read(write(tmp_path, [f"{line}," for line in ["size,color,label", *rows()]]))
    assert data.spec.input_shape == (3,)
    assert data.notes[0] == "1 column(s) without a name left out: number 4"


@pytest.mark.parametrize("name", ["null", "nan", "NA", "None"])
def test_a_column_keeps_its_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, [f"size,color,{name}", *rows()])
    assert read(path, name).spec.class_names == ("no", "yes")


def test_a_target_called_null_comes_from_the_command_line_as_nothing() -> None:
    keys = {**KEYS, "path": 2024, "target": None, "drop": "ash", "missing": [None, -999]}
    config = OwnTable.model_validate(keys)
    assert (config.target, config.drop, config.missing) == ("null", ("ash",), ("null", "-999"))
    assert config.path == Path("2024")


def test_an_odd_cell_does_not_make_numbers_text(tmp_path: Path) -> None:
    lines = ["size,color,label", *rows(), "-,red,yes", '"1,304",red,no']
    data = read(write(tmp_path, lines))
    assert data.spec.categorical_blocks == ((2, 4),), "one number, its indicator, one color"
    assert "column 'size': 41 of 42 values are numbers, first other: row 42 '-', read as missing" in data.notes
    assert "column 'size': row 43 '1,304' read as numbers, the first as 1304" in data.notes


def test_keys_for_how_numbers_are_written(tmp_path: Path) -> None:
    lines = [line.replace(",", ";").replace(".", ",") for line in ["size,color,label", *rows()]]
    lines = [*lines, "1 304,5;red;yes", "unknown;red;no"]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines), encoding="utf-16")
    keys: dict[str, Any] = {
        "separator": ";",
        "decimal": ",",
        "thousands": " ",
        "encoding": "utf-16",
        "missing": ["unknown"],
    }
    assert "1 missing value(s) in 1 numeric column(s): the training mean and an indicator" in read(path, **keys).notes
    assert any("41 of 42 values are numbers" in note for note in read(path, **(keys | {"missing": []})).notes)


def test_decimal_points_where_commas_are_declared_are_text_in_new_rows_too(tmp_path: Path) -> None:
    cells = ["-0.314", "-1.649"]
    path = write(tmp_path, ["x;y;label", *[f"{cells[row % 2]};{row % 7},5;{row % 3 % 2}" for row in range(40)]])
    keys = {"separator": ";", "decimal": ","}
    data = read(path, **keys)
    assert "column 'x' is read as text: row 2 '-0.314' and the like have the decimal mark '.'" in data.notes[0]
    assert data.spec.categorical_blocks == ((1, 3),)
    new = write(tmp_path, ["x;y", "-1.649;0,5"], "new.csv")
    config = OwnTable.model_validate({**KEYS, "path": path, "target": "label", **keys})
    examples = read_new(new, config, data.spec, data.preparation)
    assert isinstance(examples.split, TensorSplit)
    assert examples.split.inputs[0, 1:].tolist() == [0, 1]


def test_texts_that_are_one_number_stay_two_categories_of_new_rows(tmp_path: Path) -> None:
    zips = ["01234", "1234", "A12"]
    path = write(tmp_path, ["zip ,x,label", *[f"{zips[row % 3]},{row % 7},{row % 2}" for row in range(60)]])
    data = read(path)
    config = OwnTable.model_validate({**KEYS, "path": path, "target": "label"})
    examples = read_new(
        write(tmp_path, ["x, zip", "1,01234", "1,1234"], "new.csv"), config, data.spec, data.preparation
    )
    assert isinstance(examples.split, TensorSplit)
    assert examples.split.inputs[:, 1:].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_leading_zeros_that_labels_and_declared_categories_lose_are_told(tmp_path: Path) -> None:
    labels = ["01", "02", "1"]
    lines = [f"0{row % 7},0{row % 9 + 1},{labels[row % 3]}" for row in range(60)]
    data = read(write(tmp_path, ["x,zip, label ", *lines]), categorical=["zip"])
    assert data.spec.class_names == ("1", "2")
    assert data.notes[:2] == (
        "column 'label' holds numbers: '01' and '1' are one",
        "column 'zip' holds numbers: '01' is read as 1",
    )
    plain = [f"{row},{row % 2 * 10}" for row in (1, 3, 4, 6, 8, 9, 14, 22)]
    assert not any("holds numbers" in note for note in read(write(tmp_path, ["x,label", *plain])).notes)


def test_how_a_table_was_read_is_part_of_a_refusal(tmp_path: Path) -> None:
    lines = [f"{row}.5,{'ab'[row % 2]}" for row in range(40)]
    message = complaint(write(tmp_path, ["x,label", *lines, "<11,a"]))
    assert "has no column to learn from; column 'x' is read as text: 40 of 41 values are numbers" in message


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"encoding": "latin9000"}, "is no text encoding; such as utf-8, latin-1"),
        ({"encoding": "hex"}, "is no text encoding"),
        ({"decimal": ",", "thousands": ","}, "must differ from decimal"),
        ({"decimal": ";"}, "'.' or ','"),
    ],
)
def test_keys_that_make_no_sense(keys: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        OwnTable.model_validate({**KEYS, "path": "a.csv", "target": "label", **keys})


def test_later_keys_leave_the_identity_of_a_plain_table_as_it_was() -> None:
    config = OwnTable.model_validate({**KEYS, "path": "a.csv", "target": "label"})
    for key in ("encoding", "decimal", "thousands", "missing"):
        assert OwnTable.model_fields[key].json_schema_extra == {"identity_default": getattr(config, key)}
