"""A split of recordings: spectrograms, normalisation, augmentation, groups."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.speech.audio_files import Int16
from mixupe.data.speech.log_mel import LogMel
from mixupe.data.speech.log_spectrogram import LogSpectrogram
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.speech.waveforms import Waveforms, joined, random_gain, random_shift, waveform_bundle
from mixupe.data.splits import Examples
from mixupe.errors import UserError
from mixupe.rng import generator

REQUEST = DataRequest(root=Path(), seed=0, protocol="heldout")


def settings(**changes: object) -> WaveformSettings:
    values = {"name": "noise", "domain": "speech", "loader": "speech.audio_folder", "seconds": 0.1, "mels": 20}
    return WaveformSettings.model_validate(values | changes)


def noise(examples: int, samples: int = 1600) -> Int16:
    return np.random.default_rng(0).integers(-9000, 9000, (examples, samples), dtype=np.int16)


def bundle(**changes: object) -> DataBundle:
    return waveform_bundle(
        noise(60), Examples(labels=np.arange(60) % 3, class_names=("a", "b", "c")), settings(**changes), REQUEST
    )


def all_inputs(split: Waveforms, augment: torch.Generator | None = None) -> Tensor:
    return torch.cat([x for x, _ in split.batches(torch.split(torch.arange(len(split.labels)), 7), augment)])


def test_shapes_and_types() -> None:
    data = bundle()
    assert data.spec.input_shape == (1, 20, 11)
    inputs, labels = next(iter(data.train.batches([torch.tensor([3, 1])])))
    assert inputs.shape == (2, 1, 20, 11)
    assert inputs.dtype == torch.float32
    assert labels.tolist() == data.train.labels[[3, 1]].tolist()


def test_training_inputs_have_mean_0_and_std_1_in_every_band() -> None:
    inputs = all_inputs(bundle().train)  # type: ignore[arg-type]
    torch.testing.assert_close(inputs.mean((0, 1, 3)), torch.zeros(20), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std((0, 1, 3)), torch.ones(20), atol=1e-2, rtol=0)


def test_statistics_come_from_training_only() -> None:
    waveforms = noise(60)
    labels = np.arange(60) % 3
    first = waveform_bundle(waveforms, Examples(labels=labels, class_names=("a", "b", "c")), settings(), REQUEST)
    # The test part much louder: nothing that training sees may change.
    test_rows = [row for row in range(60) if any((waveforms[row] == w.numpy()).all() for w in first.test.waveforms)]  # type: ignore[attr-defined]
    waveforms[test_rows] *= 3
    second = waveform_bundle(waveforms, Examples(labels=labels, class_names=("a", "b", "c")), settings(), REQUEST)
    assert first.split_digest == second.split_digest
    torch.testing.assert_close(first.train.mean, second.train.mean)  # type: ignore[attr-defined]
    torch.testing.assert_close(first.test.std, second.test.std)  # type: ignore[attr-defined]


def test_mean_input_is_the_mean_of_what_the_model_sees() -> None:
    split = bundle().train
    mean = split.mean_input()
    assert mean is not None
    torch.testing.assert_close(mean, all_inputs(split).mean(dim=0), atol=1e-4, rtol=0)  # type: ignore[arg-type]


def test_without_a_generator_nothing_is_augmented() -> None:
    augmented = bundle(time_shift=0.02, gain=6.0).train
    torch.testing.assert_close(all_inputs(augmented), all_inputs(bundle().train))  # type: ignore[arg-type]


def test_augmentation_follows_its_generator() -> None:
    split = bundle(time_shift=0.02, gain=6.0).train
    once, again = (all_inputs(split, generator(0, "augment", 0)) for _ in range(2))  # type: ignore[arg-type]
    torch.testing.assert_close(once, again, atol=0, rtol=0)
    other = all_inputs(split, generator(0, "augment", 1))  # type: ignore[arg-type]
    assert not torch.allclose(once, other)


def test_shift_moves_rows_and_lets_silence_in() -> None:
    waveforms = torch.arange(1, 11, dtype=torch.int16).repeat(200, 1)
    shifted = random_shift(waveforms, 3, generator(0, "augment"))
    assert shifted.dtype == torch.int16
    expected = {tuple(np.pad(np.arange(1, 11), 3)[k : k + 10].tolist()) for k in range(7)}
    assert {tuple(row) for row in shifted.tolist()} == expected


def test_gain_stays_within_its_range() -> None:
    scaled = random_gain(torch.ones(1000, 1), 6.0, generator(0, "augment"))
    low, high = 10 ** (-6 / 20), 10 ** (6 / 20)
    assert low <= float(scaled.min()) < 1.1 * low
    assert 0.9 * high < float(scaled.max()) <= high * 1.0001


def test_the_mixup_papers_spectrograms() -> None:
    """160x101 for a second at 16 kHz: by hand, log(1 + magnitude) of Hamming windows of 20 ms, each clip normalised."""
    signal = noise(2, 16000)
    data = waveform_bundle(
        np.concatenate([noise(40, 16000), np.zeros((20, 16000), np.int16)]),
        Examples(labels=np.arange(60) % 3, class_names=("a", "b", "c")),
        settings(features="spectrogram", seconds=1.0),
        REQUEST,
    )
    assert data.spec.input_shape == (1, 160, 101)
    found = LogSpectrogram(16000)(torch.from_numpy(signal).float() / 32768)
    padded = np.pad(signal / 32768, ((0, 0), (160, 160)), mode="reflect")
    frames = np.stack([padded[:, start : start + 320] for start in range(0, 16001, 160)], axis=1)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(320) / 320)
    values = np.log1p(np.abs(np.fft.rfft(frames * window)))[..., :160].transpose(0, 2, 1)
    flat = values.reshape(2, -1)
    expected = (values - flat.mean(1)[:, None, None]) / flat.std(1, ddof=1)[:, None, None]
    torch.testing.assert_close(found[:, 0], torch.from_numpy(expected).float(), atol=1e-3, rtol=1e-3)
    inputs = all_inputs(data.train)  # type: ignore[arg-type]
    # Silent clips are zeros, the others have mean 0 and standard deviation 1.
    stds = inputs.std(dim=(1, 2, 3))
    assert set(stds.round(decimals=3).tolist()) == {0.0, 1.0}
    torch.testing.assert_close(data.train.mean_input(), inputs.mean(dim=0), atol=1e-4, rtol=0)


def test_log_mel_is_float32_under_autocast() -> None:
    waveforms = torch.randn(2, 1600, generator=generator(0, "augment"))
    log_mel = LogMel(16000, 20)
    with torch.autocast("cpu", torch.bfloat16):
        inside = log_mel(waveforms)
    torch.testing.assert_close(inside, log_mel(waveforms), atol=0, rtol=0)
    assert inside.dtype == torch.float32


def test_a_band_that_never_changes_stays_finite() -> None:
    data = waveform_bundle(
        np.zeros((60, 1600), dtype=np.int16) + np.eye(60, 1600, dtype=np.int16),
        Examples(labels=np.arange(60) % 3, class_names=("a", "b", "c")),
        settings(),
        REQUEST,
    )
    inputs = all_inputs(data.train)  # type: ignore[arg-type]
    assert inputs.isfinite().all()
    assert inputs.abs().max() < 50


def test_joined_keeps_together_what_either_grouping_does() -> None:
    groups = joined(["a", "a", "b", "c", "d"], [0, 1, 1, 2, 3])
    assert len({int(groups[0]), int(groups[1]), int(groups[2])}) == 1
    assert len(set(groups.tolist())) == 3


def test_equal_recordings_stay_on_one_side() -> None:
    waveforms = np.concatenate([noise(30), noise(30)])
    data = waveform_bundle(
        waveforms, Examples(labels=np.tile(np.arange(30) % 3, 2), class_names=("a", "b", "c")), settings(), REQUEST
    )
    parts = [{row.numpy().tobytes() for row in part.waveforms} for part in (data.train, data.validation, data.test)]  # type: ignore[attr-defined]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 30


def test_a_shift_as_long_as_the_clip_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.time_shift: must be less than dataset\.seconds=0\.1, got 0\.1"):
        bundle(time_shift=0.1)


def test_samples_that_are_no_whole_numbers_are_refused() -> None:
    examples = Examples(labels=np.arange(60) % 3, class_names=("a", "b", "c"))
    with pytest.raises(
        UserError, match=r"^dataset: recordings of noise must be int16 of shape \(N, T\), got float64 of"
    ):
        waveform_bundle(noise(60) / 32768, examples, settings(), REQUEST)  # type: ignore[arg-type]
