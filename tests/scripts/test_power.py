"""scripts/power.py: what it says of committed tables, and of bad input."""

import re

import pytest

from tests.scripts.test_train import load_script


def test_each_baseline_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_script("power").main(["offline_graphs", "offline_images", "--sets", "40", "--seeds", "5"]) == 0
    lines = " ".join(capsys.readouterr().out.split()).split("points")[:-1]
    assert len(lines) == 2
    detected = []
    for baseline, line in zip(("mixup", "none"), lines, strict=True):
        assert f"mixupe - {baseline}, from 8 data sets: standard deviation" in line
        assert "40 data sets x 5 seeds detect" in line
        detected.append(float(re.findall(r"detect ([\d.]+)", line)[0]))
    assert all(0 < value < 5 for value in detected)

    assert load_script("power").main(["offline_graphs", "offline_images", "--sets", "160", "--seeds", "5"]) == 0
    with_more = [float(value) for value in re.findall(r"detect ([\d.]+)", " ".join(capsys.readouterr().out.split()))]
    ratios = [few / many for few, many in zip(detected, with_more, strict=True)]
    assert all(1.7 < ratio < 2.5 for ratio in ratios), "four times the sets, about half"


def test_a_table_named_twice_is_no_further_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_script("power").main(["offline_graphs", "offline_graphs", "--method", "mixup"]) == 0
    (line,) = capsys.readouterr().out.replace("\n", " ").strip().split("points")[:-1]
    assert line.startswith("mixup - none, from 5 data sets: "), "and no line of mixup beside itself"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "error: table: 'nowhere' is unknown, allowed are"),
        (["offline_speech", "--sets", "5"], "error: --sets must be at least 6, and --seeds at least 1"),
        (["offline_speech", "--method", "unheard"], "error: unheard and mixup have shared seeds on fewer than two"),
        ([], "error: the following arguments are required: NAME"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_script("power").main(arguments) == 2
    assert capsys.readouterr().err.startswith(said)
