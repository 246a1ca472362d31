"""The folder tree of Google Speech Commands as torchaudio lays it out: bring it, check it, list it."""

import http.client
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from torchaudio.datasets import SPEECHCOMMANDS, speechcommands

from mixupe.data.content import file_digest
from mixupe.data.download import offline_after
from mixupe.data.speech.settings import Release
from mixupe.data.splits import Indices
from mixupe.errors import UserError, first_line

PARENT = "SpeechCommands"
NOISE_FOLDER = "_background_noise_"


@dataclass(frozen=True)
class Tree:
    """An unpacked release.

    Attributes:
        folder: holds <word>/<speaker>_nohash_<n>.wav and the two lists.
        files: N recordings, by word and name.
        labels: (N,) indices into words.
        words: folder names, sorted.
        validation, test: indices of the files in validation_list.txt and testing_list.txt.
    """

    folder: Path
    files: tuple[Path, ...]
    labels: Indices
    words: tuple[str, ...]
    validation: Indices
    test: Indices

    @property
    def train(self) -> Indices:
        """Sorted indices of the files in neither list."""
        return np.setdiff1d(np.arange(len(self.files)), np.concatenate([self.validation, self.test]))

    def noise_files(self) -> list[Path]:
        """The long recordings of background noise. Raises UserError if there are none."""
        found = sorted((self.folder / NOISE_FOLDER).glob("*.wav"))
        if not found:
            raise UserError(f"dataset: {self.folder / NOISE_FOLDER} holds no .wav file; unpack the archive again")
        return found


def tree_folder(release: Release, root: Path) -> Path:
    return root / PARENT / release


def fetch_tree(release: Release, root: Path) -> None:
    """Unpack the archive that lies in `root`, or download it with torchaudio; does nothing where the tree is there.

    Raises:
        UserError: the archive is damaged, or could not be downloaded.
    """
    folder = tree_folder(release, root)
    archive = root / f"{release}.tar.gz"
    if folder.is_dir():
        return
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{release}.lock"):
        if folder.is_dir():
            return
        # torchaudio checks what it downloads, but not an archive that lies there already.
        if archive.is_file():
            _check_archive(archive)
        # It also trusts a half-unpacked folder: so unpack beside it, then rename.
        partial = root / PARENT / ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            with offline_after(seconds=5):
                SPEECHCOMMANDS(root, url=release, folder_in_archive=f"{PARENT}/.partial", download=True)
            (partial / release).rename(folder)
        except (OSError, RuntimeError, EOFError, tarfile.TarError, zlib.error, http.client.HTTPException) as error:
            raise UserError(
                f"dataset: {folder} is not there and could not be made ({first_line(error)}); put {archive.name} into {root}"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _check_archive(archive: Path) -> None:
    (expected,) = (digest for url, digest in speechcommands._CHECKSUMS.items() if url.endswith(archive.name))
    if (digest := file_digest(archive)) != expected:
        raise UserError(f"dataset: {archive} is damaged: its SHA-256 is {digest}, not {expected}; delete or replace it")


def read_tree(release: Release, root: Path, utterances: int | None) -> Tree:
    """List and check the unpacked release.

    Args:
        utterances: how many recordings there must be; None takes what is there.

    Raises:
        UserError: a list or a listed file is missing, a word has no file, or the number is another.
    """
    folder = tree_folder(release, root)
    word_folders = sorted(child for child in folder.iterdir() if child.is_dir() and child.name[0] not in "_.")
    files: list[Path] = []
    labels: list[int] = []
    for label, word in enumerate(word_folders):
        found = sorted(word.glob("*.wav"))
        if not found:
            raise UserError(f"dataset: {word} holds no .wav file; delete {folder} and unpack the archive again")
        files += found
        labels += [label] * len(found)
    rows = {path.relative_to(folder).as_posix(): row for row, path in enumerate(files)}
    validation, test = (_listed(folder / name, rows) for name in ("validation_list.txt", "testing_list.txt"))
    if both := np.intersect1d(validation, test).tolist():
        raise UserError(f"dataset: {files[both[0]]} is in both lists of {folder}; unpack the archive again")
    if utterances is not None and len(files) != utterances:
        raise UserError(
            f"dataset: {folder} holds {len(files):,} recordings instead of {utterances:,}; delete it and unpack the"
            " archive again, or set dataset.utterances=null to take what is there"
        )
    words = tuple(word.name for word in word_folders)
    return Tree(folder, tuple(files), np.array(labels, dtype=np.int64), words, validation, test)


def _listed(path: Path, rows: dict[str, int]) -> Indices:
    """Sorted rows of the files named in an official list."""
    if not path.is_file():
        raise UserError(f"dataset: {path} is not there; delete {path.parent} and unpack the archive again")
    names = path.read_text(encoding="utf-8").split()
    for name in names:
        if name not in rows:
            raise UserError(
                f"dataset: {path.parent / name}, named in {path.name}, is not there; unpack the archive again"
            )
    if not names:
        raise UserError(f"dataset: {path} names no file; delete {path.parent} and unpack the archive again")
    return np.array(sorted({rows[name] for name in names}), dtype=np.int64)
