"""The perceptron: shapes, and embeddings of categories that interpolate as their one-hot columns do."""

import pytest
import torch

from mixupe.data.base import DataSpec
from mixupe.models.mlp import BlockEmbedding
from mixupe.models.registry import build_model, model_settings

BLOCKS = ((1, 4), (4, 6))
SPEC = DataSpec("tabular", ("a", "b"), (7,), categorical_blocks=BLOCKS)
KEYS = {"name": "mlp", "builder": "mlp", "stages": ["input", "head"]}


def inputs(rows: int = 5) -> torch.Tensor:
    x = torch.zeros(rows, 7)
    x[:, 0], x[:, 6] = torch.randn(rows), torch.randn(rows)
    x[torch.arange(rows), torch.randint(1, 4, (rows,))] = 1
    x[torch.arange(rows), torch.randint(4, 6, (rows,))] = 1
    return x


@pytest.mark.parametrize("categorical", ["onehot", "embedding"])
def test_logits_have_the_shape_of_the_classes(categorical: str) -> None:
    model = build_model(model_settings({**KEYS, "categorical": categorical}), SPEC, seed=0)
    assert model(inputs()).shape == (5, 2)


def test_an_interpolation_is_embedded_as_the_interpolation_of_embeddings() -> None:
    embedding = BlockEmbedding(7, BLOCKS, dim=3)
    x, y = inputs(), inputs()
    torch.testing.assert_close(embedding(0.3 * x + 0.7 * y), 0.3 * embedding(x) + 0.7 * embedding(y))


def test_numbers_pass_through_and_each_category_has_its_vector() -> None:
    embedding = BlockEmbedding(7, BLOCKS, dim=3)
    x = inputs()
    out = embedding(x)
    assert out.shape == (5, embedding.width) == (5, 2 + 2 * 3)
    assert torch.equal(out[:, :2], x[:, [0, 6]])
    first = embedding.embeddings[0].weight
    torch.testing.assert_close(out[:, 2:5], first.T[x[:, 1:4].argmax(1)])  # type: ignore[index]


def test_without_categories_there_is_nothing_to_embed() -> None:
    spec = DataSpec("tabular", ("a", "b"), (7,))
    model = build_model(model_settings({**KEYS, "categorical": "embedding"}), spec, seed=0)
    assert next(name for name, _ in model.named_parameters()) == "layers.0.0.weight"
    assert model(torch.randn(2, 7)).shape == (2, 2)


def test_embeddings_are_sized_by_the_config() -> None:
    settings = model_settings({**KEYS, "categorical": "embedding", "embedding_dim": 5, "hidden": [16]})
    parameters = dict(build_model(settings, SPEC, seed=0).named_parameters())
    assert parameters["embedding.embeddings.0.weight"].shape == (5, 3)
    assert parameters["embedding.embeddings.1.weight"].shape == (5, 2)
    assert parameters["layers.0.0.weight"].shape == (16, 2 + 2 * 5)
