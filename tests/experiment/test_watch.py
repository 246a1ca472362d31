"""Runs that other processes compute: each is reported once when it has ended, and those not begun cost nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixupe.experiment import watch
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.request import Request
from mixupe.experiment.store import RunFolder, RunStore
from mixupe.experiment.watch import watching
from mixupe.files import write_json
from tests.tables.fake import fake_record


@dataclass
class World:
    requests: list[Request]
    looked_at: list[str]

    def end(self, number: int) -> None:
        """Of a worker, elsewhere: that run is done."""
        request = self.requests[number]
        request.folder.path.mkdir(parents=True)
        write_json(request.folder.record, {**fake_record(request.settings, 4.0), "id": request.folder.id})
        request.folder.set_done()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """3,000 runs that are waited for, and the ids of those whose state is read."""
    with hydra_initialised():
        settings = compose_settings(["dataset=tabular/wine", "seed=0", f"output_root={tmp_path}"])
    store = RunStore(tmp_path)
    requests = [Request(settings, store.folder(f"{number:016x}"), f"run {number}") for number in range(3000)]
    looked_at: list[str] = []
    details = RunFolder.details

    def noted(folder: RunFolder) -> dict[str, object]:
        looked_at.append(folder.id)
        return details(folder)

    monkeypatch.setattr(RunFolder, "details", noted)
    monkeypatch.setattr(watch, "POLL_S", 0.01)
    return World(requests, looked_at)


def test_each_is_reported_once_and_only_begun_ones_are_read(world: World) -> None:
    lines: list[str] = []

    def report(ended: Sequence[str]) -> None:
        lines.extend(ended)

    with watching(report, world.requests):
        world.end(7)
        world.end(2)
    assert sorted(lines) == ["run 2: test error 4.00% (6.5 s)", "run 7: test error 4.00% (6.5 s)"]
    assert set(world.looked_at) == {world.requests[number].folder.id for number in (2, 7)}


def test_what_ended_before_is_not_news_and_no_store_is_no_error(world: World) -> None:
    lines: list[str] = []
    with watching(lines.extend, world.requests):
        pass
    world.end(1)
    with watching(lines.extend, world.requests[:1]):
        pass
    assert lines == []
