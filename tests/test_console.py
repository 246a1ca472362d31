"""What is said goes through the logger `mixupe`, once, and where it belongs."""

import logging

import pytest

from mixupe.console import LOG, complain, say, say_once, warn, warn_once


def test_lines_and_errors_go_to_their_streams(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]a line, as it is[/bold]")
    complain("error: a complaint")
    out, err = capsys.readouterr()
    assert out == "[bold]a line, as it is[/bold]\n"
    assert err == "error: a complaint\n"


def test_a_text_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    say_once.cache_clear()
    warn_once.cache_clear()
    for _ in range(2):
        say_once("a note")
        warn_once("slow")
        warn("damaged", of="wine seed=0")
    assert capsys.readouterr().out.splitlines() == ["a note", "warning: slow", *2 * ["wine seed=0: warning: damaged"]]


def test_only_the_first_process_of_a_run_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixupe.torchrun.rank", lambda: 1)
    say("a line")
    complain("a complaint")
    assert capsys.readouterr() == ("", "")


def test_a_program_may_listen_and_choose_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[tuple[int, str]] = []

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append((record.levelno, record.getMessage()))

    handler, level = Heard(), LOG.level
    LOG.addHandler(handler)
    try:
        warn("100% of it")
        LOG.setLevel(logging.ERROR)
        say("nobody hears it")
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
    assert heard == [(logging.WARNING, "warning: 100% of it")]
    assert capsys.readouterr().out == "warning: 100% of it\n"
