"""Google Speech Commands: a small tree in the official layout, and each way it can be broken."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.datasets import speechcommands

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.settings import SpeechCommands
from mixupe.data.speech.speech_commands import COMMANDS, fetch, is_here, load, noise_crops
from mixupe.errors import UserError
from tests.data.speech.conftest import WriteAudio

RELEASE = "speech_commands_v0.02"
WORDS = (*COMMANDS, "bed", "cat", "marvin")
SPEAKERS = 5  # the last but one validates, the last tests
SECONDS = 0.1


def write_tree(root: Path, write_audio: WriteAudio) -> Path:
    folder = root / "SpeechCommands" / RELEASE
    lists: dict[str, list[str]] = {"validation_list.txt": [], "testing_list.txt": []}
    for label, word in enumerate(WORDS):
        for speaker in range(SPEAKERS):
            name = f"{word}/{speaker:08x}_nohash_0.wav"
            write_audio(folder / name, seconds=SECONDS, seed=100 * label + speaker)
            if speaker >= SPEAKERS - 2:
                lists["testing_list.txt" if speaker == SPEAKERS - 1 else "validation_list.txt"].append(name)
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    write_audio(folder / "_background_noise_" / "white_noise.wav", seconds=20 * SECONDS, seed=1)
    write_audio(folder / "_background_noise_" / "pink_noise.wav", seconds=20 * SECONDS, seed=2)
    (folder / "README.md").write_text("about")
    return folder


def config(**changes: Any) -> SpeechCommands:
    values = {
        "name": "commands",
        "domain": "speech",
        "loader": "speech.speech_commands",
        "release": RELEASE,
        "task": "words",
        "utterances": len(WORDS) * SPEAKERS,
        "seconds": SECONDS,
    }
    return SpeechCommands.model_validate(values | changes)


@pytest.fixture
def tree(request_here: DataRequest, write_audio: WriteAudio) -> Path:
    return write_tree(request_here.root, write_audio)


def sizes(data: DataBundle) -> list[int]:
    return [len(part.labels) for part in (data.train, data.validation, data.test)]


def test_all_words_by_the_official_lists(tree: Path, request_here: DataRequest) -> None:
    assert is_here(config(), request_here.root)
    data = load(config(), request_here)
    assert data.spec.class_names == tuple(sorted(WORDS))
    assert sizes(data) == [39, 13, 13]
    expected, _ = soundfile.read(tree / "bed" / "00000004_nohash_0.wav", dtype="int16")
    np.testing.assert_array_equal(data.test.waveforms[0].numpy(), expected)  # type: ignore[attr-defined]


def test_parts_do_not_depend_on_the_seed(tree: Path, request_here: DataRequest) -> None:
    other = DataRequest(request_here.root, 1, "heldout")
    for task in ("words", "commands"):
        digests = {load(config(task=task), request).split_digest for request in (request_here, request_here, other)}
        assert len(digests) == 1


def test_train_size_depends_on_the_seed(tree: Path, request_here: DataRequest) -> None:
    other = DataRequest(request_here.root, 1, "heldout")
    digests = {load(config(train_size=20), request).split_digest for request in (request_here, request_here, other)}
    assert len(digests) == 2


def test_paper_protocol_trains_on_all_but_the_test_part(tree: Path, request_here: DataRequest) -> None:
    data = load(config(), DataRequest(request_here.root, 0, "paper"))
    assert sizes(data) == [52, 13, 13]


def test_twelve_classes(tree: Path, request_here: DataRequest) -> None:
    data = load(config(task="commands"), request_here)
    assert data.spec.class_names == (*COMMANDS, "unknown", "silence")
    # Three recordings a word in training, one in the others; unknown and silence as many.
    assert torch.bincount(data.train.labels).tolist() == [3] * 12
    assert torch.bincount(data.validation.labels).tolist() == [1] * 12
    assert torch.bincount(data.test.labels).tolist() == [1] * 12
    assert data.notes[-1].startswith("unknown: 5 of 15 recordings of other words are used")


def test_twelve_classes_hold_the_right_recordings(tree: Path, request_here: DataRequest) -> None:
    data = load(config(task="commands"), request_here)
    expected, _ = soundfile.read(tree / "yes" / "00000004_nohash_0.wav", dtype="int16")
    test = data.test.waveforms[data.test.labels == 0]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(test[0].numpy(), expected)


def test_silence_of_each_part_comes_from_its_own_stretch(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "ramp.wav", np.arange(10000, dtype=np.int16), 16000)
    for share, low, high in (((0.0, 0.8), 0, 8000), ((0.8, 0.9), 8000, 9000), ((0.9, 1.0), 9000, 10000)):
        crops = noise_crops([tmp_path / "ramp.wav"], share, 50, 100, 16000, seed=0).astype(float)
        # A crop is a scaled stretch of the ramp: its slope is the scale, so its values tell the place.
        scale = (crops[:, -1] - crops[:, 0]) / 99
        loud = scale > 0.2
        start = crops[loud, 0] / scale[loud]
        assert (start > low - 0.05 * high).all()
        assert (start < high * 1.05).all()
        assert (scale < 1.01).all()


def test_noise_that_is_too_short(tree: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    write_audio(tree / "_background_noise_" / "white_noise.wav", seconds=2 * SECONDS)
    with pytest.raises(UserError, match=r"white_noise\.wav is too short"):
        load(config(task="commands"), request_here)


@pytest.mark.parametrize("name", ["validation_list.txt", "testing_list.txt"])
def test_missing_list(tree: Path, request_here: DataRequest, name: str) -> None:
    (tree / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is not there"):
        load(config(), request_here)


def test_listed_file_is_missing(tree: Path, request_here: DataRequest) -> None:
    (tree / "cat" / "00000004_nohash_0.wav").unlink()
    with pytest.raises(UserError, match=r"cat/00000004_nohash_0\.wav, named in testing_list\.txt, is not there"):
        load(config(), request_here)


def test_unlisted_file_is_missing(tree: Path, request_here: DataRequest) -> None:
    (tree / "cat" / "00000000_nohash_0.wav").unlink()
    with pytest.raises(UserError, match=r"holds 64 recordings instead of 65"):
        load(config(), request_here)
    assert sizes(load(config(utterances=None), request_here)) == [38, 13, 13]


def test_empty_word_folder(tree: Path, request_here: DataRequest) -> None:
    (tree / "zero").mkdir()
    with pytest.raises(UserError, match=r"zero holds no \.wav file"):
        load(config(), request_here)


def test_file_in_both_lists(tree: Path, request_here: DataRequest) -> None:
    listed = (tree / "testing_list.txt").read_text()
    (tree / "validation_list.txt").write_text(listed)
    with pytest.raises(UserError, match="is in both lists"):
        load(config(), request_here)


def test_flipped_byte(tree: Path, request_here: DataRequest) -> None:
    load(config(), request_here)  # also when the tree was decoded before
    path = tree / "stop" / "00000001_nohash_0.wav"
    content = bytearray(path.read_bytes())
    content[8] ^= 0xFF  # the W of WAVE
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"stop/00000001_nohash_0\.wav cannot be read"):
        load(config(), request_here)


def test_wrong_rate(tree: Path, request_here: DataRequest, write_audio: WriteAudio) -> None:
    path = write_audio(tree / "stop" / "00000001_nohash_0.wav", rate=8000)
    with pytest.raises(UserError, match=rf"{path} has a sampling rate of 8000 Hz, allowed is 16000"):
        load(config(), request_here)


def test_without_network_one_line_says_what_to_put_where(request_here: DataRequest) -> None:
    with pytest.raises(UserError) as caught:
        load(config(), request_here)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(f"put {RELEASE}.tar.gz into {request_here.root}")


def pack(root: Path, tree: Path) -> Path:
    """The tree as the archive Google publishes: paths start with `./`."""
    archive = root / f"{RELEASE}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(tree.rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(f"./{path.relative_to(tree).as_posix()}")
                info.size = path.stat().st_size
                tar.addfile(info, io.BytesIO(path.read_bytes()))
    return archive


def test_archive_put_there_by_hand(request_here: DataRequest, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = pack(request_here.root, tree)
    tree.rename(tree.with_name("elsewhere"))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    url = f"http://download.tensorflow.org/data/{archive.name}"
    assert url in speechcommands._CHECKSUMS
    monkeypatch.setitem(speechcommands._CHECKSUMS, url, digest)
    fetch(config(), request_here.root)
    assert sizes(load(config(), request_here)) == [39, 13, 13]


def test_damaged_archive_is_refused(request_here: DataRequest, tree: Path) -> None:
    archive = pack(request_here.root, tree)
    tree.rename(tree.with_name("elsewhere"))
    with pytest.raises(UserError, match=rf"{archive} is damaged"):
        fetch(config(), request_here.root)
    assert not is_here(config(), request_here.root)
