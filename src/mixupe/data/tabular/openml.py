"""Any classification table of OpenML, by id or by name, through scikit-learn, which knows its address and MD5 sum."""

import gzip
import hashlib
import json
import warnings
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import urlopen

import pandas as pd
from filelock import FileLock
from sklearn.datasets import fetch_openml

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.download import offline_after
from mixupe.data.tabular.outside import outside_bundle
from mixupe.data.tabular.settings import OpenML
from mixupe.errors import UserError, one_line

API = "https://www.openml.org/api/v1/json/data"
# Without an answer to the first question within this time there is no network.
ANSWER_SECONDS = 8


def is_here(config: OpenML, root: Path) -> bool:
    try:
        return _is_complete(config, root)
    except UserError:
        return False


def fetch(config: OpenML, root: Path) -> None:
    if not is_here(config, root):
        _read(config, root)


def load(config: OpenML, request: DataRequest) -> DataBundle:
    frame, target, notes = read_table(config, request.root)
    return outside_bundle(frame, target, config, request, name=_label(config), notes=notes)


def read_table(config: OpenML, root: Path) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """N rows as OpenML has them, the name of its target column, and scikit-learn's warnings about the set.

    Raises:
        UserError: it is neither in the cache nor can it be downloaded, or it has not one target.
    """
    data, notes = _read(config, root)
    targets = data.target_names
    if len(targets) != 1:
        raise UserError(
            f"dataset.target: {_label(config)} has {len(targets)} target columns ({', '.join(targets)}); name one"
        )
    return _frame(data), targets[0], notes


def _frame(data: Any) -> pd.DataFrame:
    if data.frame is not None:
        return pd.DataFrame(data.frame)
    # A sparse table comes as numbers, in which categories are numbered.
    frame = pd.DataFrame(data.data.toarray(), columns=data.feature_names)
    frame = frame.astype({column: "category" for column in data.categories if column in frame.columns})
    frame[data.target_names[0]] = data.target
    return frame


def _read(config: OpenML, root: Path) -> tuple[Any, tuple[str, ...]]:
    """scikit-learn's Bunch, and its warnings about the set."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root / "openml"
    with FileLock(root / ".openml.lock"), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        if _is_complete(config, root):
            _check_md5(config, root)
        else:
            _check_network(config, folder)
        arguments = {"name": config.openml_name, "version": config.openml_version or "active"}
        if config.data_id is not None:
            arguments = {"data_id": config.data_id}
        try:
            with offline_after(seconds=30):
                data = fetch_openml(
                    **arguments,
                    target_column=config.target or "default-target",
                    data_home=str(root),
                    as_frame="auto",
                    parser="auto",
                    n_retries=1,
                )
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise UserError(
                f"dataset: {_label(config)} could not be read ({one_line(error)}); its cache folder is {folder}"
            ) from error
    return data, tuple(dict.fromkeys(one_line(warning.message) for warning in warned))


def _label(config: OpenML) -> str:
    if (config.data_id is None) == (config.openml_name is None):
        raise UserError("dataset.data_id: give an OpenML id, or dataset.openml_name, and not both")
    if config.data_id is not None:
        return f"OpenML {config.data_id}"
    return f"OpenML {config.openml_name!r}" + (f" version {config.openml_version}" if config.openml_version else "")


def _cached(root: Path, url: str) -> Path:
    """Where scikit-learn keeps what came from that address."""
    return root / "openml" / "openml.org" / (urlparse(url).path.lstrip("/") + ".gz")


def _json(path: Path) -> Any:
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"dataset: {path} is damaged ({one_line(error)}); remove it to fetch it again") from error


def _description_url(config: OpenML, root: Path) -> str | None:
    """Address of the set's description; None where a name has not been looked up yet."""
    if config.data_id is not None:
        return f"{API}/{config.data_id}"
    version = "status/active/" if config.openml_version is None else f"data_version/{config.openml_version}"
    found = _cached(root, f"{API}/list/data_name/{str(config.openml_name).lower()}/limit/2/{version}")
    return f"{API}/{_json(found)['data']['dataset'][0]['did']}" if found.is_file() else None


def _description(config: OpenML, root: Path) -> Any:
    """What OpenML says of the set; None where it is not in the cache."""
    _label(config)
    url = _description_url(config, root)
    if url is None or not _cached(root, url).is_file():
        return None
    return _json(_cached(root, url))["data_set_description"]


def _is_complete(config: OpenML, root: Path) -> bool:
    description = _description(config, root)
    return description is not None and all(path.is_file() for path in _files(description, root))


def _files(description: Any, root: Path) -> list[Path]:
    number = description["id"]
    return [_cached(root, url) for url in (f"{API}/features/{number}", f"{API}/qualities/{number}", description["url"])]


def _check_md5(config: OpenML, root: Path) -> None:
    """Checked before scikit-learn does: it would delete a file with another sum, also one put there by hand."""
    description = _description(config, root)
    for path in _files(description, root)[:2]:
        _json(path)
    path = _files(description, root)[2]
    try:
        with gzip.open(path) as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
    except (OSError, EOFError) as error:
        raise UserError(f"dataset: {path} is damaged ({one_line(error)}); remove it to fetch it again") from error
    if digest != description["md5_checksum"]:
        raise UserError(
            f"dataset: {path} has MD5 {digest}, OpenML says {description['md5_checksum']}; remove it to fetch it again"
        )


def _check_network(config: OpenML, folder: Path) -> None:
    """One question that is not repeated, so that a missing network is told at once."""
    name = _label(config)
    url = f"{API}/{config.data_id}" if config.data_id else f"{API}/list/data_name/{config.openml_name}/limit/1"
    try:
        with urlopen(url, timeout=ANSWER_SECONDS):
            pass
    except HTTPError as error:
        if error.code != 412:  # 412: no such set, which scikit-learn says in words
            raise UserError(f"dataset: {name} could not be fetched (OpenML answers {error.code})") from error
    except OSError as error:
        raise UserError(
            f"dataset: {name} is not in the cache folder {folder / 'openml.org'} and could not be downloaded"
            f" ({one_line(error)}); copy that folder from a machine that has it"
        ) from error
