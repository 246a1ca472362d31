"""The tables that ship with scikit-learn: iris, wine, breast cancer."""

from typing import Literal

import numpy as np
from sklearn import datasets

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.tabular.frame import table_bundle


class Config(DatasetSettings):
    """Attributes:
    sklearn_name: the set's `sklearn.datasets.load_<name>`.
    """

    sklearn_name: Literal["iris", "wine", "breast_cancer"]


def load(config: Config, request: DataRequest) -> DataBundle:
    data = getattr(datasets, f"load_{config.sklearn_name}")(as_frame=True)
    names = np.asarray(data.target_names)
    target = data.target.map(dict(enumerate(names)))
    return table_bundle(data.data, target, config, request)
