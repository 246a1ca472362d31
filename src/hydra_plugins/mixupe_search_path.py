"""Hydra looks for configs in the user's own folders too, wherever it composes: in scripts/train.py and inside a sweep."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from mixupe.experiment.search_path import SEARCH_PATH


class OwnFolders(SearchPathPlugin):
    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for place in SEARCH_PATH:
            search_path.append("command line", place)
