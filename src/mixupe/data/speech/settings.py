"""Settings of sets of recordings, apart from what loads them, which needs torch."""

from typing import Annotated, Literal

from pydantic import Field

from mixupe.data.base import CopyPath, DatasetSettings, OwnPath
from mixupe.settings import NonNegativeFloat, PositiveFloat, PositiveInt


class WaveformSettings(DatasetSettings):
    """Keys of every set of recordings.

    Attributes:
        sample_rate: in Hz.
        seconds: length of a clip.
        features: log_mel, normalised by the training set; or spectrogram, as the mixup paper: 160x101 for a second at
            16 kHz, each recording normalised by itself.
        mels: bands of log_mel.
        time_shift: training clips are moved by up to that many seconds, either way; 0 moves none.
        gain: training clips are made louder or softer by up to that many dB; 0 changes none.
    """

    sample_rate: PositiveInt = 16000
    seconds: PositiveFloat = Field(default=1.0, ge=0.05)
    features: Annotated[Literal["log_mel", "spectrogram"], Field(json_schema_extra={"identity_default": "log_mel"})] = (
        "log_mel"
    )
    mels: PositiveInt = 40
    time_shift: NonNegativeFloat = 0.0
    gain: NonNegativeFloat = 0.0


class AudioFolder(WaveformSettings):
    """Keys of a user's own recordings.

    Attributes:
        path: the folder.
        resample: convert files of another rate than sample_rate; otherwise such a file is an error.
    """

    path: OwnPath
    resample: bool = Field(default=False, strict=True)


class FreeSpokenDigits(WaveformSettings):
    """Keys of the recordings of spoken digits.

    Attributes:
        path: folder with the recordings or with the folder `recordings`, or a zip or tar file of either; None means
            `free_spoken_digits` below data.root.
        recordings: number of recordings there must be; null takes what is there.
    """

    path: CopyPath = None
    recordings: PositiveInt | None = 3000


Release = Literal["speech_commands_v0.01", "speech_commands_v0.02"]


class SpeechCommands(WaveformSettings):
    """Keys of Speech Commands.

    Attributes:
        release: the archive's name.
        task: words (one class a word), or commands (ten words, unknown, silence).
        utterances: number of recordings the tree must hold; null takes what is there.
    """

    release: Release
    task: Literal["words", "commands"]
    utterances: PositiveInt | None
    sample_rate: Literal[16000] = 16000
    test_fraction: None = None


class SpokenDigits(DatasetSettings):
    """Keys of the spoken digits as MFCC sequences.

    Attributes:
        frames: length every sequence is cut or padded to.
    """

    frames: PositiveInt = 40


class TimeSeries(DatasetSettings):
    """Keys of the time series in sktime.

    Attributes:
        sktime_name: folder in the package.
        patch: consecutive values of each dimension that make one frame.
    """

    sktime_name: Annotated[str, Field(pattern=r"^\w+$")]
    patch: PositiveInt = 1


# By key of mixupe.data.registry.LOADERS.
SETTINGS: dict[str, type[DatasetSettings]] = {
    "speech.audio_folder": AudioFolder,
    "speech.free_spoken_digits": FreeSpokenDigits,
    "speech.gcin_initials": WaveformSettings,
    "speech.speech_commands": SpeechCommands,
    "speech.spoken_digits": SpokenDigits,
    "speech.time_series": TimeSeries,
}
