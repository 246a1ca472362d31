"""The tables that ship with scikit-learn: iris, wine, breast cancer."""

import numpy as np
from sklearn import datasets

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.tabular.frame import table_bundle
from mixupe.data.tabular.settings import SklearnSet


def load(config: SklearnSet, request: DataRequest) -> DataBundle:
    data = getattr(datasets, f"load_{config.sklearn_name}")(as_frame=True)
    names = np.asarray(data.target_names)
    target = data.target.map(dict(enumerate(names)))
    return table_bundle(data.data, target, config, request)
