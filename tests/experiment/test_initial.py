"""Starting from a finished run's weights, and what is said of a run that is a longer one of one that is done."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from mixupe.errors import UserError
from mixupe.experiment.identity import identity, run_id
from mixupe.experiment.initial import initial_model, longer_note
from mixupe.experiment.model_file import read_model
from mixupe.experiment.prepare import prepare
from mixupe.experiment.request import Request
from mixupe.experiment.run import request_run
from mixupe.experiment.store import RunStore
from tests.experiment.conftest import Compose


def test_a_run_starts_from_anothers_weights(compose: Compose, tmp_path: Path) -> None:
    first = request_run(compose()).id
    settings = compose(f"init_from={first}", "trainer.epochs=2")
    second = request_run(settings)
    assert (second.state, second.id) == ("DONE", run_id(settings))
    assert run_id(compose("trainer.epochs=2")) != second.id
    folder = RunStore(tmp_path).folder(second.id)
    with ExitStack() as claim:
        claim.enter_context(folder.claimed())
        data = prepare(Request.of(settings), claim).data
    weights = initial_model(settings, data).state_dict()
    kept = read_model(RunStore(tmp_path).folder(first).model).weights
    assert all(torch.equal(weights[name], kept[name]) for name in kept)


def test_without_it_the_key_is_no_part_of_the_identity(compose: Compose) -> None:
    assert "init_from" not in identity(compose())
    assert identity(compose("init_from=0123456789abcdef"))["init_from"] == "0123456789abcdef"


def test_what_would_leak_or_does_not_fit_is_refused(compose: Compose) -> None:
    first = request_run(compose()).id
    with pytest.raises(UserError, match=f"init_from: {first} was trained on another split of wine"):
        request_run(compose(f"init_from={first}", "seed=1"))
    with pytest.raises(UserError, match=rf"init_from: the weights of {first} \(wine, mlp\) do not fit mlp on wine"):
        request_run(compose(f"init_from={first}", "model.hidden=[8]"))
    with pytest.raises(UserError, match="do not fit mlp on wine: Missing") as refused:
        request_run(compose(f"init_from={first}", f"model.hidden={[8] * 40}"))
    assert len(str(refused.value)) < 300, "not the names of all its tensors"
    with pytest.raises(UserError, match="init_from: there is no "):
        request_run(compose("init_from=0123456789abcdef"))
    with pytest.raises(UserError, match=r"init_from: must be the id of a run, .* or its beginning, got .best."):
        compose("init_from=best")
    with pytest.raises(UserError, match="init_from: 'ffff' must begin the id of one run, begins 0 in "):
        compose("init_from=ffff")
    assert compose(f"init_from='{first[:8]}'") == compose(f"init_from={first}")


def test_more_epochs_are_said_to_be_a_new_run(compose: Compose, capsys: pytest.CaptureFixture[str]) -> None:
    first = request_run(compose()).id
    assert longer_note(compose("trainer.epochs=3")) is None
    assert longer_note(compose("trainer.epochs=4", "optimizer.lr=0.1")) is None
    capsys.readouterr()
    request_run(compose("trainer.epochs=4"))
    said = capsys.readouterr().out
    assert f"trainer.epochs=4 is a new run beside {first} (3 epochs, done); init_from={first} starts from" in said
