"""MixupE in Hugging Face's Trainer: text, mixed after the embedding, and images: python examples/huggingface_trainer.py"""

import tempfile
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
    ViTConfig,
    ViTForImageClassification,
)

from mixupe import MixupE

Batch = dict[str, Tensor]


def both_masks(batch: Batch, perm: Tensor) -> Batch:
    """A mixed text is as long as the longer of its two."""
    mask = batch.get("attention_mask")
    return batch if mask is None else {**batch, "attention_mask": mask | mask[perm]}


class MixupETrainer(Trainer):
    def __init__(self, mixupe: MixupE, **others: Any) -> None:
        super().__init__(**others)
        self.mixupe = mixupe
        # The loss is a mean over the batch; else Trainer would not divide it by the steps of gradient accumulation.
        self.model_accepts_loss_kwargs = False

    def compute_loss(self, model: nn.Module, inputs: Batch, return_outputs: bool = False, **others: Any) -> Any:
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, **others)
        batch = {name: value for name, value in inputs.items() if name != "labels"}
        y = inputs["labels"]
        if self.mixupe.mix_at == "input":
            result = self.mixupe(model, batch["pixel_values"], y, forward=lambda model, v: model(pixel_values=v))
        else:
            result = self.mixupe(model, batch, y, forward=lambda model, b: model(**b), merge=both_masks)
        return (result.loss, {"logits": result.logits}) if return_outputs else result.loss


def texts(count: int) -> list[Batch]:
    """Of 4 to 12 words, of which class 1 has word 7 as the first."""
    examples = []
    for number in range(count):
        mask = (torch.arange(12) < torch.randint(4, 13, ())).long()
        words = torch.randint(8, 50, (12,)) * mask
        words[0] = 6 + number % 2
        examples.append({"input_ids": words, "attention_mask": mask, "labels": torch.tensor(number % 2)})
    return examples


def images(count: int) -> list[Batch]:
    """Noise, brighter in class 1."""
    return [
        {"pixel_values": torch.randn(1, 8, 8) + number % 2, "labels": torch.tensor(number % 2)}
        for number in range(count)
    ]


torch.manual_seed(0)
size: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
bert = BertForSequenceClassification(BertConfig(vocab_size=50, num_labels=2, **size))
vit = ViTForImageClassification(ViTConfig(image_size=8, patch_size=4, num_channels=1, num_labels=2, **size))
for model, make, mixupe in (
    (bert, texts, MixupE(mix_at="bert.embeddings.LayerNorm")),
    (vit, images, MixupE()),
):
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=4, per_device_train_batch_size=32, gradient_accumulation_steps=2, learning_rate=0.005,
            report_to=[], save_strategy="no", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        trainer = MixupETrainer(mixupe, model=model, args=arguments, train_dataset=make(640))
        trainer.train()
        found = trainer.predict(make(200))
    accuracy = (found.predictions.argmax(1) == found.label_ids).mean()
    print(f"accuracy {accuracy:.3f}")
