"""A page over a comparison, a search and a table without curves, whose names try to break out of the HTML."""

from dataclasses import replace

import pytest

from mixupe.report.page import render
from mixupe.tables.collect import DeclaredRun
from mixupe.tables.manifest import Table
from tests.tables.fake import fake_runs

EVIL = "</script><img src=x onerror=alert(1)>&\"'"
Tables = list[tuple[Table, list[DeclaredRun]]]

COMPARISON = Table.parse(
    {
        "name": "toy",
        "title": f"Toy {EVIL}",
        "seeds": [0, 1, 2],
        "augmentations": {"none": [], "mixup": [], "mixupe": ["augmentation.eta=0.5"]},
        "cells": [
            *({"dataset": f"tabular/{name}"} for name in ("wine", "iris", "vehicle", "letter", "satimage")),
            *({"dataset": f"tabular/{name}"} for name in ("sonar", "vowel")),
            {"dataset": "digits", "label": EVIL, "overrides": ["model.width=8"]},
        ],
    }
)
SEARCH = Table.parse(
    {
        "name": "hunt",
        "title": "Hunt",
        "metric": "validation_error",
        "seeds": [0, 1],
        "augmentations": {"mixup": ["augmentation.alpha=1,2"], "mixupe": ["augmentation.eta=0.01,0.1"]},
        "cells": [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}],
    }
)
GAIN = {"none": 2.0, "mixup": 1.0, "mixupe": 0.0}


def error(run: DeclaredRun) -> float:
    """Falls from none to mixup to mixupe, grows with the cell and the seed; no two runs of a table are equal."""
    base = 10 + 7 * (run.cell % 3) + run.cell / 7
    method = GAIN.get(run.method, len(run.method) / 100)
    return base + method * (1 + run.settings.seed / 10) + run.settings.seed / 3


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("records")
    toy = fake_runs(COMPARISON, folder, error)
    toy[5] = replace(toy[5], state="FAILED", record=None, reason=f"loss is nan {EVIL}")
    old = [replace(run, record={**run.record, "notes": [EVIL]}) for run in toy[:1] if run.record is not None]
    return [(SEARCH, fake_runs(SEARCH, folder, error)), (COMPARISON, [*old, *toy[1:]])]


@pytest.fixture(scope="session")
def page(tables: Tables) -> str:
    """Without its figures, which take long to draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixupe.report.content.pictures", lambda *_: [])
        return render(tables)
