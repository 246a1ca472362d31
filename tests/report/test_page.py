"""The page is whole in itself, says nothing that a name could turn into code, and leads to every record."""

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mixupe.errors import UserError
from mixupe.experiment.compose import hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.kept import recorded_tables
from mixupe.files import write_json
from mixupe.report.page import render, report
from mixupe.tables.collect import declared_runs
from mixupe.tables.declared import read_table
from mixupe.tables.manifest import Table
from tests.report.conftest import EVIL, Tables
from tests.tables.fake import fake_record, fake_runs


class Tags(HTMLParser):
    """All start tags with their attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.raw.append((self.tags[-1][0], data))


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixupe.report.content.pictures", lambda *_: [])


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    for table, text in data["records"].items():
        data["records"][table] = json.loads(zlib.decompress(base64.b64decode(text)))
    return data


def test_every_record_is_in_the_page_and_reachable(page: str, tables: Tables) -> None:
    data = embedded(page)
    links = {attributes.get("href") for tag, attributes in Tags(page).tags if tag == "a"}
    for table, runs in tables:
        entries = data["tables"][table.name]
        behind = [identity for entry in entries for identity in entry["runs"]]
        ids = [run.record["id"] for run in runs if run.record is not None]
        assert behind == ids, "each run stands behind exactly one number"
        shown = re.findall(
            r'data-entry="(\d+)"', page[page.index(f'<section id="{table.name}"') :].split("</section>")[0]
        )
        assert sorted(map(int, shown)) == list(range(len(entries))), "each of these numbers is in the main table"
        for identity in ids:
            assert f"#{table.name}/{identity}" in links
            assert identity in data["records"][table.name]["runs"]


def test_a_record_keeps_what_it_leads_back_to(page: str, tables: Tables) -> None:
    data = embedded(page)["records"]["toy"]
    record = tables[1][1][2].record
    assert record is not None
    small = data["runs"][record["id"]]
    assert small["seed"] == record["seed"]
    for name in ("code", "versions", "hardware", "examples"):
        assert data["shared"][name][small[name]] == record[name]
    config = data["shared"]["config"][small["config"]]
    assert {**config, "seed": record["seed"]} == record["config"]
    assert small["metrics"]["test_error"] == pytest.approx(record["metrics"]["test_error"], rel=1e-4)
    assert small["curves"]["train_loss"] == pytest.approx(record["curves"]["train_loss"], rel=1e-3)


def test_the_page_loads_nothing(page: str) -> None:
    for tag, attributes in Tags(page).tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "background"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
        assert "style" not in attributes
    assert "@import" not in page
    assert "url(" not in page
    assert re.search(r"\b(fetch|XMLHttpRequest|WebSocket|eval)\b\s*\(", page) is None


def test_only_the_own_script_and_style_may_run(page: str) -> None:
    tags = Tags(page)
    (policy,) = [attributes["content"] for tag, attributes in tags.tags if tag == "meta" and "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    style, _, script = (text for _, text in tags.raw)
    for text in (style, script):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_names_are_text_wherever_they_stand(page: str) -> None:
    tags = Tags(page)
    assert "<img src=x" not in page
    assert not [tag for tag, attributes in tags.tags if any(name.startswith("on") for name in attributes)]
    assert [tag for tag, _ in tags.tags].count("script") == 2
    assert unescape(page).count(EVIL) > 5
    assert EVIL in json.dumps(embedded(page)["tables"]["toy"], ensure_ascii=False).replace('\\"', '"')


def test_comparisons_come_first_and_searches_last(page: str, tables: Tables) -> None:
    assert re.findall(r'<section id="(\w+)"', page) == ["toy", "hunt"]
    assert [table.name for table, _ in tables] == ["hunt", "toy"]


def test_the_findings_are_in_words(page: str) -> None:
    text = unescape(re.sub(r"<[^>]+>", "", page))
    assert "mixupe against mixup over 8 data sets: 0 wins, 0 losses, 8 ties; mean difference -1.09" in text
    assert "Wilcoxon p = 0.008, significant." in text
    assert text.count("mixupe against mixup over") == 1, "a finding stands once"
    answer = (
        "Yes: mixupe has 1.09 points lower error than mixup over 8 data sets (Wilcoxon p 0.008; significant: 0 better"
    )
    assert answer in text[: text.index("Comparison toy")], "the page opens with it"
    assert (
        "Chosen: mixup alpha=1 (on the edge of the grid: alpha); mixupe eta=0.1 (on the edge of the grid: eta)." in text
    )
    assert "FAILED" in text


def test_a_table_of_many_methods_has_them_as_rows(no_pictures: None, tmp_path: Path) -> None:
    methods = {f"mixupe eta={number}": ["augmentation=mixupe", f"augmentation.eta={number}"] for number in range(1, 12)}
    cells = [{"dataset": "tabular/wine"}, {"dataset": "tabular/iris"}]
    wide = {"name": "wide", "title": "Wide", "seeds": [0], "augmentations": {"mixup": [], **methods}, "cells": cells}
    table = Table.parse(wide)
    page = render([(table, fake_runs(table, tmp_path, lambda run: 5.0 + run.cell))])
    (main, *_) = re.findall("<table.*?</table>", page, re.DOTALL)
    texts = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in re.findall("<tr>.*?</tr>", main, re.DOTALL)
    ]
    plain = [[re.sub("<.*?>", "", text).strip() for text in row] for row in texts]
    assert plain[0] == ["method", "wine mlp", "iris mlp"]
    assert plain[1] == ["mixup", "5.00", "6.00"]
    assert [row[0] for row in plain[2:13]] == list(methods)


def test_the_same_records_give_the_same_bytes(page: str, tables: Tables, no_pictures: None) -> None:
    assert render(list(reversed(tables))) == page


def test_records_from_before_curves_are_shown(tables: Tables, no_pictures: None) -> None:
    table, runs = tables[0]
    old = [
        replace(run, record={key: value for key, value in run.record.items() if key != "curves"})
        for run in runs
        if run.record is not None
    ]
    data = embedded(render([(table, old)]))
    assert all("curves" not in run for run in data["records"]["hunt"]["runs"].values())


def test_tables_are_found_by_their_records_or_left_out_with_a_reason(no_pictures: None, tmp_path: Path) -> None:
    with hydra_initialised():
        run = declared_runs(read_table("baselines"), tmp_path / "baselines", [f"output_root={tmp_path}/outputs"])[5]
    for name in ("baselines", "own_csv"):
        path = tmp_path / name / "records" / f"{run_id(run.settings)}.json"
        write_json(path, fake_record(run.settings, 5.0))
    (tmp_path / "tune_tabular").mkdir()
    assert recorded_tables(tmp_path) == ["baselines", "own_csv"]
    page, left_out = report(recorded_tables(tmp_path), [f"output_root={tmp_path}/outputs"], tmp_path)
    assert list(left_out) == ["own_csv"]
    assert "dataset" in left_out["own_csv"]
    assert "1 of 40 declared runs" in page
    with pytest.raises(UserError, match="no table to show"):
        report([], [], tmp_path)
    with pytest.raises(UserError, match="'nowhere' is unknown"):
        report(["nowhere"], [], tmp_path)


def test_a_page_of_the_users_own_file_is_named_by_it_and_says_its_command(no_pictures: None, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("a,label\n" + "1,x\n2,y\n" * 20)
    extra = [f"dataset.path={tmp_path}/sales.csv", "dataset.target=label", "seed=0,1"]
    with hydra_initialised():
        run = declared_runs(read_table("own_csv"), tmp_path / "own_csv", [*extra, f"output_root={tmp_path}/outputs"])[0]
    write_json(tmp_path / "own_csv" / "records" / f"{run_id(run.settings)}.json", fake_record(run.settings, 5.0))
    page, _ = report(["own_csv"], extra, tmp_path)
    text = unescape(page)
    assert "<h2>sales.csv: " in text
    assert f"make table-own_csv SEEDS=0,1 OVERRIDES='dataset.path={tmp_path}/sales.csv dataset.target=label'" in text
    extra[0] = f"dataset.path='{tmp_path}/sales.csv'"  # as Hydra wants a name with commas
    assert "<h2>sales.csv: " in unescape(report(["own_csv"], extra, tmp_path)[0])
