"""`benchmark.py step`: one optimizer step on a batch that is ready on the device."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

import torch

from benchmarks.contestants import textbook_mixupe_step
from benchmarks.nets import TEXTBOOK, Net, Setup, batch_size, has_bf16, random_batch, recommended, width
from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.timing import interleaved, medians, ratio, timed
from mixupe import Mixup, MixupE
from mixupe.augmentation.config import Augmentation

# The published command's.
ALPHA, ETA = 2.0, 0.001
# In the comparison of the clean passes: every contestant takes so many steps, of which every fourth has the penalty.
PENALTY_EVERY = 4
# Channels of a network narrow enough for CPUs: at 64 a step is arithmetic alone, and float32 has its processor's speed.
NARROW = 16


def measure(options: Options, report: Report) -> None:
    """MixupE's step against a textbook's, and what MixupE costs beside mixup."""
    _against_textbook(options, report)
    if not options.on_gpu:
        _narrow(options, report)
    _clean_passes(options, report, Net(options, recommended(options)))


def _sizes(options: Options, channels: int | None = None) -> str:
    return f"PreActResNet-18 width {channels or width(options)}, batch {batch_size(options)}"


def _step(net: Net, method: Augmentation, x: torch.Tensor, y: torch.Tensor, draws: torch.Generator) -> None:
    """A step of a user's own loop with our method: what README.md shows."""
    with net.autocast():
        loss = method(net.forward, x, y, generator=draws).loss
    net.learn(loss)


def _in_each_way(precisions: tuple[bool, ...]) -> list[Setup]:
    return [Setup(bf16, last, compile=False, fused=True) for bf16 in precisions for last in (False, True)]


def _against_textbook(options: Options, report: Report) -> None:
    """On a CPU in both layouts, and in both precisions where it has both; on a GPU as recommended."""
    on_cpu = _in_each_way((False, True) if has_bf16(options) else (False,))
    times, steps = _contest("step: textbook and ours", options, [recommended(options)] if options.on_gpu else on_cpu)
    _report_best("step_vs_textbook", times, _sizes(options), report, steps)
    if options.on_gpu or not has_bf16(options):
        report.leave_out(
            "step_bf16", "of CPUs with instructions for it; step_vs_textbook and step_float32 have the times"
        )
    else:
        bf16 = {name: spent for name, spent in times.items() if name == "textbook" or "bf16" in name}
        _report_best("step_bf16", bf16, _sizes(options), report, steps)


def _narrow(options: Options, report: Report) -> None:
    """All precisions and layouts, whatever the CPU has; for float32 also compiled, and with the two passes as one."""
    channels = options.size(cpu=NARROW, gpu=NARROW, quick=2)
    setups = _in_each_way((False, True))
    fast = Setup(bf16=False, channels_last=True, compile=False, fused=True)
    if shutil.which("c++") is not None and not options.quick:  # what torch.compile needs on a CPU
        setups.append(Setup(bf16=False, channels_last=True, compile=True, fused=True))
    times, steps = _contest("step: narrow network", options, setups, channels, joint=fast)
    float32 = {name: spent for name, spent in times.items() if "bf16" not in name}
    _report_best("step_float32", float32, _sizes(options, channels), report, steps, beside=times)


def _contest(
    title: str, options: Options, setups: list[Setup], channels: int | None = None, joint: Setup | None = None
) -> tuple[dict[str, list[float]], int]:
    """Seconds of `textbook` and of our step by setup, and how many steps they are of; `joint` with one pass for two."""
    steps = options.size(cpu=1, gpu=30, quick=1)
    textbook = Net(options, TEXTBOOK, channels)
    plain = random_batch(options, TEXTBOOK)
    jobs: dict[str, Callable[[], object]] = {"textbook": partial(textbook_mixupe_step, textbook, *plain, ALPHA, ETA)}
    for setup in setups:
        jobs[str(setup)] = _job(options, setup, channels, MixupE(ALPHA, ETA))
    if joint is not None:
        jobs[f"{joint}, joint"] = _job(options, joint, channels, MixupE(ALPHA, ETA, clean_pass="joint"))
    contestants = {name: timed(job, options.device, times=steps) for name, job in jobs.items()}
    return interleaved(title, contestants, options), steps


def _job(options: Options, setup: Setup, channels: int | None, method: MixupE) -> partial[None]:
    draws = torch.Generator().manual_seed(0)
    return partial(_step, Net(options, setup, channels), method, *random_batch(options, setup), draws)


def _report_best(
    key: str,
    times: Mapping[str, list[float]],
    sizes: str,
    report: Report,
    steps: int,
    beside: Mapping[str, list[float]] | None = None,
) -> None:
    """The fastest of our ways against the textbook, with the times of all (or those of `beside`)."""
    best = min((name for name in times if name != "textbook"), key=lambda name: median(times[name]))
    measured = ratio(times["textbook"], times[best])
    report.add(key, measured, f"{sizes}; ours {best}", medians(beside or times, steps))


def _clean_passes(options: Options, report: Report, net: Net) -> None:
    steps = PENALTY_EVERY * options.size(cpu=1, gpu=10, quick=1)
    x, y = random_batch(options, net.setup)
    draws = torch.Generator().manual_seed(0)
    methods: dict[str, Augmentation] = {
        "mixup": Mixup(ALPHA),
        "clean_pass_separate": MixupE(ALPHA, ETA),
        "clean_pass_joint": MixupE(ALPHA, ETA, clean_pass="joint"),
        "penalty_every_4": MixupE(ALPHA, ETA, penalty_every=PENALTY_EVERY),
    }

    contestants = {
        name: timed(partial(_step, net, method, x, y, draws), options.device, times=steps)
        for name, method in methods.items()
    }
    times = interleaved("step: mixup and MixupE", contestants, options)
    for name in methods:
        if name != "mixup":
            how = f"{_sizes(options)}; ours {net.setup}"
            report.add(name, ratio(times[name], times["mixup"]), how, medians(times, steps))
