"""W&B's environment variables, and a network that is not there: the run is trained, and mirrored as far as that goes."""

import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mixupe.console import say_once
from mixupe.errors import UserError
from mixupe.experiment import wandb_environment, wandb_logger
from mixupe.experiment.identity import run_id
from mixupe.experiment.run import request_run
from mixupe.experiment.settings import LoggerSettings
from mixupe.experiment.sweep import run_sweep
from mixupe.experiment.wandb_environment import wandb_mode
from tests.experiment.conftest import Compose
from tests.experiment.test_wandb_logger import offline_folders, read_back

wandb = pytest.importorskip("wandb")

KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def _a_process_that_has_just_begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that knows nothing of W&B's server, of a user who is not logged in."""
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(wandb_environment._SERVER, "answers", None)
    say_once.cache_clear()


def logger(mode: str) -> LoggerSettings:
    return LoggerSettings(name="wandb", mode=mode, project=None, entity=None, job_type="train")  # type: ignore[arg-type]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("wandb: ")]


class _Hangs(BaseHTTPRequestHandler):
    """Answers that there is no such page, and whatever is posted never."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        time.sleep(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hanging_server() -> Iterator[str]:
    """The address of a server that answers, but not to what W&B asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hangs)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_offline_unless_logged_in_or_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wandb_environment, "_answers", lambda _: True)
    assert wandb_mode(logger("auto"), tmp_path) == "offline"
    assert wandb_mode(logger("online"), tmp_path) == "online"
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wandb_mode(logger("auto"), tmp_path) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert wandb_mode(logger("online"), tmp_path) == "offline"
    assert not said(capsys)


@pytest.mark.parametrize("host", ["api.wandb.ai", "127.0.0.1"])
def test_a_login_stands_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str) -> None:
    monkeypatch.setattr(wandb_environment, "_answers", lambda _: True)
    monkeypatch.setattr(wandb_environment, "_base_url", lambda: "http://127.0.0.1:80")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".netrc").write_text(f"machine {host} login user password {KEY}\n")
    (tmp_path / "home" / ".netrc").chmod(0o600)
    assert wandb_mode(logger("auto"), tmp_path) == "online"


def test_without_a_network_runs_are_trained_and_mirrored_offline(
    compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    began = time.monotonic()
    for seed in (0, 1):
        assert request_run(compose("logger=wandb", f"seed={seed}")).state == "DONE"
    assert time.monotonic() - began < 30
    (line,) = said(capsys)
    assert line.startswith("wandb: no answer from ")
    assert line.endswith(f"; mirrored offline, `wandb sync {tmp_path}/wandb/offline-*` sends it later")
    assert len(offline_folders(tmp_path)) == 2


def test_a_server_that_hangs_costs_a_moment_once(
    compose: Compose,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hanging_server: str,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", hanging_server)
    monkeypatch.setattr(wandb_logger, "BEGIN_S", 1.0)
    wandb.teardown()  # which knows the address of earlier tests
    try:
        settings = [compose("logger=wandb", f"seed={seed}") for seed in (0, 1)]
        for run_settings in settings:
            assert request_run(run_settings).state == "DONE"
    finally:
        wandb.teardown()
    (line,) = said(capsys)
    assert line.startswith("wandb: CommError: ")
    assert "mirrored offline" in line
    found = {read_back(folder)["run"].run_id for folder in offline_folders(tmp_path)}
    assert found == {run_id(run_settings) for run_settings in settings}


def test_whoever_answers_is_there(monkeypatch: pytest.MonkeyPatch, hanging_server: str) -> None:
    assert wandb_environment._answers(hanging_server)
    assert not wandb_environment._answers("http://localhost:9")
    assert not wandb_environment._answers("http://nowhere.invalid")
    given_up = threading.Event()

    def for_ever(*_: object, **__: object) -> None:
        given_up.wait()
        raise OSError("the test is over")

    monkeypatch.setattr(urllib.request, "urlopen", for_ever)
    monkeypatch.setattr(wandb_environment, "ANSWER_S", 0.1)
    assert not wandb_environment._answers(hanging_server), "a name that is looked up for ever"
    given_up.set()


@pytest.mark.parametrize("value", ["", "foo"])
def test_a_wrong_mode_is_refused_before_any_work(
    compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", value)
    monkeypatch.setattr("mixupe.experiment.prepare.load_dataset", lambda *_: pytest.fail("work was done"))
    says = rf"^WANDB_MODE: must be online, offline or disabled, or not set at all; got '{value}'$"
    with pytest.raises(UserError, match=says):
        request_run(compose("logger=wandb"))
    with pytest.raises(UserError, match=says):
        run_sweep("two", [["dataset=tabular/wine", f"output_root={tmp_path}", f"seed={seed}"] for seed in (0, 1)])
    assert not (tmp_path / "runs").exists()
    monkeypatch.undo()
    assert request_run(compose("logger=none")).state == "DONE", "without W&B it does not matter"


@pytest.mark.parametrize(
    ("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true"), ("WANDB_DISABLED", "1")]
)
def test_disabled_writes_nothing(
    compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "wandb", None)  # nor is it needed
    assert request_run(compose("logger=wandb")).state == "DONE"
    assert not (tmp_path / "wandb").exists()


def test_not_disabled_is_not_disabled(compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_DISABLED", "false")
    assert request_run(compose("logger=wandb")).state == "DONE"
    assert len(offline_folders(tmp_path)) == 1


def test_project_entity_and_folder_are_those_of_the_environment(
    compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("WANDB_DIR", str(elsewhere))
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_ENTITY", "we")
    wandb.teardown()  # which knows the environment of earlier tests
    try:
        for seed, *overrides in (
            ("0",),
            ("1", "logger.project=ours", "logger.entity=they"),
        ):
            assert request_run(compose("logger=wandb", f"seed={seed}", *overrides)).state == "DONE"
    finally:
        wandb.teardown()
    found = sorted(
        (run.project, run.entity) for run in (read_back(folder)["run"] for folder in offline_folders(elsewhere))
    )
    assert found == [("mine", "we"), ("ours", "they")]
    assert not (tmp_path / "wandb").exists()


def test_without_any_of_them_the_project_is_mixupe(compose: Compose, tmp_path: Path) -> None:
    request_run(compose("logger=wandb"))
    (folder,) = offline_folders(tmp_path)
    assert read_back(folder)["run"].project == "mixupe"
