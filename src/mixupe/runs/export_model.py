"""A trained model for use without this package: torch.export's program, a plain state dict, and what goes with them."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixupe.data.graphs.flat import GraphBatch
from mixupe.errors import named
from mixupe.files import replacing, write_json
from mixupe.runs.trained import TrainedModel


class _OfTensors(nn.Module):
    """A graph network whose inputs are tensors, as torch.export needs them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor) -> Tensor:
        """Of one graph: logits (1, K)."""
        logits: Tensor = self.model(GraphBatch(x, edge_index, edge_attr, batch, 1))
        return logits


def export_model(trained: TrainedModel, folder: Path) -> list[str]:
    """Write model.pt2 (inputs -> logits, any batch size), state_dict.pt and model.json (classes, shapes, preparation).

    Returns:
        names of the files; without model.pt2 where torch.export does not take the network, as `model.json` then says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spec, settings = trained.file.spec, trained.file.settings
    about: dict[str, Any] = {
        "run": trained.id,
        "classes": list(trained.classes),
        "input_shape": list(spec.input_shape),
        "domain": spec.domain,
        "model": settings.model.model_dump(mode="json"),
        "preparation": _plain(trained.file.preparation),
    }
    with replacing(folder / "state_dict.pt") as partial:
        torch.save(trained.file.weights, partial)
    written = ["state_dict.pt"]
    model, example, shapes = _program_inputs(trained)
    try:
        program = torch.export.export(model, example, dynamic_shapes=shapes)
        with replacing(folder / "model.pt2") as partial, partial.open("wb") as file:
            torch.export.save(program, file)
        written.insert(0, "model.pt2")
    except Exception as error:  # whatever torch does not take, the weights are there
        about["not_exported"] = named(error)
    write_json(folder / "model.json", about)
    return [*written, "model.json"]


def _program_inputs(trained: TrainedModel) -> tuple[nn.Module, tuple[Any, ...], tuple[Any, ...]]:
    spec = trained.file.spec
    if spec.domain != "graphs":
        batch = torch.export.Dim("batch", min=1, max=2**16)
        return trained.model, (torch.randn(2, *spec.input_shape),), ({0: batch},)
    nodes, edges = torch.export.Dim("nodes", min=2, max=2**20), torch.export.Dim("edges", min=2, max=2**24)
    index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    edge_attr = torch.zeros(4, spec.edge_features) if spec.edge_features else None
    example = (torch.zeros(3, *spec.input_shape), index, edge_attr, torch.zeros(3, dtype=torch.int64))
    return (
        _OfTensors(trained.model),
        example,
        ({0: nodes}, {1: edges}, None if edge_attr is None else {0: edges}, {0: nodes}),
    )


def _plain(value: Any) -> Any:
    """With lists for tensors and tuples, for JSON."""
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
