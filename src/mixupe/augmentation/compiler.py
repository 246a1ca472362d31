"""What torch.compile has compiled, and how to refuse from within a step that it is compiling."""

from typing import Any, NoReturn

import torch


def is_compiled(model: Any) -> bool:
    """Whether calling it runs compiled code: torch.compile(model), or model.compile()."""
    return hasattr(model, "_torchdynamo_orig_callable") or is_compiled_in_place(model)


def is_compiled_in_place(model: Any) -> bool:
    """Whether model.compile() was called, so that the model's hooks run inside the compiled code too."""
    return getattr(model, "_compiled_call_impl", None) is not None


def refuse_in_compiled(message: str) -> NoReturn:
    """Raise a ValueError from a step that is being compiled.

    Raised while it is traced, the error would only make torch.compile run the step uncompiled, and go on; so end the
    graph before. With fullgraph=True that is an error of torch's, which quotes the message.
    """
    torch._dynamo.graph_break(msg=message)
    raise ValueError(message)
