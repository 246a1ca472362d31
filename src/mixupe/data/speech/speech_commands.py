"""Google Speech Commands v0.01 and v0.02: all words, or ten commands, `unknown` and `silence`.

The parts are the official lists, which keep a speaker's recordings together.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.audio_files import ClipFormat, Int16, read_mono
from mixupe.data.speech.clip_cache import decoded_clips, recordings_bundle
from mixupe.data.speech.settings import SpeechCommands
from mixupe.data.speech.speech_commands_tree import Tree, fetch_tree, read_tree, tree_folder
from mixupe.data.speech.waveforms import waveform_bundle
from mixupe.data.splits import Examples, Indices
from mixupe.errors import UserError

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")

# Where each part's crops of background noise come from, as shares of each recording: no part hears another's.
NOISE_PARTS = ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0))


def is_here(config: SpeechCommands, root: Path) -> bool:
    return tree_folder(config.release, root).is_dir()


def fetch(config: SpeechCommands, root: Path) -> None:
    fetch_tree(config.release, root)


def load(config: SpeechCommands, request: DataRequest) -> DataBundle:
    fetch(config, request.root)
    tree = read_tree(config.release, request.root, config.utterances)
    if config.task == "words":
        examples = Examples(labels=tree.labels, class_names=tree.words, validation=tree.validation, test=tree.test)
        return recordings_bundle(tree.folder, tree.files, examples, config, request, resample=False)
    form = ClipFormat(config.sample_rate, config.seconds, resample=False)
    clips = decoded_clips(tree.folder, tree.files, form, request.root)
    return _commands(tree, clips.waveforms, clips.notes, config, request)


def _commands(
    tree: Tree, waveforms: Int16, notes: tuple[str, ...], config: SpeechCommands, request: DataRequest
) -> DataBundle:
    """Ten words, and in each part as many `unknown` and as many `silence` examples as a word has on average.

    This is the balance of TensorFlow's example training code. Neither choice depends on the seed: the parts are fixed.
    """
    if missing := set(COMMANDS) - set(tree.words):
        raise UserError(f"dataset: {tree.folder / min(missing)} is not there; unpack the archive again")
    word_class = np.array([COMMANDS.index(w) if w in COMMANDS else len(COMMANDS) for w in tree.words])
    labels = word_class[tree.labels]
    noise = tree.noise_files()
    chosen: list[Int16] = []
    targets: list[Indices] = []
    for number, part in enumerate((tree.train, tree.validation, tree.test)):
        commands = part[labels[part] < len(COMMANDS)]
        each = round(len(commands) / len(COMMANDS))
        unknown = _sample_by_name(tree, part[labels[part] == len(COMMANDS)], each)
        rows = np.sort(np.concatenate([commands, unknown]))
        silence = noise_crops(noise, NOISE_PARTS[number], each, waveforms.shape[1], config.sample_rate, seed=number)
        chosen.append(np.concatenate([waveforms[rows], silence]))
        targets.append(np.concatenate([labels[rows], np.full(each, len(COMMANDS) + 1)]))
    stops = np.cumsum([len(part) for part in targets])
    _, validation, test = np.split(np.arange(stops[-1]), stops[:-1])
    used = sum(int((part == len(COMMANDS)).sum()) for part in targets)
    others = int((labels == len(COMMANDS)).sum())
    examples = Examples(
        labels=np.concatenate(targets),
        class_names=(*COMMANDS, "unknown", "silence"),
        validation=validation,
        test=test,
        notes=(
            *notes,
            f"unknown: {used} of {others} recordings of other words are used, in each part as many as a command has on"
            " average",
        ),
    )
    return waveform_bundle(np.concatenate(chosen), examples, config, request)


def _sample_by_name(tree: Tree, rows: Indices, count: int) -> Indices:
    """The `count` rows whose file names have the smallest hashes: an arbitrary choice, the same everywhere."""

    def key(row: int) -> str:
        return hashlib.sha256(tree.files[row].relative_to(tree.folder).as_posix().encode()).hexdigest()

    return np.array(sorted(rows.tolist(), key=key)[:count], dtype=np.int64)


def noise_crops(
    files: Sequence[Path], share: tuple[float, float], count: int, samples: int, sample_rate: int, seed: int
) -> Int16:
    """(count, samples) clips of background noise, each made softer by a random factor in [0, 1).

    Args:
        files: recordings, used in turn.
        share: [start, stop) of each recording that clips are cut from, as shares of its length.

    Raises:
        UserError: a recording has another rate, or its share is shorter than a clip.
    """
    stretches = []
    for path in files:
        signal, rate = read_mono(path)
        if rate != sample_rate:
            raise UserError(f"dataset: {path} has a sampling rate of {rate} Hz, allowed is {sample_rate}")
        first, stop = (round(part * len(signal)) for part in share)
        if stop - first < samples:
            raise UserError(
                f"dataset: {path} is too short ({len(signal)} samples) to cut clips of {samples} from a tenth"
            )
        stretches.append(signal[first:stop])
    random = np.random.default_rng(seed)
    crops = np.empty((count, samples), dtype=np.int16)
    for row in range(count):
        stretch = stretches[row % len(stretches)]
        start = int(random.integers(len(stretch) - samples + 1))
        crops[row] = np.rint(stretch[start : start + samples] * 32767 * random.random())
    return crops
