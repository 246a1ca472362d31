"""An example as a person can look at it: a picture, a recording, or what is known of it in words."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixupe.data.base import DataSpec, Preparation, Split

# Longer texts are no longer looked at.
MOST_FACTS = 40


@dataclass(frozen=True)
class Shown:
    """An example in a form for people; what is not of its kind is empty.

    Attributes:
        pixels: (H, W) or (H, W, 3) uint8, of an image; in grey, the mean of its channels, where they are not 3.
        samples, sample_rate: (T,) int16 and Hz, of a recording.
        facts: name -> value in words, such as the columns of a row.
    """

    pixels: npt.NDArray[np.uint8] | None = None
    samples: npt.NDArray[np.int16] | None = None
    sample_rate: int = 0
    facts: dict[str, str] = field(default_factory=dict)


def shown(split: Split, position: int, spec: DataSpec, preparation: Preparation | None) -> Shown:
    """The example at that position of a split; empty where its kind of data has no form for people."""
    if spec.domain == "images":
        return _image(split, position)
    if spec.domain == "speech":
        return _recording(split, position)
    if spec.domain == "graphs":
        return _graph(split, position)
    return _row(split, position, preparation)


def _image(split: Split, position: int) -> Shown:
    from mixupe.data.images.decode import read_image
    from mixupe.data.images.streaming import StreamingImages
    from mixupe.data.images.tensor_images import TensorImages

    if isinstance(split, TensorImages):
        pixels = split.pixels[position].cpu().numpy()
        # Of other numbers of channels no picture can be made; 2 and 4 would be taken for transparency.
        grey = pixels.mean(axis=0).round().astype(np.uint8)
        return Shown(pixels=pixels.transpose(1, 2, 0) if len(pixels) == 3 else grey)
    if isinstance(split, StreamingImages):
        path = Path(os.fsdecode(split.files[position]))
        image = read_image(path, len(split.mean))
        image.thumbnail((256, 256))
        return Shown(pixels=np.asarray(image), facts={"file": str(path)})
    return Shown()


def _recording(split: Split, position: int) -> Shown:
    from mixupe.data.speech.waveforms import Waveforms

    if not isinstance(split, Waveforms):
        return Shown()
    rate: int = split.front_end.sample_rate
    return Shown(samples=split.waveforms[position].cpu().numpy(), sample_rate=rate)


def _graph(split: Split, position: int) -> Shown:
    from mixupe.data.graphs.flat import FlatGraphs

    if not isinstance(split, FlatGraphs):
        return Shown()
    nodes, edges = (int(offsets.diff()[position]) for offsets in (split.node_offsets, split.edge_offsets))
    return Shown(facts={"nodes": str(nodes), "edges": str(edges)})


def _row(split: Split, position: int, preparation: Preparation | None) -> Shown:
    from mixupe.data.tabular.encoding import decode
    from mixupe.data.tensors import TensorSplit

    if not isinstance(split, TensorSplit) or preparation is None:
        return Shown()
    facts = decode(split.inputs[position].double().cpu().numpy(), preparation)
    return Shown(facts=dict(list(facts.items())[:MOST_FACTS]))
