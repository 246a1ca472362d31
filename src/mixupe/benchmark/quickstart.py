"""How much memory the quickstart takes, with everything it starts."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mixupe.benchmark.options import Options
from mixupe.benchmark.processes import peak_memory
from mixupe.benchmark.progress import progress
from mixupe.benchmark.report import Report
from mixupe.benchmark.timing import Spread
from mixupe.experiment.compose import CONFIGS


def measure(options: Options, report: Report) -> None:
    """The runs of `make quickstart`, in a run store of their own."""
    root = CONFIGS.parent
    with TemporaryDirectory() as folder, progress("sweep: quickstart", 1):
        command = [sys.executable, str(root / "scripts" / "train.py"), "--multirun", "table=quickstart"]
        command += [f"output_root={folder}", f"hydra.sweeper.results={folder}/results"]
        command += ["seed=0", "trainer.epochs=1"] if options.quick else []
        with (Path(folder) / "errors").open("w+") as errors:
            environment = {**os.environ, "WANDB_MODE": "offline"}
            process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
            with peak_memory(process.pid) as peak:
                status = process.wait()
            errors.seek(0)
            lines = errors.read().splitlines()
    if status != 0:
        report.leave_out("quickstart_memory", lines[-1] if lines else f"exit status {status}")
        return
    report.add("quickstart_memory", Spread.of([peak.gigabytes]), "one epoch, one seed" if options.quick else "")
