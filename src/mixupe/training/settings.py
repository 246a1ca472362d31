"""Settings of the training loop."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from mixupe.settings import Device, Fraction, NonNegativeFloat, PositiveFloat, PositiveInt, Settings

NOT_IDENTITY = {"identity": False}


def _auto_or_count(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("must be auto or a whole number >= 1")


class TrainerSettings(Settings):
    """How a run is trained, whatever its data, model and method.

    Attributes:
        epochs: passes over the training split.
        batch_size: examples a step.
        accumulate: micro-batches each batch is cut into: less memory, gradients are averaged. To the method each is a
            batch, with a lam and a permutation of its own. Up to so many processes (torchrun) can share a run.
        ema: decay of an exponential moving average of the weights, applied at every step; validated and tested in their
            place. null averages nothing.
        criterion: cross_entropy, or bce_softmax, binary cross-entropy on the softmax, which the authors' public code
            trains its baselines with; validation and test always report cross-entropy.
        class_weights: one weight a class, in the order of the classes, or balanced, n / (K n_k) of the training split;
            they multiply cross-entropy, whose mean over a batch divides by its size. null weighs all alike.
        label_smoothing: share of each target that is spread over all classes; for cross_entropy, as class_weights.
        clip_grad_norm: largest norm of a step's gradient, over all weights; a larger one is scaled down. null clips
            nothing.
        precision: float32, or bf16 for bfloat16 autocast (loss and penalty stay in float32). Faster where the processor
            computes bf16 itself (AVX512-BF16, AMX, GPUs), elsewhere many times slower, which is said before the run
            starts.
        channels_last: lay images out with channels last: the same numbers up to rounding, faster convolutions.
        compile: run the model through torch.compile. Needs mixing at the input and no double backward (MixupE's exact,
            v1, v2).
        device: auto takes a GPU where there is one.
        threads: CPU threads of one run. 1 makes a record independent of the machine's core count and leaves the other
            cores to other runs of a sweep.
        checkpoint_every: epochs between checkpoints.
        stack: runs of a sweep that are trained at once, where they differ in seed (not on graphs), alpha and eta alone
            and the model allows; each has the record of its single run up to rounding. 1 trains every run alone, auto
            as many at once as pays.
        deformations: test on turned, sheared and zoomed images too (evaluation.deformations): metrics such as
            test_error_rotation_20, of the best-validation epoch. For images held in memory.
    """

    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2, strict=True)]
    precision: Literal["float32", "bf16"]
    channels_last: Annotated[bool, Field(strict=True, json_schema_extra=NOT_IDENTITY)]
    compile: Annotated[bool, Field(strict=True, json_schema_extra=NOT_IDENTITY)]
    device: Annotated[Device, Field(json_schema_extra=NOT_IDENTITY)]
    threads: Annotated[PositiveInt, Field(json_schema_extra=NOT_IDENTITY)]
    checkpoint_every: Annotated[PositiveInt, Field(json_schema_extra=NOT_IDENTITY)]
    stack: Annotated[
        int | Literal["auto"],
        PlainValidator(_auto_or_count, json_schema_input_type=PositiveInt | Literal["auto"]),
        Field(json_schema_extra=NOT_IDENTITY),
    ] = 1
    accumulate: Annotated[PositiveInt, Field(json_schema_extra={"identity_default": 1})] = 1
    criterion: Annotated[
        Literal["cross_entropy", "bce_softmax"], Field(json_schema_extra={"identity_default": "cross_entropy"})
    ] = "cross_entropy"
    class_weights: Annotated[
        Literal["balanced"] | tuple[NonNegativeFloat, ...] | None, Field(json_schema_extra={"identity_default": None})
    ] = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1, json_schema_extra={"identity_default": 0.0})] = 0.0
    clip_grad_norm: Annotated[PositiveFloat | None, Field(json_schema_extra={"identity_default": None})] = None
    ema: Annotated[Fraction | None, Field(json_schema_extra={"identity_default": None})] = None
    deformations: Annotated[bool, Field(strict=True, json_schema_extra={"identity_default": False})] = False

    @field_validator("accumulate")
    @classmethod
    def _two_to_mix(cls, accumulate: int, others: ValidationInfo) -> int:
        batch_size = others.data.get("batch_size")
        if batch_size is not None and batch_size < 2 * accumulate:
            raise ValueError(
                f"must be at most {batch_size // 2} with batch_size {batch_size}, for 2 examples to mix a micro-batch"
            )
        return accumulate

    @field_validator("class_weights", "label_smoothing")
    @classmethod
    def _of_cross_entropy(cls, value: object, others: ValidationInfo) -> object:
        if value and others.data.get("criterion", "cross_entropy") != "cross_entropy":
            raise ValueError("is for criterion cross_entropy")
        if isinstance(value, tuple) and not any(value):
            raise ValueError("must not all be 0")
        return value
