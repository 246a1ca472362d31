import numpy as np
import pandas as pd
import pytest
import torch

from mixupe.sklearn.columns import learn_columns

FRAME = pd.DataFrame(
    {
        "age": [20.0, 30.0, np.nan, 40.0],
        "city": pd.Categorical(["Oslo", None, "Bern", "Oslo"]),
        "married": [True, False, True, True],
        "code": ["1", "x", "1", "2"],
    },
    index=[7, 7, 8, 9],  # as after a sample
)


def test_numbers_are_standardised_and_marked_where_missing_and_categories_are_one_hot() -> None:
    columns = learn_columns(FRAME, np.arange(4))
    inputs = columns.inputs(FRAME)
    assert columns.texts == {"city", "code"}
    assert columns.blocks == ((3, 6), (6, 9))  # city: Bern, Oslo, missing; code: 1, 2, x
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs[2, 0], torch.tensor(0.0))  # the mean
    assert inputs[2, 2] > 0 > inputs[0, 2]  # the indicator of age
    assert inputs[:, 3:6].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_statistics_are_of_the_training_rows_and_new_rows_are_encoded_alike() -> None:
    columns = learn_columns(FRAME, np.array([0, 1]))
    new = pd.DataFrame({"age": [25.0], "city": ["Rome"], "married": [True], "code": [1]})
    inputs = columns.inputs(new)
    assert inputs[0, 0] == 0  # (20 + 30) / 2
    start, stop = columns.blocks[0]
    assert inputs[0, start:stop].tolist() == [0, 0]  # Rome was not seen
    start, stop = columns.blocks[1]
    assert inputs[0, start:stop].tolist() == [1, 0]  # 1 is the text "1"


def test_a_column_without_any_value_is_still_one_of_numbers_later() -> None:
    columns = learn_columns(FRAME[["age"]], np.arange(4))
    assert columns.inputs(pd.DataFrame({"age": [None]}))[0, 0] == 0


@pytest.mark.parametrize("values", [[True, False, True], [True, False, None]])
def test_truth_values_are_encoded_alike_with_and_without_missing_ones(values: list[bool | None]) -> None:
    columns = learn_columns(pd.DataFrame({"a": values, "b": ["x", "y", "x"]}), np.arange(3))
    new = [columns.inputs(pd.DataFrame({"a": [True, False, third], "b": "x"}))[:2] for third in (True, None)]
    assert torch.equal(*new)
    assert new[0][0, 0] > new[0][1, 0]


def test_an_array_of_objects_is_read_column_by_column() -> None:
    columns = learn_columns(np.array([[1, "a"], [2, "b"], [None, "a"]], dtype=object), np.arange(3))
    assert columns.names == ("x0", "x1")
    assert columns.texts == {"x1"}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "X: columns must have different names, 'a' comes more than once"),
        (
            pd.DataFrame({"a": [pd.Timestamp(2020, 1, 1)]}),
            r"column 'a' of X holds datetime64.*; numbers or text are allowed$",
        ),
        (pd.DataFrame({"a": [np.inf]}), "column 'a' of X holds 1 infinite"),
    ],
)
def test_what_cannot_be_encoded_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learn_columns(frame, np.arange(len(frame)))


@pytest.mark.parametrize("values", [[1.0, 2.0, 1.0], [1.0, 2.0, 2.5], [1.0, 2.0, "x"]])
def test_numbers_that_are_categories_are_the_same_however_they_are_stored(values: list[float | str]) -> None:
    columns = learn_columns(pd.DataFrame({"a": pd.Categorical(values)}), np.arange(3))
    expected = columns.inputs(pd.DataFrame({"a": pd.Categorical(values)}))[:2]
    for dtype in ("float64", "float32", "int64", "Int64", "object", "category"):
        assert torch.equal(columns.inputs(pd.DataFrame({"a": [1.0, 2.0]}).astype(dtype)), expected), dtype


@pytest.mark.parametrize("number", [1e40, -1e300])
def test_a_number_beyond_float32_is_refused(number: float) -> None:
    columns = learn_columns(FRAME, np.arange(4))
    with pytest.raises(ValueError, match=r"^X: column 'age' holds a number too large for float32"):
        columns.inputs(FRAME.assign(age=[30.0, number, 30.0, np.nan]))


def test_text_in_a_column_of_numbers_is_refused() -> None:
    columns = learn_columns(FRAME, np.arange(4))
    with pytest.raises(ValueError, match="X: column 'age' held numbers in training, now 'old'"):
        columns.inputs(FRAME.assign(age="old"))
