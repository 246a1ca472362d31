"""What a benchmark ran on."""

import os
from typing import Any

import torch

from mixupe.experiment.record import hardware


def available_cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def instruction_sets() -> list[str]:
    """What torch computes with on this CPU, the best last: `AVX2`, or `AVX512`, `AVX512_BF16`, `AMX`, ..."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability != "AVX512":
        return [capability]
    bf16 = ["AVX512_BF16"] if torch.cpu._is_avx512_bf16_supported() else []
    return [capability, *bf16, *(["AMX"] if torch.cpu._is_amx_tile_supported() else [])]


def switches() -> dict[str, str]:
    """Environment variables that keep torch and oneDNN from what the CPU can do."""
    return {name: os.environ[name] for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA") if name in os.environ}


def kind(device: torch.device) -> str:
    """What figures depend on most: `cuda`, or `cpu` with its best instruction set, such as `cpu-amx`."""
    best = os.environ.get("ONEDNN_MAX_CPU_ISA", instruction_sets()[-1])
    return device.type if device.type != "cpu" else f"cpu-{best.lower()}"


def machine(device: torch.device) -> dict[str, Any]:
    """Names of CPU and GPU, cores, threads, instruction sets, operating system; the GPU's memory in GB."""
    cpu = hardware(torch.device("cpu"))
    facts = {"cpu": cpu["name"], "cores": available_cores(), "threads": cpu["threads"], "platform": cpu["platform"]}
    facts["instructions"] = instruction_sets()
    facts["switches"] = switches()
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        facts["gpu"] = properties.name
        facts["gpu_memory_gb"] = round(properties.total_memory / 1e9, 1)
        facts["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return facts
