"""From a data frame to tensors: numeric columns standardised, categorical ones one-hot, missing values imputed.

All statistics come from the training split. A one-hot block is linear in what is mixed, so mixing it and mixing an
embedding of it are the same thing.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec, Preparation
from mixupe.data.splits import Examples
from mixupe.data.tabular.columns import informative
from mixupe.data.tabular.encoding import encoding_of, one_hot_blocks
from mixupe.data.tabular.settings import Imputation
from mixupe.data.tabular.text_columns import few
from mixupe.data.tensors import TensorSplit

# A column with more categories keeps the commonest; the rest become one.
MAX_CATEGORIES = 64


def table_bundle(
    features: pd.DataFrame,
    target: pd.Series,
    settings: DatasetSettings,
    request: DataRequest,
    *,
    test: npt.NDArray[np.int64] | None = None,
    imputation: Imputation = "indicator",
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Split and encode a table.

    Numeric columns come first; a numeric column with missing training values gets an indicator column. Then one one-hot
    block for each categorical column, in which missing is a category of its own and one never seen in training is all
    zeros (or the block's last column where rare categories are merged). With `mean_mode`, nothing marks what was missing.

    Args:
        features: N rows as `columns.clean` makes them: float64 columns are numeric, text is categorical, NaN is missing.
        target: N labels, none missing; classes are sorted.
        test: row numbers of the set's own test part, (n,).
        imputation: see `Imputation`.

    Raises:
        UserError: a column holds no value at all, or a class is too small to split.
    """
    features, left_out = informative(features, settings.name)
    classes, labels = np.unique(target.to_numpy(), return_inverse=True)
    class_names = tuple(str(name) for name in classes)
    rows = duplicate_groups(features)
    examples = Examples(labels=labels, class_names=class_names, groups=rows, test=test)
    indexes = examples.split(settings, request)

    transformer = table_transformer(features, imputation)
    transformer.fit(features.iloc[indexes.train])
    inputs = torch.from_numpy(np.asarray(transformer.transform(features), dtype=np.float32))
    encoding = encoding_of(transformer)
    return indexes.bundle(
        DataSpec("tabular", class_names, (inputs.shape[1],), categorical_blocks=one_hot_blocks(encoding)),
        TensorSplit(inputs, torch.from_numpy(labels.astype(np.int64))).select,
        notes + left_out + _duplicates_note(rows) + _missing_note(features, imputation) + _merged_note(encoding),
        encoding,
    )


def duplicate_groups(features: pd.DataFrame) -> npt.NDArray[np.int64]:
    """(N,) ids; equal rows have one id: on both sides of a split they would let the model look up test answers."""
    codes = np.column_stack([pd.factorize(features[column], use_na_sentinel=False)[0] for column in features.columns])
    # As byte strings, whose order is that of the codes: a sort of wide rows of integers takes 20 times as long.
    width = next(dtype for dtype in (">u1", ">u2", ">u4") if codes.max() <= np.iinfo(dtype).max)
    packed = np.ascontiguousarray(codes.astype(width))
    rows = packed.view(f"S{packed.shape[1] * packed.itemsize}").reshape(-1)
    return np.asarray(np.unique(rows, return_inverse=True)[1], dtype=np.int64)


def table_transformer(features: pd.DataFrame, imputation: Imputation = "indicator") -> ColumnTransformer:
    """What encodes a table, to be fitted on training rows as `columns.clean` makes them; see `table_bundle`."""
    categorical = [column for column in features.columns if features[column].dtype == object]
    numeric = [column for column in features.columns if column not in set(categorical)]
    marked = imputation == "indicator"
    impute = SimpleImputer(strategy="mean", add_indicator=marked, keep_empty_features=True)
    commonest = SimpleImputer(strategy="most_frequent", keep_empty_features=True)
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES, sparse_output=False)
    return ColumnTransformer(
        [
            ("numeric", Pipeline([("impute", impute), ("scale", StandardScaler())]), numeric),
            (
                "categorical",
                Pipeline([("impute", "passthrough" if marked else commonest), ("one_hot", one_hot)]),
                categorical,
            ),
        ]
    )


def _duplicates_note(rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    copies = len(rows) - len(np.unique(rows))
    return (f"{copies} row(s) repeat an earlier one: equal rows are on one side of the split",) if copies else ()


def _missing_note(features: pd.DataFrame, imputation: Imputation) -> tuple[str, ...]:
    numeric = features.select_dtypes("number")
    categorical = features.drop(columns=numeric.columns)
    treatments = {
        "indicator": ("the training mean and an indicator", "a category of its own"),
        "mean_mode": ("the training mean", "the commonest training category"),
    }[imputation]
    notes = []
    for part, treatment in zip((numeric, categorical), treatments, strict=True):
        empty = part.isna()
        if empty.to_numpy().any():
            cells, columns = int(empty.to_numpy().sum()), int(empty.any().sum())
            kind = "numeric" if part is numeric else "categorical"
            notes.append(f"{cells} missing value(s) in {columns} {kind} column(s): {treatment}")
    return tuple(notes)


def _merged_note(encoding: Preparation) -> tuple[str, ...]:
    notes = [
        f"column {column['name']!r} has more than {MAX_CATEGORIES} categories: the {len(column['rare'])} rarest are one"
        for column in encoding["categorical"]
        if column["rare"]
    ]
    return few(notes)
