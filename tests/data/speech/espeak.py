"""Spoken words from the library eSpeak NG, which the package espeakng-loader carries."""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: hand samples to the callback, play nothing
UTF8 = 1


class Espeak:
    """One per process: the library keeps global state."""

    def __init__(self, library: str, data: Path) -> None:
        self._library: Any = ctypes.CDLL(library)
        self.rate = int(self._library.espeak_Initialize(SYNCHRONOUS, 0, str(data.parent).encode(), 0))
        assert self.rate > 0, f"eSpeak NG finds no data in {data}"
        self._chunks: list[npt.NDArray[np.int16]] = []
        signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = signature(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, _events: object) -> int:
        if samples and count:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0  # go on

    def say(self, text: str, voice: str) -> npt.NDArray[np.int16]:
        """Samples at `self.rate`, for example in the voice `en-us+m3`."""
        self._chunks = []
        encoded = text.encode()
        assert self._library.espeak_SetVoiceByName(voice.encode()) == 0, f"no voice {voice}"
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._chunks)
