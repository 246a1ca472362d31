"""scikit-learn's handwritten digits: 1,797 grey images of 8x8, 10 classes; ships with scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.images.settings import ImageSettings
from mixupe.data.images.tensor_images import image_bundle
from mixupe.data.splits import Examples


def load(config: ImageSettings, request: DataRequest) -> DataBundle:
    data = load_digits()
    # Stored as 0 to 16; times 15 uses the range of uint8 without rounding.
    pixels = (data.images[:, None] * 15).astype(np.uint8)
    examples = Examples(labels=data.target.astype(np.int64), class_names=tuple(str(digit) for digit in range(10)))
    return image_bundle(pixels, examples, config, request)
