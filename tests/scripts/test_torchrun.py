"""scripts/train.py in several processes, as torchrun starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from mixupe.experiment.metrics_log import MetricsLog
from tests.data.images.conftest import WriteImage
from tests.data.images.conftest import write_image as write_image

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"
WINE = ["dataset=tabular/wine", "trainer.device=cpu", "logger=none", "trainer.accumulate=2"]


def torchrun(tmp_path: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(SCRIPT)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen([*command, *arguments, f"output_root={tmp_path}/out"], env=environment, **pipes)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=240)
    return process.returncode, output, errors


@pytest.fixture
def images(tmp_path: Path, write_image: WriteImage) -> list[str]:
    """Overrides for a folder of JPEG files that are streamed."""
    for number in range(120):
        write_image(tmp_path / "images" / "abc"[number % 3] / f"{number}.jpeg", (40 + number % 7, 50), seed=number)
    folder = ["dataset=image_folder", f"dataset.path={tmp_path}/images", "dataset.in_memory=false"]
    return [
        *folder,
        "dataset.image_size=32",
        "dataset.workers=1",
        "model=preactresnet18",
        "model.width=2",
        "logger=none",
    ]


def test_the_imagenet_settings_train_streamed_images(tmp_path: Path, images: list[str]) -> None:
    """8 micro-batches for 2 processes, bfloat16, channels last; smaller in all else."""
    smaller = ["trainer=imagenet", "trainer.epochs=2", "trainer.batch_size=32", "trainer.device=cpu"]
    status, output, errors = ended(torchrun(tmp_path, *images, *smaller))
    assert status == 0, errors
    assert output.count("test error") == 1
    (path,) = tmp_path.glob("out/runs/*/record.json")
    record = json.loads(path.read_text())
    assert record["hardware"]["processes"] == 2
    assert record["examples"] == {"train": 77, "validation": 19, "test": 24}
    alone = subprocess.run(
        [sys.executable, str(SCRIPT), *images, *smaller, f"output_root={tmp_path}/alone"],
        check=True,
        capture_output=True,
    )
    assert b"test error" in alone.stdout
    (path,) = tmp_path.glob("alone/runs/*/record.json")
    expected = json.loads(path.read_text())
    assert record["id"] == expected["id"]
    # In bfloat16 another order of summation can be 1 in 256.
    assert record["curves"]["train_loss"] == pytest.approx(expected["curves"]["train_loss"], rel=5e-3)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_over_nccl_compute_what_one_computes(tmp_path: Path) -> None:
    run = ["dataset=digits", "model.width=8", "trainer.epochs=2", "trainer.accumulate=2", "logger=none"]
    status, _, errors = ended(torchrun(tmp_path, *run, "trainer.device=cuda"))
    assert status == 0, errors
    alone = [sys.executable, str(SCRIPT), *run, "trainer.device=cuda", f"output_root={tmp_path}/alone"]
    subprocess.run(alone, check=True)
    found, expected = (
        json.loads(next(tmp_path.glob(f"{name}/runs/*/record.json")).read_text()) for name in ("out", "alone")
    )
    assert found["curves"]["train_loss"] == pytest.approx(expected["curves"]["train_loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--multirun", "seed=0,1"], "error: torchrun: is for one run in several processes; run --multirun without it"),
        (["trainer.epochs=ten"], "error: trainer.epochs: "),
        (
            ["trainer.accumulate=1"],
            "error: trainer.accumulate: torchrun's 2 processes need at least as many micro-batches",
        ),
        (["dataset=csv", "dataset.path=none.csv", "dataset.target=x"], "error: dataset"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    status, _, errors = ended(torchrun(tmp_path, *WINE, *arguments))
    assert status == 1, "torchrun's own"
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert lines[0].startswith(says)
    assert errors.count("Traceback (most recent call last)") <= 1, "none but torchrun's own"
    assert not list(tmp_path.glob("out/runs/*"))


def test_sigterm_to_torchrun_saves_and_another_number_of_processes_goes_on(tmp_path: Path) -> None:
    process = torchrun(tmp_path, *WINE, "trainer.epochs=400")
    while not any(len(MetricsLog(path).rows()) > 2 for path in tmp_path.glob("out/runs/*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    status, output, _ = ended(process)
    assert status != 0
    assert "INTERRUPTED - SIGTERM" in output
    alone = [sys.executable, str(SCRIPT), *WINE, "trainer.epochs=400", f"output_root={tmp_path}/out"]
    again = subprocess.run(alone, check=True, capture_output=True, text=True)
    assert "resumed" in again.stdout
    assert len(list(tmp_path.glob("out/runs/*/record.json"))) == 1
