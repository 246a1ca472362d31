"""What a benchmark ran on."""

import os
from typing import Any

import torch

from mixupe.experiment.record import hardware


def available_cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine(device: torch.device) -> dict[str, Any]:
    """Names of CPU and GPU, cores, threads, operating system; the GPU's memory in GB."""
    cpu = hardware(torch.device("cpu"))
    facts = {"cpu": cpu["name"], "cores": available_cores(), "threads": cpu["threads"], "platform": cpu["platform"]}
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        facts["gpu"] = properties.name
        facts["gpu_memory_gb"] = round(properties.total_memory / 1e9, 1)
        facts["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return facts
