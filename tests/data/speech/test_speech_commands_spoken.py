"""Speech Commands end to end: a tree of synthetic speech, through the real loader, into a trained network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F
from torchaudio.functional import resample

from mixupe.data.base import DataRequest
from mixupe.data.speech.settings import SpeechCommands
from mixupe.data.speech.speech_commands import COMMANDS, load
from mixupe.models.temporal_cnn import TemporalCNN
from mixupe.rng import generator
from tests.data.speech.espeak import Espeak

VOICES = [
    f"{accent}+{variant}"
    for accent in ("en", "en-us")
    for variant in ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")
]


def write_tree(folder: Path, speaker: Espeak) -> None:
    """Every fifth voice validates, every fifth tests."""
    lists: dict[str, list[str]] = {"validation_list.txt": [], "testing_list.txt": []}
    for word in (*COMMANDS, "marvin", "sheila", "tree"):
        (folder / word).mkdir(parents=True)
        for number, voice in enumerate(VOICES):
            name = f"{word}/{number:08x}_nohash_0.wav"
            speech = torch.from_numpy(speaker.say(word, voice).astype(np.float32) / 32768)
            soundfile.write(folder / name, resample(speech, speaker.rate, 16000).numpy(), 16000, subtype="PCM_16")
            if number % 5 >= 3:
                lists["testing_list.txt" if number % 5 == 4 else "validation_list.txt"].append(name)
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    noise = np.random.default_rng(0).normal(0, 0.02, 20 * 16000)
    (folder / "_background_noise_").mkdir()
    soundfile.write(folder / "_background_noise_" / "white_noise.wav", noise, 16000)


@pytest.mark.slow
def test_words_of_voices_never_heard_are_recognised(tmp_path: Path, request_here: DataRequest) -> None:
    loader: Any = pytest.importorskip("espeakng_loader")
    folder = request_here.root / "SpeechCommands" / "speech_commands_v0.02"
    write_tree(folder, Espeak(loader.get_library_path(), Path(loader.get_data_path())))
    values = {
        "name": "spoken",
        "domain": "speech",
        "loader": "speech.speech_commands",
        "release": "speech_commands_v0.02",
        "task": "commands",
        "utterances": 13 * len(VOICES),
        "time_shift": 0.05,
    }
    data = load(SpeechCommands.model_validate(values), request_here)

    torch.manual_seed(0)
    network = TemporalCNN(40, data.spec.num_classes, (64, 64))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for epoch in range(15):
        order = torch.randperm(len(data.train.labels), generator=generator(0, "order", epoch))
        for inputs, labels in data.train.batches(torch.split(order, 16), generator(0, "augment", epoch)):
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(inputs), labels))
            optimizer.step()

    network.eval()
    (inputs, labels) = next(iter(data.test.batches([torch.arange(len(data.test.labels))])))
    with torch.no_grad():
        accuracy = (network(inputs).argmax(dim=1) == labels).float().mean()
    # 12 classes: chance is 0.08.
    assert accuracy > 0.6
