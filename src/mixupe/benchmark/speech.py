"""Recordings in memory: our batched log-mel features against torchaudio clip by clip."""

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchaudio.transforms import MelSpectrogram

from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import interleaved, medians, ratio, timed
from mixupe.data.speech.log_mel import FLOOR, LogMel
from mixupe.data.speech.waveforms import Waveforms

BATCH = 100
RATE, MELS = 16_000, 40


class _Clips(Dataset[tuple[Tensor, int]]):
    """The same recordings as users of torchaudio have them: on the CPU, one spectrogram at a time."""

    def __init__(self, recordings: Waveforms) -> None:
        self.recordings = recordings
        self.mel = MelSpectrogram(RATE, n_fft=512, win_length=400, hop_length=160, n_mels=MELS)

    def __len__(self) -> int:
        return len(self.recordings.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        spectrogram = (self.mel(self.recordings.waveforms[index : index + 1].float() / 32768) + FLOOR).log()
        normalised = (spectrogram - self.recordings.mean[:, None]) / self.recordings.std[:, None]
        return normalised, int(self.recordings.targets[index])


def random_recordings(count: int) -> Waveforms:
    """Noise of one second, on the CPU."""
    draws = torch.Generator().manual_seed(0)
    noise = torch.randint(-8000, 8000, (count, RATE), dtype=torch.int16, generator=draws)
    targets = torch.randint(10, (count,), generator=draws)
    return Waveforms(noise, targets, torch.zeros(MELS), torch.ones(MELS), LogMel(RATE, MELS))


def measure(options: Options, report: Report) -> None:
    """Batches on the device, from either, without shift and gain."""
    count = options.size(cpu=1000, gpu=5000, quick=20)
    recordings = random_recordings(count)
    ours = recordings.to(options.device)
    workers = options.threads if options.on_gpu else 0
    theirs = DataLoader(
        _Clips(recordings),
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        pin_memory=options.on_gpu,
        persistent_workers=workers > 0,
    )

    def our_pass() -> None:
        for _ in ours.batches(torch.split(torch.randperm(count), BATCH)):
            pass

    def their_pass() -> None:
        for spectrograms, targets in theirs:
            spectrograms.to(options.device, non_blocking=True)
            targets.to(options.device, non_blocking=True)

    contestants = {"torchaudio": timed(their_pass, options.device), "ours": timed(our_pass, options.device)}
    times = interleaved("data: speech", contestants, options)
    details = medians(times)
    details["recordings/s, ours"] = 1000 * count / details["ours, ms"]
    how = f"{count} recordings of 1 s, batch {BATCH}, torchaudio with {workers} worker processes"
    report.add("speech_vs_torchaudio", ratio(times["torchaudio"], times["ours"]), how, details)
