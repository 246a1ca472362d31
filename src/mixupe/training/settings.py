"""Settings of the training loop."""

from typing import Annotated, Literal

from pydantic import Field

from mixupe.settings import PositiveInt, Settings

NOT_IDENTITY = {"identity": False}


class TrainerSettings(Settings):
    """Attributes:
    epochs: passes over the training split.
    batch_size: examples a step.
    precision: float32, or bf16 for bfloat16 autocast (loss and penalty stay in float32).
    channels_last: lay images out with channels last: the same numbers up to rounding, faster convolutions.
    compile: run the model through torch.compile. Needs mixing at the input and no double backward (MixupE v1, v2).
    device: auto takes a GPU where there is one.
    threads: CPU threads of one run. 1 makes a record independent of the machine's core count and leaves the other
        cores to other runs of a sweep.
    checkpoint_every: epochs between checkpoints.
    """

    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2, strict=True)]
    precision: Literal["float32", "bf16"]
    channels_last: Annotated[bool, Field(strict=True, json_schema_extra=NOT_IDENTITY)]
    compile: Annotated[bool, Field(strict=True, json_schema_extra=NOT_IDENTITY)]
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", json_schema_extra=NOT_IDENTITY)]
    threads: Annotated[PositiveInt, Field(json_schema_extra=NOT_IDENTITY)]
    checkpoint_every: Annotated[PositiveInt, Field(json_schema_extra=NOT_IDENTITY)]
