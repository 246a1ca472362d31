"""Every domain with every method: two epochs lower the training loss, and a run that is killed and stopped on the way ends
as if nothing had happened."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.metrics_log import MetricsLog
from mixupe.experiment.run import request_run
from mixupe.experiment.settings import RunSettings
from mixupe.experiment.store import RunFolder, RunStore
from tests.disturb import after_step, get, killed
from tests.same import assert_same_runs, comparable
from tests.tiny_sets import tiny_sets

AUGMENTATIONS = {
    "none": ["augmentation=none"],
    "mixup": ["augmentation=mixup", "augmentation.alpha=0.2"],
    "manifold_mixup": ["augmentation=manifold_mixup", "augmentation.alpha=0.2"],
    "mixupe-v1": ["augmentation=mixupe", "augmentation.alpha=0.2", "augmentation.variant=v1"],
    "mixupe-v2": ["augmentation=mixupe", "augmentation.alpha=0.2", "augmentation.variant=v2"],
    "mixupe-v3": ["augmentation=mixupe", "augmentation.alpha=0.2", "augmentation.variant=v3"],
    "mixupe-exact": ["augmentation=mixupe", "augmentation.alpha=0.2", "augmentation.variant=exact"],
    "mixupe": ["augmentation=mixupe", "augmentation.alpha=0.2"],
    "erm_penalty": ["augmentation=erm_penalty", "augmentation.alpha=0.2"],
    "regmixup": ["augmentation=regmixup", "augmentation.alpha=0.2"],
    "mixup_smoothing": ["augmentation=mixup_smoothing", "augmentation.alpha=0.2"],
    "input_mixup": ["augmentation=input_mixup", "augmentation.alpha=0.2"],
    "noisy_feature_mixup": ["augmentation=noisy_feature_mixup", "augmentation.alpha=0.2"],
    "feat_mix": ["augmentation=feat_mix", "augmentation.alpha=0.2"],
    "k_mixup": ["augmentation=k_mixup", "augmentation.alpha=0.2"],
    "cutmix": ["augmentation=cutmix", "augmentation.alpha=0.2"],
    "cutout": ["augmentation=cutout", "augmentation.side=0.25"],
    "spec_augment": ["augmentation=spec_augment"],
}
ALL = ("images", "tabular", "speech", "graphs")
# Of the variants that share a mechanism, one is tried in every domain.
TABULAR_ALONE = (
    "mixupe-v1",
    "mixupe-v2",
    "mixupe-v3",
    "erm_penalty",
    "mixup_smoothing",
    "input_mixup",
    "feat_mix",
    "k_mixup",
)
ELSEWHERE = {"cutmix": ("images", "speech"), "cutout": ("images",), "spec_augment": ("speech",)}
CELLS = [
    (domain, augmentation)
    for domain in ALL
    for augmentation in AUGMENTATIONS
    if domain in ELSEWHERE.get(augmentation, ("tabular",) if augmentation in TABULAR_ALONE else ALL)
]


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with hydra_initialised():
        yield


@pytest.mark.parametrize(("domain", "augmentation"), CELLS)
def test_a_run_killed_and_stopped_at_any_step_is_an_undisturbed_run(
    tmp_path: Path, domain: str, augmentation: str
) -> None:
    chosen = [*tiny_sets(tmp_path)[domain], *AUGMENTATIONS[augmentation]]

    def settings(output: str) -> RunSettings:
        common = ["trainer.epochs=2", "trainer.device=cpu", "logger=none", "scheduler.warmup=0"]
        places = [f"data.root={tmp_path}/data", f"output_root={tmp_path / output}"]
        return compose_settings([*chosen, *common, *places])

    def folder(output: str) -> RunFolder:
        return RunStore(tmp_path / output).folder(run_id(settings(output)))

    whole = request_run(settings("whole"))
    assert whole.state == "DONE", whole.reason
    assert whole.record is not None
    rows = MetricsLog(folder("whole").metrics).rows()
    assert rows[1]["train_loss"] < rows[0]["train_loss"]

    draw = random.Random(f"{domain} {augmentation}")
    batch = settings("whole").trainer.batch_size
    per_epoch = -(-whole.record["examples"]["train"] // batch)
    kill_at = draw.randint(1, 2 * per_epoch - 1)
    killed(settings("disturbed"), kill_at)
    assert folder("disturbed").state() == "INTERRUPTED"

    left = 2 * per_epoch - kill_at // per_epoch * per_epoch  # the epoch that was not whole is lost
    with after_step(draw.randint(1, left), get(signal.SIGTERM)):
        stopped = request_run(settings("disturbed"))
    assert stopped.state == folder("disturbed").state() == "INTERRUPTED", stopped.reason
    assert "SIGTERM in epoch" in stopped.reason

    resumed = request_run(settings("disturbed"))
    assert resumed.record is not None, resumed.reason
    assert comparable(resumed.record) == comparable(whole.record)
    assert_same_runs(folder("disturbed"), folder("whole"))
