"""Pictures lie whole inside the page: those beside the table while they are of its records, else drawn."""

import base64
from pathlib import Path

import pytest

from mixupe.report import figures
from mixupe.report.figures import pictures
from mixupe.tables.build import evaluate
from mixupe.tables.render import to_csv
from tests.report.conftest import Tables

PNG = b"\x89PNG\r\n\x1a\n"


def image(uri: str) -> bytes:
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    return base64.b64decode(body, validate=True)


def test_a_picture_is_a_png_in_a_data_uri(tables: Tables, tmp_path: Path) -> None:
    search, runs = tables[0]
    (picture,) = pictures(search, evaluate(search, runs), tmp_path)
    assert picture.text.startswith("Error against eta")
    png = image(picture.uri)
    assert png.startswith(PNG)
    assert picture.width == round(int.from_bytes(png[16:20], "big") * 96 / 150)


def test_pictures_beside_the_table_are_taken_while_they_are_of_its_errors(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "table_figures", lambda *_: {})
    search, runs = tables[0]
    found = evaluate(search, runs)
    for name in ("eta.png", "eta-2.png", "eta-10.png", "other.png"):
        (tmp_path / name).write_bytes(PNG + name.encode().ljust(16))
    (tmp_path / "table.csv").write_text(to_csv(found.frame))
    taken = [image(picture.uri).removeprefix(PNG).decode().strip() for picture in pictures(search, found, tmp_path)]
    assert taken == ["eta.png", "eta-2.png", "eta-10.png"]
    (tmp_path / "table.csv").write_text(to_csv(evaluate(search, runs[1:]).frame))
    assert pictures(search, found, tmp_path) == [], "drawn anew: other records were built from"
