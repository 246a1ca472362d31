"""The paper's Figure 2: how negative mixup's first-order term is during training, step by step.

    python scripts/figure2.py                                   PreActResNet-18 and -50 on CIFAR-10, as in Table 1
    python scripts/figure2.py model=preactresnet18 model.width=8 trainer.epochs=5 dataset.train_size=5000 --every 5

Trains with mixup (or augmentation=...) and notes, every so many steps, the least alpha_ij over the batch's examples and
classes (src/mixupe/evaluation/directional.py); below 0, plain mixup makes that class's gradient longer. Several models, as
any other grid, with commas. Writes results/figure2/alpha.csv and alpha.png; a run that was stopped goes on.
Exit status: 0, or 2 for a bad command line.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupe.augmentation.config import build_augmentation
from mixupe.command_line import Parser, exit_status
from mixupe.console import say
from mixupe.errors import UserError
from mixupe.evaluation.directional import AlphaTrace
from mixupe.experiment.compose import compose_settings, expand_grid, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.prepare import load_data
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.titles import title_of
from mixupe.files import write_text
from mixupe.models.registry import build_model
from mixupe.places import RESULTS
from mixupe.tables.escape import csv_text
from mixupe.tables.pictures.canvas import Panel, compose, ordered_style, write_figures
from mixupe.training.criterion import build_criterion
from mixupe.training.trainer import Trainer

DEFAULTS = (
    *("dataset=cifar10", "model=preactresnet18,preactresnet50", "augmentation=mixup", "augmentation.alpha=1"),
    *("trainer.epochs=200", "scheduler=step", "scheduler.milestones=[0.5,0.75]", "scheduler.warmup=0"),
    *("optimizer=sgd", "optimizer.nesterov=false"),
)


@exit_status
def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="as of scripts/train.py, after the figure's own"
    )
    parser.add_argument("--every", type=int, default=10, help="steps between two notes [10]")
    parser.add_argument("--results", type=Path, default=RESULTS / "figure2", help="folder of the two files")
    options = parser.parse_args(arguments)
    if options.every < 1:
        raise UserError(f"--every: must be a whole number >= 1, got {options.every}")
    given = {override.partition("=")[0] for override in options.overrides}
    defaults = [default for default in DEFAULTS if not given & {default.partition("=")[0], default.partition(".")[0]}]
    with hydra_initialised():
        runs = [compose_settings(point) for point in expand_grid([*defaults, *options.overrides])]
    frame = pd.concat([_trace(settings, options.every) for settings in runs])
    options.results.mkdir(parents=True, exist_ok=True)
    write_text(options.results / "alpha.csv", csv_text(frame))
    write_figures([_figure(frame)], options.results, "alpha")
    say(f"Written to {options.results}: alpha.csv, alpha.png")


def _trace(settings: RunSettings, every: int) -> pd.DataFrame:
    """One row a noted step."""
    data = load_data(settings)
    mean = data.train.mean_input()
    if mean is None:
        raise UserError(f"dataset: {settings.dataset.name} has no mean input; images, tables and recordings have")
    model = build_model(settings.model, data.spec, settings.seed)
    method = build_augmentation(settings.augmentation, mean, build_criterion(settings.trainer, data), data)
    trace = AlphaTrace(method, mean, every)
    folder = settings.output_root / "figure2" / f"{run_id(settings)}-{every}"
    folder.mkdir(parents=True, exist_ok=True)
    # As many epochs are trained as are asked for, but nothing is tested.
    trainer = Trainer(
        *(model, trace, replace(data, test=data.validation), settings.trainer, settings.optimizer, settings.scheduler),
        *(settings.seed, folder / "checkpoint.pt"),
    )
    name = title_of(settings)
    trainer.fit(
        lambda epoch, _: say(f"{name}: epoch {epoch}, least alpha so far {min(trace.least, key=_value)[1]:.3f}")
    )
    return pd.DataFrame(trace.least, columns=["step", "least_alpha"]).assign(
        dataset=settings.dataset.name,
        model=settings.model.name,
        augmentation=settings.augmentation.name,
        seed=settings.seed,
        steps_per_epoch=trainer.steps_per_epoch,
    )


def _value(note: tuple[int, float]) -> float:
    return note[1]


def _figure(frame: pd.DataFrame) -> Figure:
    runs = list(frame.groupby(["dataset", "model", "augmentation", "seed"], sort=False))
    styles = {"{} {}, {}, seed {}".format(*names): ordered_style(number) for number, (names, _) in enumerate(runs)}

    def draw(axis: Axes) -> None:
        for style, (_, rows) in zip(styles.values(), runs, strict=True):
            axis.plot(rows["step"], rows["least_alpha"], style.line, color=style.color, linewidth=1)
        axis.axhline(0, color="black", linewidth=0.8)

    return compose(
        "Sign of mixup's first-order term",
        [[Panel(draw, x="step", y="least alpha over examples and classes", grid="both")]],
        (7.5, 4.0),
        "alpha = (softmax - label) times the cosine between the logit's gradient and the direction to the mean input, the"
        " least over the batch and the classes. Below 0 plain mixup makes that gradient longer.",
        styles,
    )


if __name__ == "__main__":
    sys.exit(main())
