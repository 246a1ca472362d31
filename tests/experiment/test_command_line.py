"""What people type becomes what Hydra reads, or one line says what to type."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mixupe.errors import UserError
from mixupe.experiment.command_line import check_config_choice, readable


@pytest.mark.parametrize(
    "value", ["data (1).csv", "a=b=c.csv", "#1.csv", "größe.csv", ";", "x&y!.csv", "~/a.csv", "data(1)", "\t"]
)
def test_one_text_needs_no_quotes(value: str) -> None:
    (override,) = readable([f"dataset.path={value}"], is_sweep=False)
    parsed = OverridesParser.create().parse_override(override)
    assert (parsed.key_or_group, parsed.value()) == ("dataset.path", value)


@pytest.mark.parametrize(
    "override",
    [
        "seed=0",
        "dataset.drop=[a,b]",
        "dataset.path='a b.csv'",
        "optimizer.lr=1e-3",
        r"dataset.separator=\t",
        "+x={a:1}",
        "a=",
        "a=b c",
    ],
)
def test_what_hydra_reads_stays_as_it_is(override: str) -> None:
    assert readable([override], is_sweep=False) == [override]


@pytest.mark.parametrize("override", ["foo", r"\n", "(1).csv"])
def test_a_word_without_a_value_is_no_override(override: str) -> None:
    with pytest.raises(UserError, match="is no override, which is KEY=VALUE; one with blanks needs quotes"):
        readable([override], is_sweep=False)


@pytest.mark.parametrize("override", ["seed=0,1", "seed=range(0,3)", "optimizer.lr=interval(0,1)", "a=choice(x,y)"])
def test_a_grid_is_for_sweeps(override: str) -> None:
    assert readable([override], is_sweep=True) == [override]
    with pytest.raises(UserError, match="is a grid, for --multirun"):
        readable([override], is_sweep=False)


@pytest.mark.parametrize(
    ("override", "is_sweep", "forms"),
    [
        ("dataset.path=it's.csv", False, ["dataset.path='it\\'s.csv'"]),
        ("dataset.drop=[größe,a b]", False, ["dataset.drop=['größe','a b']"]),
        ("dataset.drop=a,b", False, ["dataset.drop='a,b'", "dataset.drop=[a,b]"]),
        (
            "a.path=x.csv,y (1).csv",
            True,
            ["a.path='x.csv,y (1).csv'", "a.path=x.csv,'y (1).csv'", "a.path=[x.csv,'y (1).csv']"],
        ),
    ],
)
def test_what_may_mean_several_things_is_told_in_forms_to_paste(
    override: str, is_sweep: bool, forms: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        readable([override], is_sweep)
    key, value = override.split("=", 1)
    assert str(caught.value).startswith(f"{key}: {value!r} ")
    shown = str(caught.value).split("write it ")[1]
    for form in forms:
        assert readable([form], is_sweep=True) == [form]
        assert form in [part for word in shlex.split(shown) for part in (word, word.rstrip(","))]


def test_a_lone_comma_is_no_empty_list() -> None:
    with pytest.raises(UserError) as caught:
        readable(["dataset.decimal=,"], is_sweep=False)
    assert str(caught.value).endswith("""; write it as one text "dataset.decimal=','\"""")


@pytest.mark.parametrize("is_sweep", [False, True])
def test_glob_picks_no_files(is_sweep: bool) -> None:
    with pytest.raises(UserError, match=r"^dataset\.path: glob\(\*\.csv\) picks no files; list them"):
        readable(["dataset.path=glob(*.csv)"], is_sweep)


@pytest.mark.parametrize(("name", "path", "flag"), [("other", None, "-cn"), (None, "conf", "-cp")])
def test_another_config_is_refused(name: str | None, path: str | None, flag: str) -> None:
    with pytest.raises(UserError, match=rf"^{flag} .*always configs/train\.yaml.*--config-dir"):
        check_config_choice(name, path)


def test_the_config_itself_may_be_named() -> None:
    check_config_choice("train", None)
    check_config_choice(None, None)
