"""Syllables in the package's layout: labels from folder names, both speakers' recordings in one part."""

from pathlib import Path

import numpy as np
import pytest

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.gcin_initials import CLASSES, SPEAKERS, load
from mixupe.data.speech.settings import WaveformSettings
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio

REAL = Path(__file__).parents[3] / "data" / "packages" / "gcin-voice"
CONFIG = WaveformSettings.model_validate(
    {"name": "gcin", "domain": "speech", "loader": "speech.gcin_initials", "seconds": 0.2, "time_shift": 0.02}
)


def write_package(root: Path, write_audio: WriteAudio) -> Path:
    """Two speakers, three initials (b, zh, none), four tones."""
    folder = root / "packages" / "gcin-voice" / "usr" / "share" / "gcin-voice" / "ogg"
    for number, syllable in enumerate(base + tone for base in ("ㄅㄚ", "ㄓㄨ", "ㄚ") for tone in ("", "2", "3", "4")):
        for speaker in (3, 5):
            write_audio(folder / syllable / f"{speaker}.ogg", rate=44100, seed=10 * number + speaker)
    return folder


def part_sizes(data: DataBundle) -> list[int]:
    return [len(part.labels) for part in (data.train, data.validation, data.test)]


def test_labels_and_parts(request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_package(request_here.root, write_audio)
    data = load(CONFIG, request_here)
    assert data.spec.num_classes == 22
    assert data.spec.input_shape == (1, 40, 21)
    assert {CLASSES[label] for label in data.train.labels} == {"b", "zh", "none"}
    # Whole syllables: an even number of recordings, two speakers each.
    assert part_sizes(data) == [12, 6, 6]
    assert data.notes == (
        "24 of 24 recordings have another sampling rate: resampled",
        "24 of 24 recordings are shorter than a clip: silence before and after",
        SPEAKERS,
        "the test part has no example of 19 of 22 classes, the first is 'p': its errors say nothing of them",
        "the validation part has no example of 19 of 22 classes, the first is 'p': its errors say nothing of them",
    )


def test_one_request_gives_one_split(request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_package(request_here.root, write_audio)
    assert load(CONFIG, request_here).split_digest == load(CONFIG, request_here).split_digest


def test_a_broken_recording_is_named(request_here: DataRequest, write_audio: WriteAudio) -> None:
    folder = write_package(request_here.root, write_audio)
    broken = folder / "ㄓㄨ2" / "5.ogg"
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(UserError, match=rf"{broken} cannot be read"):
        load(CONFIG, request_here)


def test_an_empty_package_folder(request_here: DataRequest) -> None:
    (request_here.root / "packages" / "gcin-voice").mkdir(parents=True)
    with pytest.raises(UserError, match=r"holds no <syllable>/<speaker>\.ogg"):
        load(CONFIG, request_here)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the package gcin-voice is not fetched")
def test_the_real_recordings() -> None:
    data = load(CONFIG.model_copy(update={"seconds": 0.64}), DataRequest(REAL.parents[1], 0, "heldout"))
    assert sum(part_sizes(data)) == 2358
    labels = np.concatenate([part.labels.numpy() for part in (data.train, data.validation, data.test)])
    assert np.bincount(labels).min() == 56
    assert "are longer than a clip" not in " ".join(data.notes)
