"""Many small runs under fire: nothing is lost, nothing is done twice, nothing is left lying about, nothing grows."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.run import request_run
from mixupe.experiment.sweep import run_sweep
from tests.same import comparable
from tests.scripts.test_kills import JOBLIB, Start, ended, kill_all, records, running, states
from tests.scripts.test_kills import start as start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

GOOD, DIVERGING, VICTIMS = 190, 10, 20
EPOCHS = 30
SGD = ["optimizer=sgd"]
TABLE = {
    "name": "toy",
    "title": "Toy",
    "seeds": [0],
    "augmentations": {"mixup": []},
    "cells": [
        {"dataset": "tabular/iris", "overrides": SGD, "seeds": list(range(GOOD))},
        {"dataset": "tabular/iris", "overrides": [*SGD, "optimizer.lr=1e30"], "seeds": list(range(DIVERGING))},
    ],
}


@pytest.mark.parametrize("start", [TABLE], indirect=True)
def test_two_hundred_runs_of_which_twenty_are_killed(start: Start, tmp_path: Path) -> None:
    root = tmp_path / "soaked"
    draw = random.Random(0)
    hit: set[str] = set()
    process = start("soaked", *JOBLIB, f"trainer.epochs={EPOCHS}")
    while process.poll() is None or "INTERRUPTED" in states(root) or len(states(root)) < GOOD + DIVERGING:
        if process.poll() is not None:
            process = start("soaked", *JOBLIB, f"trainer.epochs={EPOCHS}")
        time.sleep(draw.uniform(0.05, 0.4))
        at_work = running(root)
        # No run is killed twice: those killed are begun again first, and would never come to their end.
        spared = {run: pid for run, pid in at_work.items() if run not in hit}
        if len(hit) >= VICTIMS or not spared or process.poll() is not None:
            continue
        if draw.random() < 0.7:  # the launcher then starts its workers again
            with suppress(ProcessLookupError):
                os.kill(draw.choice(list(spared.values())), signal.SIGKILL)
        else:
            kill_all(process, root)
        hit |= set(at_work)
    status, output = ended(process)
    if status != 1 or "10 of 200 runs did not finish" not in output:  # it had lost runs itself
        status, output = ended(start("soaked", *JOBLIB, f"trainer.epochs={EPOCHS}"))
    assert status == 1
    assert "10 of 200 runs did not finish" in output
    assert len(hit) >= VICTIMS
    assert states(root) == ["DONE"] * GOOD + ["FAILED"] * DIVERGING
    found = records(root)
    assert sorted(record["seed"] for record in found.values()) == list(range(GOOD))
    assert all(len(record["curves"]["train_loss"]) == EPOCHS for record in found.values())
    assert not list(root.glob("runs/*/.*.part"))
    assert not list(root.glob("runs/*/checkpoint.previous.pt"))
    for seed in (0, 77, 189):
        base = [
            "dataset=tabular/iris",
            *SGD,
            "augmentation=mixup",
            "logger.job_type=toy",
            "trainer.stack=1",
            f"seed={seed}",
        ]
        own = ["trainer.device=cpu", "logger=none", f"trainer.epochs={EPOCHS}", f"output_root={tmp_path}/alone"]
        with hydra_initialised():
            alone = request_run(compose_settings([*base, *own]))
        assert alone.record is not None
        assert comparable(found[alone.id]) == comparable(alone.record)


@pytest.mark.parametrize("logger", ["none", "wandb"])
def test_a_long_sweep_in_one_process_does_not_grow(tmp_path: Path, logger: str) -> None:
    pytest.importorskip("wandb")
    base = ["dataset=tabular/iris", "trainer.epochs=2", "trainer.stack=1", "trainer.device=cpu", f"logger={logger}"]
    this = psutil.Process()

    def sweep(first: int, last: int) -> tuple[int, int]:
        """Resident bytes and open files after the runs of these seeds."""
        with hydra_initialised():
            run_sweep("grid", [[*base, f"output_root={tmp_path}", f"seed={seed}"] for seed in range(first, last)])
        return this.memory_info().rss, this.num_fds()

    before, files = sweep(0, 20)
    after, files_after = sweep(20, 140)
    assert after - before < 20e6
    assert files_after <= files
