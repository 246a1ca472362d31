"""Settings of image sets, apart from what loads them, which needs torch."""

from typing import Literal

from pydantic import Field

from mixupe.data.base import CopyPath, DatasetSettings, OwnPath, Sha256
from mixupe.settings import Fraction, NonNegativeInt, PositiveInt


class ImageSettings(DatasetSettings):
    """Keys of every in-memory image set.

    Attributes:
        crop_padding: pixels of zero padding for a random crop back to the image's size; 0 crops nothing.
        flip: mirror half of the training images left to right.
    """

    crop_padding: NonNegativeInt = 0
    flip: bool = Field(default=False, strict=True)


class StreamingSettings(DatasetSettings):
    """Keys of every image set that can be streamed.

    Attributes:
        image_size: side of the square the model sees.
        flip: mirror half of the training images left to right.
        workers: processes that decode images; 0 decodes in the training process. Changes no result.
    """

    image_size: PositiveInt = 224
    flip: bool = Field(default=True, strict=True)
    workers: NonNegativeInt = Field(default=4, json_schema_extra={"identity": False})


Vendor = Literal["google", "twitter"]


class Emoji(ImageSettings):
    """Keys of the emoji.

    Attributes:
        vendor: whose drawings to train and validate on.
        test_vendor: whose drawings to test on, at the same emoji; None means vendor's.
    """

    vendor: Vendor = "google"
    test_vendor: Vendor | None = None


class ImageFolder(ImageSettings, StreamingSettings):
    """Keys of a user's own images.

    Attributes:
        path: the folder.
        image_size: side of the square the model sees: the shorter side is scaled to it, the middle is kept.
        channels: 1 converts to grey, 3 to RGB.
        in_memory: whether all images are decoded once, and training ones cropped by `crop_padding`; otherwise they are
            decoded as they are needed, and training ones get random resized crops. auto: up to 2 GiB are kept in memory.
    """

    path: OwnPath
    image_size: PositiveInt = 32
    channels: Literal[1, 3] = 3
    in_memory: Literal["auto"] | bool = "auto"


class ImageNet(StreamingSettings):
    """Keys of ImageNet.

    Attributes:
        path: folder with the archives or with what was unpacked from them; None means `imagenet` below data.root.
    """

    path: CopyPath = None
    test_fraction: Fraction | None = None


class ReducedCIFAR(ImageSettings):
    """Keys of the reduced CIFAR sets.

    Attributes:
        torchvision_name: the full set.
        per_class: training images of each class.
        content_sha256: of the chosen images; others are refused.
        path: folder or archive with {train,test}/<class>/*.webp (or .png), lossless; the full set or the reduced one. null
            takes the full set below data.root, through torchvision.
    """

    torchvision_name: Literal["CIFAR10", "CIFAR100"]
    per_class: PositiveInt
    content_sha256: Sha256
    path: CopyPath = None
    test_fraction: None = None


class TinyImageNet(ImageSettings):
    test_fraction: Fraction | None = None


SetName = Literal["CIFAR10", "CIFAR100", "SVHN", "MNIST", "FashionMNIST"]


class TorchvisionSet(ImageSettings):
    """Keys of the sets that torchvision brings.

    Attributes:
        torchvision_name: class in torchvision.datasets.
    """

    torchvision_name: SetName
    test_fraction: Fraction | None = None


# By key of mixupe.data.registry.LOADERS.
SETTINGS: dict[str, type[DatasetSettings]] = {
    "images.digits": ImageSettings,
    "images.emoji": Emoji,
    "images.image_folder": ImageFolder,
    "images.imagenet": ImageNet,
    "images.reduced_cifar": ReducedCIFAR,
    "images.tiny_imagenet": TinyImageNet,
    "images.torchvision_sets": TorchvisionSet,
}
