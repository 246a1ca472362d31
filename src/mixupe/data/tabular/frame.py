"""From a data frame to tensors: numeric columns standardised, categorical ones one-hot, missing values imputed.

All statistics come from the training split. A one-hot block is linear in what is mixed, so mixing it and mixing an
embedding of it are the same thing.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings, DataSpec
from mixupe.data.splits import make_splits
from mixupe.data.tensors import TensorSplit
from mixupe.settings import UserError


def table_bundle(
    features: pd.DataFrame,
    target: pd.Series,
    settings: DatasetSettings,
    request: DataRequest,
    *,
    test: npt.NDArray[np.int64] | None = None,
    notes: tuple[str, ...] = (),
) -> DataBundle:
    """Split and encode a table.

    Args:
        features: N rows; numeric dtypes are numeric, everything else is categorical. NaN is a missing value.
        target: N labels of any dtype, none missing; classes are sorted.
        test: row numbers of the set's own test part.

    Raises:
        UserError: a column holds no value at all, or a class is too small to split.
    """
    for column in features.columns:
        if features[column].isna().all():
            raise UserError(f"dataset: column {str(column)!r} of {settings.name} has no value in any row; remove it")
    classes = np.unique(target.to_numpy())
    labels = np.searchsorted(classes, target.to_numpy()).astype(np.int64)
    class_names = tuple(str(name) for name in classes)
    # Equal rows are one example: on both sides of a split they would let the model look up test answers.
    duplicates = features.groupby(list(features.columns), dropna=False, sort=False).ngroup().to_numpy()
    indexes = make_splits(labels, settings, request, groups=duplicates, test=test, class_names=class_names)

    transformer = _transformer(features)
    transformer.fit(features.iloc[indexes.train])
    inputs = torch.from_numpy(np.asarray(transformer.transform(features), dtype=np.float32))
    targets = torch.from_numpy(labels)

    def split(part: npt.NDArray[np.int64]) -> TensorSplit:
        return TensorSplit(inputs[part], targets[part])

    return DataBundle(
        spec=DataSpec("tabular", class_names, (inputs.shape[1],), categorical_blocks=_blocks(transformer)),
        train=split(indexes.train),
        validation=split(indexes.validation),
        test=split(indexes.test),
        split_digest=indexes.digest,
        notes=notes + _missing_note(features),
    )


def _transformer(features: pd.DataFrame) -> ColumnTransformer:
    numeric = [c for c in features.columns if pd.api.types.is_numeric_dtype(features[c])]
    categorical = [c for c in features.columns if c not in set(numeric)]
    impute = SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)
    return ColumnTransformer(
        [
            ("numeric", Pipeline([("impute", impute), ("scale", StandardScaler())]), numeric),
            ("categorical", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
        ]
    )


def _blocks(transformer: ColumnTransformer) -> tuple[tuple[int, int], ...]:
    """[start, stop) of each one-hot block; a missing category is a category of its own."""
    encoder = transformer.named_transformers_.get("categorical")
    categories = getattr(encoder, "categories_", ())
    start = transformer.output_indices_["categorical"].start if categories else 0
    stops = np.cumsum([start, *(len(block) for block in categories)])
    return tuple((int(a), int(b)) for a, b in pairwise(stops))


def _missing_note(features: pd.DataFrame) -> tuple[str, ...]:
    missing = int(features.isna().sum().sum())
    if not missing:
        return ()
    columns = int(features.isna().any().sum())
    return (f"{missing} missing values in {columns} column(s): imputed by the training mean with an indicator",)
