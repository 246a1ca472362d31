"""bfloat16 is for processors that compute with it; on others it is emulated, right and slow."""

import torch


def slow_bf16(device: torch.device) -> str | None:
    """How bf16 compares with float32 on a device that has to emulate it, in words; None where it computes bf16 itself.

    The estimates are of a PreActResNet-18 of width 16, one thread: bf16 takes 8 to 12 times as long as float32 with
    AVX2, 2.5 times with AVX-512 alone.
    """
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return None
        return f"slower than float32 on this GPU ({torch.cuda.get_device_name(device)})"
    capability = torch.backends.cpu.get_cpu_capability()
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return f"about 10 times slower than float32 on this CPU ({capability})"
    if capability == "AVX512" and not torch.cpu._is_avx512_bf16_supported():
        return f"about 2.5 times slower than float32 on this CPU ({capability} without BF16)"
    return None
