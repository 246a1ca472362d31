"""Which processors compute bf16 themselves."""

import pytest
import torch

from mixupe.training.precision import slow_bf16

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def machine(monkeypatch: pytest.MonkeyPatch, capability: str, supported: bool, avx512_bf16: bool) -> None:
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: avx512_bf16)


@pytest.mark.parametrize(
    ("capability", "supported", "avx512_bf16", "slow"),
    [
        ("AVX512", True, True, None),
        ("AVX2", True, False, None),  # AVX2 with VNNI2, of later Intel CPUs
        ("AVX512", True, False, "about 2.5 times slower than float32 on this CPU (AVX512 without BF16)"),
        ("AVX2", False, False, "about 10 times slower than float32 on this CPU (AVX2)"),
    ],
)
def test_cpus(
    monkeypatch: pytest.MonkeyPatch, capability: str, supported: bool, avx512_bf16: bool, slow: str | None
) -> None:
    machine(monkeypatch, capability, supported, avx512_bf16)
    assert slow_bf16(CPU) == slow


@pytest.mark.parametrize("native", [True, False])
def test_gpus_are_asked(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: native or including_emulation)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _device: "Tesla T4")
    assert slow_bf16(GPU) == (None if native else "slower than float32 on this GPU (Tesla T4)")


def test_this_cpu_is_asked_by_the_names_that_torch_has() -> None:
    slow = slow_bf16(CPU)
    assert slow is None or torch.backends.cpu.get_cpu_capability() in slow
