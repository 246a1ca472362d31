"""Each example runs as it stands and learns what it trains on.

`make test` installs what they need; where tests are started in another way, those whose packages are not here are skipped.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
# What an example needs beside what the tests need.
NEEDS = {
    "accelerate_loop": "accelerate",
    "huggingface_trainer": "transformers",
    "keras_torch": "keras",
    "lightning_module": "lightning",
    "skorch_net": "skorch",
}
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_each_need_is_of_an_example() -> None:
    assert len(NAMES) == 8
    assert set(NEEDS) < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_learns(name: str, tmp_path: Path) -> None:
    needed = NEEDS.get(name)
    if needed is not None and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed; pip install -c constraints.txt -e '.[examples]'")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = [float(value) for value in re.findall(r"^accuracy ([\d.]+)$", done.stdout, re.MULTILINE)]
    assert found, done.stdout
    assert min(found) > 0.8
