"""New recordings for a trained model: cut or padded to its clips, normalised by its training statistics."""

from collections import Counter
from typing import Any

import numpy as np
import torch

from mixupe.data.base import DatasetSettings, DataSpec, Preparation
from mixupe.data.class_folders import chosen_files
from mixupe.data.new_files import NewExamples
from mixupe.data.speech.audio_files import CHANGES, ClipFormat, change_notes, read_clip
from mixupe.data.speech.audio_folder import RECORDINGS
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.speech.waveforms import Waveforms, front_end_of


def read(source: Any, settings: DatasetSettings, spec: DataSpec, preparation: Preparation) -> NewExamples:  # noqa: ARG001 - all readers take the same
    """As `mixupe.data.new_files.read_new`: an audio file or a folder of them. Other sampling rates are converted."""
    assert isinstance(settings, WaveformSettings)  # no other loader of speech gives a preparation
    files, names, notes = chosen_files(source, RECORDINGS)
    form = ClipFormat(settings.sample_rate, preparation["seconds"], resample=True)
    clips = [read_clip(file, form) for file in files]
    changes = Counter(change for clip in clips for change in clip.changes)
    split = Waveforms(
        torch.from_numpy(np.stack([clip.samples for clip in clips])),
        torch.zeros(len(files), dtype=torch.int64),
        preparation["mean"],
        preparation["std"],
        front_end_of(settings),
    )
    return NewExamples("file", names, split, notes + change_notes([changes[key] for key in CHANGES], len(files)))
