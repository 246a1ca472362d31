"""What is shown of work on many files."""

import pytest

from mixupe.data import long_work
from mixupe.data.long_work import shown


def test_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(long_work, "SAY_EVERY_S", -1.0)
    assert [*shown(iter("abc"), long_work.LARGE - 1, "reading")] == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
    assert [*shown(iter("abc"), long_work.LARGE, "reading 5,000 files")] == ["a", "b", "c"]
    assert capsys.readouterr() == (
        "",
        "reading 5,000 files\n" + "".join(f"reading 5,000 files: {n}\n" for n in (1, 2, 3)),
    )


def test_in_a_terminal_there_is_a_bar_that_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    assert [*shown(range(3), long_work.LARGE, "reading")] == [0, 1, 2]
    assert "reading" in capsys.readouterr().err
