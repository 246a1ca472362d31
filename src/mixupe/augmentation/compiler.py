"""What torch.compile has compiled, and how to refuse from within a step that it is compiling."""

from typing import Any, NoReturn

import torch
from torch import nn


def is_compiled(model: Any) -> bool:
    """Whether calling it runs compiled code: torch.compile of a module or function, or model.compile()."""
    if isinstance(model, nn.Module):
        return "_orig_mod" in model._modules or is_compiled_in_place(model)
    return hasattr(model, "_torchdynamo_orig_callable")


def is_compiled_in_place(model: nn.Module) -> bool:
    """Whether model.compile() was called, so that the model's hooks run inside the compiled code too."""
    return model._compiled_call_impl is not None


def refuse_in_compiled(message: str) -> NoReturn:
    """Raise a ValueError from a step that is being compiled.

    Raised while it is traced, the error would only make torch.compile run the step uncompiled, and go on; so end the
    graph before. With fullgraph=True that is an error of torch's, which quotes the message.
    """
    torch._dynamo.graph_break(msg=message)
    raise ValueError(message)
