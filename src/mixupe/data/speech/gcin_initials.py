"""Mandarin syllables of the Debian package gcin-voice: 2,358 recordings, two speakers; the class is the initial."""

import numpy as np

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.packages import package_path
from mixupe.data.speech.clip_cache import recordings_bundle
from mixupe.data.speech.settings import WaveformSettings
from mixupe.data.splits import Examples
from mixupe.errors import UserError

# The 21 initial consonants in bopomofo and in pinyin; a syllable that starts with none of them has no initial.
INITIALS = dict(
    zip(
        "ㄅㄆㄇㄈㄉㄊㄋㄌㄍㄎㄏㄐㄑㄒㄓㄔㄕㄖㄗㄘㄙ",
        ("b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "zh", "ch", "sh", "r", "z", "c", "s"),
        strict=True,
    )
)
CLASSES = (*INITIALS.values(), "none")


SPEAKERS = "both speakers are on both sides of the split: the test asks for new syllables, not for new voices"


def load(config: WaveformSettings, request: DataRequest) -> DataBundle:
    """Folders are named by syllable and tone in bopomofo and hold one file a speaker: 3.ogg, 5.ogg."""
    folder = package_path("gcin-voice", request.root) / "usr" / "share" / "gcin-voice" / "ogg"
    files = sorted(folder.glob("*/*.ogg"))
    if not files:
        raise UserError(
            f"dataset: {folder} holds no <syllable>/<speaker>.ogg; delete {folder.parents[3]} and fetch it again"
        )
    # Both speakers' recordings of one syllable and tone stay on one side: the test asks for syllables never heard.
    syllables = [path.parent.name for path in files]
    labels = np.array([CLASSES.index(INITIALS.get(syllable[0], "none")) for syllable in syllables])
    examples = Examples(labels=labels, class_names=CLASSES, groups=np.array(syllables), notes=(SPEAKERS,))
    return recordings_bundle(folder, files, examples, config, request)
