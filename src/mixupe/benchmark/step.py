"""`benchmark.py step`: one optimizer step on a batch that is ready on the device."""

from functools import partial

import torch

from mixupe import Mixup, MixupE
from mixupe.augmentation.config import Augmentation
from mixupe.benchmark.contestants import textbook_mixupe_step
from mixupe.benchmark.nets import TEXTBOOK, Net, Setup, batch_size, random_batch, recommended, width
from mixupe.benchmark.options import Options
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import interleaved, medians, ratio, timed

# The published command's.
ALPHA, ETA = 2.0, 0.001
# In the comparison of the clean passes: every contestant takes so many steps, of which every fourth has the penalty.
PENALTY_EVERY = 4


def measure(options: Options, report: Report) -> None:
    """MixupE's step against a textbook's, and what MixupE costs beside mixup."""
    setup = recommended(options)
    net = Net(options, setup)
    _against_textbook(options, report, net)
    _clean_passes(options, report, net)


def _sizes(options: Options, setup: Setup) -> str:
    return f"PreActResNet-18 width {width(options)}, batch {batch_size(options)}; ours {setup}"


def _step(net: Net, method: Augmentation, x: torch.Tensor, y: torch.Tensor, draws: torch.Generator) -> None:
    """A step of a user's own loop with our method: what README.md shows."""
    with net.autocast():
        loss = method(net.forward, x, y, generator=draws).loss
    net.learn(loss)


def _against_textbook(options: Options, report: Report, net: Net) -> None:
    steps = options.size(cpu=1, gpu=30, quick=1)
    textbook = Net(options, TEXTBOOK)
    method, draws = MixupE(ALPHA, ETA), torch.Generator().manual_seed(0)
    x, y = random_batch(options, net.setup)
    plain_x, plain_y = random_batch(options, TEXTBOOK)
    contestants = {
        "textbook": timed(
            lambda: textbook_mixupe_step(textbook, plain_x, plain_y, ALPHA, ETA), options.device, times=steps
        ),
        "ours": timed(lambda: _step(net, method, x, y, draws), options.device, times=steps),
    }
    times = interleaved("step: textbook and ours", contestants, options)
    how = _sizes(options, net.setup)
    report.add("step_vs_textbook", ratio(times["textbook"], times["ours"]), how, medians(times, steps))


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
            how = _sizes(options, net.setup)
            report.add(name, ratio(times[name], times["mixup"]), how, medians(times, steps))
