"""A plan names filters and readers in a package outside of this repository."""

from __future__ import annotations

import json
import os
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import corpus
from corpus import stages, user_code
from corpus.cli import plan as commands
from corpus.errors import BuildError, PlanError
from corpus.plan import detect_format
from corpus.plan.model import Plan
from tests.conftest import contents
from tests.support.commands import command
from tests.support.own_package import write_package


@pytest.fixture(autouse=True)
def forget_code() -> Iterator[None]:
    """Leave the import path as it was."""
    yield
    user_code.use_folder("")


def write_plan(folder: Path, chain: list[Any], **run: Any) -> Path:
    """Write a guest book and a plan of it, beside the user's package."""
    rows = [
        {"entry": n, "guest": f"g{n % 3}", "says": f"Post {n} of mine" + "😀" * (n % 5) + "!" * n}
        for n in range(30)
    ]
    (folder / "book.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    document = {
        "sources": [{"my_pkg.guestbook": {"path": str(folder / "book.jsonl")}}],
        "stages": chain,
        "output": {"path": str(folder / "out"), "ids": "original"},
        "run": {"runner": "serial"} | run,
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


EMOJI = {"my_pkg.emoji_count": {"max": 3}}


def change(file: Path, old: str, new: str) -> None:
    """Edit a source: only an edit of a file that has the text."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def error_message(plan: Path) -> str:
    with pytest.raises(PlanError) as caught:
        Plan.load(plan).check_paths()
    return str(caught.value)


def error_after_change(folder: Path, file: str, old: str, new: str) -> str:
    """The error of a plan that uses both modules of the package, one of them edited."""
    change(write_package(folder) / file, old, new)
    return error_message(write_plan(folder, [EMOJI]))


# --------------------------------------------------------------------------- building


def write_metadata(site: Path, name: str, entry_points: str) -> None:
    """Write what says that a package is installed in a folder."""
    info = site / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entry_points)


def install_package(site: Path, *filters: str) -> None:
    """Write the package of this file as an installed one, with entry points of filters."""
    write_package(site)
    lines = ("[corpus.filters]", *filters, "[corpus.readers]", "guestbook = my_pkg.guestbook", "")
    write_metadata(site, "my-pkg", "\n".join(lines))


def test_a_filter_and_a_reader_of_a_package_beside_the_plan_are_used(tmp_path: Path) -> None:
    write_package(tmp_path)
    manifest = corpus.build(write_plan(tmp_path, [EMOJI]))
    (row,) = [row for row in manifest["funnel"] if row["stage"] == "emoji_count"]
    assert row["dropped"] == {"many_emoji": 6}
    kept = corpus.load(tmp_path / "out").scan().collect()
    assert kept["emoji_count"].max() == 3
    assert kept["platform"].unique().to_list() == ["guestbook"]
    ledger = corpus.load(tmp_path / "out").dropped().collect()
    assert ledger["emoji_count"].to_list() == [4] * 6


@pytest.mark.parametrize("runner", ["processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_every_runner_writes_the_same_bytes(tmp_path: Path, runner: str) -> None:
    write_package(tmp_path)
    chain = [EMOJI, {"my_pkg.emoji_count": {"max": 1}, "as": "few"}]
    corpus.build(write_plan(tmp_path, chain), out=str(tmp_path / "serial"))
    plan = write_plan(tmp_path, chain, part_posts=7, workers=2, runner=runner)
    corpus.build(plan, out=str(tmp_path / "other"))
    assert contents(tmp_path / "other") == contents(tmp_path / "serial")


def test_a_package_that_was_installed_since_the_last_look_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    user_code.use_folder("")
    assert "later" not in user_code.names(user_code.FILTERS)
    write_metadata(tmp_path / "site", "later-pkg", "[corpus.filters]\nlater = later_pkg.filter\n")
    user_code.use_folder("")
    assert "later" in user_code.names(user_code.FILTERS)


def test_an_entry_point_names_a_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_package(tmp_path / "site", "emoji = my_pkg.emoji_count", "quality = my_pkg.emoji_count")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    user_code.use_folder("")
    plan = write_plan(tmp_path, [{"emoji": {"max": 3}}])
    document = yaml.safe_load(plan.read_text())
    document["sources"] = [{"guestbook": {"path": str(tmp_path / "book.jsonl")}}]
    plan.write_text(yaml.safe_dump(document))
    manifest = corpus.build(plan)
    assert manifest["funnel"][-1]["stage"] == "emoji"
    assert manifest["funnel"][-1]["dropped"] == {"many_emoji": 6}
    document["stages"] = [{"quality": {}}]  # a built-in name stays what it is
    plan.write_text(yaml.safe_dump(document))
    assert Plan.load(plan).stages[-1].module.__name__ == "filters.quality"
    document["stages"] = [{"emoj": {}}]
    plan.write_text(yaml.safe_dump(document))
    assert "unknown stage 'emoj'; did you mean 'emoji'?" in error_message(plan)


def test_the_lists_have_the_filters_and_readers_of_installed_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    filters = ("emoji = my_pkg.emoji_count", "broken = my_pkg.nothing")
    install_package(tmp_path / "site", *filters, "quality = my_pkg.emoji_count")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    user_code.use_folder(str(tmp_path))
    commands.filters()
    listed, warnings = capsys.readouterr()
    assert "\nemoji (my_pkg.emoji_count)  Drop posts" in listed
    assert listed.count("my_pkg.emoji_count") == 1  # a built-in name stays what it is
    assert "warning: stage 'broken': there is no module 'my_pkg.nothing'" in warnings
    commands.readers()
    assert "\nguestbook (my_pkg.guestbook)  " in capsys.readouterr().out


def test_a_barrier_of_the_user_is_refused_with_the_reason(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    (package / "pairs.py").write_text(
        "def measure(posts, config): ...\ndef decide(all, config): ...\n"
    )
    message = error_message(write_plan(tmp_path, [{"my_pkg.pairs": {}}]))
    assert "can only decide about each post alone" in message and "Config" not in message


# --------------------------------------------------------------------------- the source


def test_an_edited_source_makes_the_stage_run_anew(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    plan = write_plan(tmp_path, [EMOJI])
    before = Plan.load(plan).fingerprint()
    assert corpus.build(plan)["totals"]["kept"] == 24
    assert Plan.load(plan).fingerprint() == before
    change(package / "patterns.py", "GRINNING FACE", "WINKING FACE")
    assert Plan.load(plan).fingerprint() != before
    with pytest.raises(PlanError, match="another plan"):
        corpus.build(plan)
    assert corpus.build(plan, replace=True)["totals"]["kept"] == 30


def test_an_edit_of_the_same_size_in_the_same_second_is_noticed(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    plan = write_plan(tmp_path, [{"my_pkg.emoji_count": {}}])
    assert corpus.build(plan)["totals"]["kept"] == 24
    module = package / "emoji_count.py"
    py_compile.compile(str(module))  # as a run of the user's own tests does
    second = int(module.stat().st_mtime)
    change(module, "Field(3", "Field(2")
    os.utime(module, (second + 0.5, second + 0.5))
    assert corpus.build(plan, replace=True)["totals"]["kept"] == 18


def test_an_edited_module_beside_the_package_makes_the_stage_run_anew(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    (package / "patterns.py").rename(tmp_path / "patterns.py")
    change(package / "emoji_count.py", "from my_pkg.patterns", "from patterns")
    plan = write_plan(tmp_path, [EMOJI])
    before = Plan.load(plan).fingerprint()
    (tmp_path / "other.py").write_text("")  # which nothing imports
    assert Plan.load(plan).fingerprint() == before
    change(tmp_path / "patterns.py", "GRINNING", "WINKING")
    assert Plan.load(plan).fingerprint() != before
    assert corpus.build(plan)["totals"]["kept"] == 30


def test_a_worker_refuses_another_source_than_that_of_the_build(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    address = Plan.load(write_plan(tmp_path, [EMOJI])).stages[-1].address
    stages.find(address)
    change(package / "patterns.py", "GRINNING", "WINKING")
    with pytest.raises(BuildError, match="is not that with which the build began"):
        stages.find(address)


def test_the_folder_of_the_plan_decides_nothing(tmp_path: Path) -> None:
    prints = set()
    for name in ("one", "two"):
        write_package(tmp_path / name)
        prints.add(Plan.load(write_plan(tmp_path / name, [EMOJI])).fingerprint())
    assert len(prints) == 1


def test_two_plans_with_packages_of_one_name_use_each_their_own(tmp_path: Path) -> None:
    for name, limit in (("one", "3"), ("two", "1")):
        package = write_package(tmp_path / name)
        change(package / "emoji_count.py", "Field(3", f"Field({limit}")
    plans = [
        Plan.load(write_plan(tmp_path / n, [{"my_pkg.emoji_count": {}}])) for n in ("one", "two")
    ]
    assert [corpus.build(plan)["totals"]["kept"] for plan in reversed(plans)] == [12, 24]


def test_nothing_beside_a_plan_takes_the_place_of_another_module(tmp_path: Path) -> None:
    write_package(tmp_path)
    for name in ("json", "polars", "colorsys"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')\n")
    sys.modules.pop("colorsys", None)
    corpus.build(write_plan(tmp_path, [EMOJI]))
    import colorsys

    assert str(tmp_path) not in str(colorsys.__file__)
    assert sys.path[-1] == str(tmp_path)


def test_a_plan_without_own_code_imports_nothing_beside_it(tmp_path: Path) -> None:
    write_package(tmp_path)
    plan = write_plan(tmp_path, [{"quality": {}}])
    document = yaml.safe_load(plan.read_text())
    document["sources"] = [
        {"table": {"path": str(tmp_path / "book.jsonl"), "fields": {"id": "entry", "text": "says"}}}
    ]
    plan.write_text(yaml.safe_dump(document))
    for file in tmp_path.rglob("*.py"):
        file.write_text("raise SystemExit('imported')\n")
    corpus.build(plan)


# --------------------------------------------------------------------------- what is broken


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("class Config(FilterConfig)", "class Other(FilterConfig)", "no 'Config' that extends"),
        ("class Config(FilterConfig)", "class Config", "no 'Config' that extends FilterConfig"),
        ('READS = ("text",)', 'READS = "text"', "no 'READS', a tuple"),
        ('WRITES = {"emoji_count": pl.Int64()}', "", "no 'WRITES', the columns"),
        ("pl.Int64()}", "pl.Int64}", "the type of 'emoji_count' is no polars type"),
        ("VERSION = 1", "VERSION = '1'", "no 'VERSION', a whole number; write VERSION = 1"),
        ("def build(config)", "def make(config)", "no 'build(config)'"),
        (
            "import polars as pl",
            "import polars as pl\n1 / 0",
            "ZeroDivisionError: division by zero",
        ),
        ("import polars as pl", "import no_such_thing", "imports 'no_such_thing', which is not"),
        ("def build(config):", "def build(config:", "in emoji_count.py, line"),
    ],
)
def test_a_module_that_is_no_filter_is_an_error_of_the_plan(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    found = error_after_change(tmp_path, "emoji_count.py", old, new)
    assert expected in found
    assert found.startswith("plan.yaml line 5: stages[0] my_pkg.emoji_count: ")


RETURN = 'return posts.with_columns(reject=pl.when(many).then(pl.lit("many_emoji")))'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (RETURN, f"{RETURN}.filter(pl.col('reject').is_null())", "changed the count of the rows"),
        (RETURN, f"{RETURN}.reverse()", "changed the order of the rows"),
        (
            RETURN,
            "return posts.with_columns(reject=many)",
            "'reject' is Boolean and must be String",
        ),
        (RETURN, "return posts.with_columns(reject=pl.lit(None))", "'reject' is Null and must be"),
        (RETURN, "return posts", "'reject' is missing and must be String"),
        (RETURN, f"{RETURN}.drop('text')", "removed the column 'text'"),
        (RETURN, f"{RETURN}.with_columns(other=1)", "added the column 'other'; list it in WRITES"),
        (RETURN, f"{RETURN}.with_columns(text=pl.lit('a'))", "changed the column 'text'; list it"),
        (".cast(pl.Int64)", "", "the column 'emoji_count' is UInt32, and WRITES says Int64"),
        (RETURN, "return 3", "the filter returned int and must return a polars DataFrame"),
        (RETURN, "raise KeyError('x')", "the filter raised KeyError: 'x' (emoji_count.py, line"),
        ("    count = pl", "    1 / 0\n    count = pl", "build(config) raised ZeroDivisionError"),
        ("    return emoji_count", "    pass", "build(config) returned NoneType"),
        ("> config.max", "> pl.col('emoji_count').mean() - 1", "another result alone than among"),
    ],
)
def test_check_tries_a_filter_on_invented_posts(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    found = error_after_change(tmp_path, "emoji_count.py", old, new)
    assert expected in found
    assert found.startswith("plan.yaml line 5: stages[0] emoji_count: ")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("class Config(ReaderConfig)", "class Config", "no 'Config' that extends ReaderConfig"),
        ('PLATFORM = "guestbook"', "", "no 'PLATFORM', the first part of each id"),
        ("TOMBSTONES = False", "", "no 'TOMBSTONES'"),
        ("def fits", "def fit", "no 'fits'"),
        ("def read(", "def reads(", "no 'read'"),
    ],
)
def test_a_module_that_is_no_reader_is_an_error_of_the_plan(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    found = error_after_change(tmp_path, "guestbook.py", old, new)
    assert expected in found
    assert found.startswith("plan.yaml line 2: sources[0] my_pkg.guestbook: ")


def test_two_stages_that_write_one_column_are_an_error(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    change(package / "emoji_count.py", '{"emoji_count":', '{"toxicity":')
    found = error_message(write_plan(tmp_path, [EMOJI, {"toxicity": {}}]))
    assert "stages[0] emoji_count: it writes the column 'toxicity', as 'toxicity' does" in found


def test_a_name_that_is_that_of_a_built_in_stage_wants_another(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    (package / "emoji_count.py").rename(package / "quality.py")
    found = error_message(write_plan(tmp_path, [{"my_pkg.quality": {}}]))
    assert "the stage cannot be called 'quality'" in found
    assert "'- {my_pkg.quality: {...}, as: my_quality}'" in found


def test_a_dump_that_another_reader_would_fit_too_is_read_without_a_warning(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    text = (package / "guestbook.py").read_text()
    (package / "guestbook.py").write_text(
        text.replace('"says"', '"body"').replace("'says'", '"body"')
    )
    plan = write_plan(tmp_path, [EMOJI])
    rows = [
        {
            "entry": n,
            "id": f"c{n}",
            "author": "a",
            "subreddit": "b",
            "subreddit_id": "t5_1",
            "created_utc": 1714521600,
            "link_id": "t3_1",
            "parent_id": "t3_1",
            "body": f"Post {n}",
        }
        for n in range(9)
    ]
    (tmp_path / "book.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert detect_format.rank_readers(str(tmp_path / "book.jsonl"))[0][0] == "reddit"
    assert Plan.load(plan).list_misfits() == []
    change(package / "guestbook.py", "return sample.matching_share(", "return 0 * bool(")
    assert "looks like 'reddit'" in Plan.load(plan).list_misfits()[0]


def test_a_module_that_is_not_there_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    write_package(tmp_path)
    found = error_message(write_plan(tmp_path, [{"my_pkg.emojis": {}}]))
    assert "there is no module 'my_pkg.emojis', neither installed nor in" in found
    assert str(tmp_path) in found


def test_an_error_at_a_post_names_stage_part_first_id_and_line_but_no_text(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    raising = (
        "bad = [text for text in posts['text'] if text.startswith('Post 7')]\n"
        "        if bad: raise ValueError(bad[0])\n        " + RETURN
    )
    change(package / "emoji_count.py", RETURN, raising)
    with pytest.raises(BuildError) as caught:
        corpus.build(write_plan(tmp_path, [EMOJI]))
    found = str(caught.value)
    assert found.startswith("stage 'emoji_count', part ")
    assert "first id guestbook:0: ValueError in the filter at emoji_count.py, line" in found
    assert "Post 7" not in found


def test_an_error_of_a_reader_names_reader_file_and_line_but_no_text(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    change(
        package / "guestbook.py",
        '    if "entry" not in row:',
        "    if row.get('entry') == 1007: raise LookupError(row['says'])\n"
        '    if "entry" not in row:',
    )
    plan = write_plan(tmp_path, [EMOJI])
    rows = [json.dumps({"entry": n, "says": f"Post {n} of mine"}) + "\n" for n in range(1100)]
    (tmp_path / "book.jsonl").write_text("".join(rows))
    with pytest.raises(BuildError) as caught:  # behind the records that a check reads
        corpus.build(plan)
    found = str(caught.value)
    assert found.startswith("reader 'my_pkg.guestbook', file ")
    assert "LookupError in the reader at guestbook.py, line" in found
    assert "of mine" not in found
    (tmp_path / "book.jsonl").write_text("".join(rows[1000:]))
    with pytest.raises(PlanError) as refused:
        corpus.build(plan)
    assert "book.jsonl': LookupError in the reader at guestbook.py, line" in str(refused.value)
    assert "of mine" not in str(refused.value)


def test_a_reader_that_yields_no_batches_of_posts_is_an_error(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    change(package / "guestbook.py", 'id=f"guestbook:{', 'id=f"{')
    with pytest.raises(PlanError, match="id of a post does not begin with its platform"):
        corpus.build(write_plan(tmp_path, [EMOJI]))


def test_check_exits_with_2_for_a_broken_filter(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    plan = write_plan(tmp_path, [EMOJI])
    assert command("check", str(plan)).returncode == 0
    change(package / "emoji_count.py", "VERSION = 1", "")
    found = command("check", str(plan))
    assert found.returncode == 2 and "no 'VERSION'" in found.stderr


def test_a_filter_of_this_folder_is_described_by_its_path(tmp_path: Path) -> None:
    write_package(tmp_path)
    found = command("filters", "my_pkg.emoji_count", cwd=tmp_path)
    assert found.returncode == 0 and "max: a whole number" in found.stdout
    assert "writes    emoji_count (Int64)" in found.stdout
    found = command("readers", "my_pkg.guestbook", cwd=tmp_path)
    assert "platform  guestbook" in found.stdout
    found = command("filters", "my_pkg.emojis", cwd=tmp_path)
    assert found.returncode == 2 and "there is no module 'my_pkg.emojis'" in found.stderr


# --------------------------------------------------------------------------- finished corpora


def test_tune_and_peek_know_a_filter_of_the_users_own(tmp_path: Path) -> None:
    package = write_package(tmp_path)
    change(
        package / "emoji_count.py",
        "def build(config):",
        "MOVABLE = {'max': 'emoji_count'}\n\n\ndef verdict(config):\n"
        "    many = pl.col('emoji_count') > config.max\n"
        "    return pl.when(many).then(pl.lit('many_emoji'))\n\n\ndef build(config):",
    )
    corpus.build(write_plan(tmp_path, [EMOJI]))
    user_code.use_folder("")
    from corpus.maintenance.tune import tune

    (summary,) = tune(tmp_path / "out", {"emoji_count": {"max": 1}})["stages"]
    assert summary["leaves"] == {"many_emoji": 12}
    found = command("peek", str(tmp_path / "out"), "--dropped", "emoji_count")
    assert "emoji_count: many_emoji" in found.stdout
    found = command("verify", str(tmp_path / "out"))
    assert found.returncode == 0


def test_the_plan_of_a_corpus_of_somebody_else_imports_nothing(tmp_path: Path) -> None:
    write_package(tmp_path)
    corpus.build(write_plan(tmp_path, [EMOJI]))
    (tmp_path / "corpus.key").unlink()
    for file in (tmp_path / "corpus.key.plans").iterdir():
        file.unlink()
    user_code.use_folder("")
    sys.modules.pop("my_pkg", None)
    found = command("tune", str(tmp_path / "out"), "emoji_count.max=1", cwd=tmp_path)
    assert found.returncode == 2
    assert "is code of the user's own, and is used only where the corpus was built" in found.stderr
    assert "my_pkg" not in sys.modules
