"""Of a post met twice the last version counts, and what was deleted once is used in no version.

In whichever order the sources are, and whether or not the plan has a stage ``dedup``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from tests.conftest import write_lines
from tests.support.examples import is_wide

OLD = "The kettle stands in the harbour office, behind the second door on the left"
NEW = "I took that out again, there is nothing left to see in this comment now"
HOUR = 3600

Write = Callable[[Path, str, Any], None]


def reddit(folder: Path, text: str, at: int | None, **more: Any) -> None:
    row = {
        "id": "ed1",
        "author": "carol",
        "body": text,
        "subreddit": "t",
        "created_utc": 10 * HOUR,
        "link_id": "t3_a",
        "parent_id": "t3_a",
    }
    write_lines(folder / "RC.jsonl", [row | ({"edited": at} if at else {}) | more])


def submission(folder: Path, text: str, at: int | None) -> None:
    row = {
        "id": "ed1",
        "author": "carol",
        "title": "A kettle",
        "selftext": text,
        "subreddit": "t",
        "created_utc": 10 * HOUR,
        "edited": at or False,
        "retrieved_on": 999 * HOUR,
    }
    write_lines(folder / "RS.jsonl", [row])


def mirror(folder: Path, text: str, at: int | None) -> None:
    folder.mkdir(parents=True)
    row = {
        "id": "ed1",
        "author": "carol",
        "body": text,
        "subreddit": "t",
        "created_utc": 10 * HOUR,
        "edited": str(float(at)) if at else "False",
        "link_id": "t3_a",
    }
    pl.DataFrame([row]).write_parquet(folder / "RC.parquet")


def only_recorded(folder: Path, text: str, at: int | None) -> None:
    reddit(folder, text, None, edited=at is not None, retrieved_on=11 * HOUR + (at or 0))


def lemmy(folder: Path, text: str, at: int | None) -> None:
    when = f"2023-06-{10 + at // HOUR}T12:00:00Z" if at else None
    row = {
        "id": 27,
        "creator_id": 4,
        "post_id": 24,
        "content": text,
        "local": True,
        "published": "2023-06-10T12:00:01Z",
        "updated": when,
        "path": "0.27",
        "ap_id": "https://lemmy.example/comment/27",
    }
    write_lines(folder / "comments.jsonl", [row])


def discord(folder: Path, text: str, at: int | None) -> None:
    message = {
        "id": "400000000000000004",
        "type": "Default",
        "content": text,
        "timestamp": "2022-05-01T14:00:00Z",
        "author": {"id": "5", "name": "ada"},
        "timestampEdited": f"2022-05-{1 + at // HOUR:02}T14:00:00Z" if at else None,
    }
    document = {
        "guild": {"id": "1", "name": "Tea"},
        "channel": {"id": "2", "type": "GuildTextChat", "name": "general"},
        "messages": [message],
        "messageCount": 1,
    }
    write_lines(folder / "tea.json", [document])


def telegram(folder: Path, text: str, at: int | None) -> None:
    message = {
        "id": 7,
        "type": "message",
        "date": "2022-05-01T14:00:00",
        "from": "Ada",
        "date_unixtime": "1651406400",
        "from_id": "user12",
        "text": text,
    }
    if at:
        message |= {"edited": "2022-05-02T14:00:00", "edited_unixtime": str(1651406400 + at)}
    document = {"name": "Tea", "type": "public_supergroup", "id": 55, "messages": [message]}
    write_lines(folder / "result.json", [document])


def stackexchange(folder: Path, text: str, at: int | None) -> None:
    edit = f'LastEditDate="2020-01-{1 + at // HOUR:02}T00:00:00.000" ' if at else ""
    row = (
        f'<row Id="5" PostTypeId="1" CreationDate="2020-01-01T00:00:00.000" {edit}Title="Tea" '
        f'Body="&lt;p&gt;{text}&lt;/p&gt;" OwnerUserId="9" />'
    )
    folder = folder / "tea.stackexchange.com"
    document = f'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{row}\n</posts>\n'
    folder.mkdir(parents=True)
    (folder / "Posts.xml").write_text(document)


def table(folder: Path, text: str, at: int | None) -> None:
    write_lines(folder / "posts.jsonl", [{"id": "1", "text": text, "seen": 10 * HOUR + (at or 0)}])


FIELDS = {"id": "id", "text": "text", "seen_at": "seen"}
FORMS: dict[str, tuple[str, Write, dict[str, Any]]] = {
    "reddit comment": ("reddit", reddit, {}),
    "reddit submission": ("reddit", submission, {}),
    "reddit in parquet": ("reddit", mirror, {}),
    "reddit, edited: true": ("reddit", only_recorded, {}),
    "lemmy": ("lemmy", lemmy, {}),
    "discord": ("discord", discord, {}),
    "telegram": ("telegram", telegram, {}),
    "stackexchange": ("stackexchange", stackexchange, {}),
    "table": ("table", table, {"fields": FIELDS}),
}


def build(folder: Path, reader: str, sources: list[str], stages: list[Any], **more: Any) -> Path:
    document = {
        "sources": [{reader: {"path": str(folder / name), **more}} for name in sources],
        "stages": stages,
        "output": {"path": str(folder / "out"), "ids": "original"},
        "run": {"runner": "serial"},
    }
    corpus.build(document)
    return folder / "out"


def kept_texts(out: Path) -> list[str]:
    return corpus.load(out).scan().collect()["text"].to_list()


def orders(
    folder: Path, form: str, *versions: tuple[str, int | None], both: bool = True
) -> Iterator[Path]:
    """Build the versions in both orders or in the second alone, the second time with dedup."""
    reader, write, more = FORMS[form]
    for number, stages in enumerate(([], [{"dedup": {}}])):
        if number == 0 and not both:
            continue
        here = folder / str(number)
        names = [f"dump{index}" for index in range(len(versions))]
        for name, (text, at) in zip(names, versions, strict=True):
            write(here / name, text, at)
        yield build(here, reader, names[:: -1 if number else 1], stages, **more)


@pytest.mark.parametrize("form", FORMS)
def test_the_version_before_an_edit_is_superseded_in_any_order(form: str, tmp_path: Path) -> None:
    both = is_wide() or form in ("table", "reddit comment")
    for out in orders(tmp_path, form, (OLD, None), (NEW, 12 * HOUR), both=both):
        (text,) = kept_texts(out)
        assert NEW in text
        dropped = corpus.load(out).dropped().collect()
        assert dropped.select("stage", "reason").rows() == [("consent", "superseded")]
        for name in ("report.html", "statistics.json"):
            assert "harbour office" not in (out / name).read_text()


def test_of_two_edits_the_last_counts(tmp_path: Path) -> None:
    versions = ((OLD, None), ("The kettle stands in the office", 12 * HOUR), (NEW, 13 * HOUR))
    for out in orders(tmp_path, "reddit comment", *versions):
        assert kept_texts(out) == [NEW]


@pytest.mark.parametrize(
    ("names", "more"),
    [
        (["a", "b"], {"edited": False}),
        (["b", "a"], {}),
        pytest.param(["a", "b"], {}, marks=pytest.mark.slow),
        pytest.param(["b", "a"], {"edited": False}, marks=pytest.mark.slow),
    ],
)
def test_of_copies_without_an_edit_the_one_that_was_recorded_last_is_kept(
    names: list[str], more: dict[str, Any], tmp_path: Path
) -> None:
    reddit(tmp_path / "a", OLD, None, retrieved_on=11 * HOUR, score=99, **more)
    reddit(tmp_path / "b", NEW, None, retrieved_on=19 * HOUR, score=1, **more)
    stages = [{"dedup": {"keep": "best_score"}}]
    assert kept_texts(build(tmp_path, "reddit", names, stages)) == [NEW]
    (tmp_path / "two").mkdir()
    for name in names:
        (tmp_path / name).rename(tmp_path / "two" / name)
    preferred = [{"dedup": {"prefer_sources": ["*/a/*"]}}]
    assert kept_texts(build(tmp_path / "two", "reddit", names, preferred)) == [OLD]


SALAD = "lantern obtainable wise seven harbour grotesque crab oven tulip"


@pytest.mark.parametrize("form", [form for form in FORMS if form != "table"])
def test_random_words_that_an_edit_left_are_withdrawn_as_deleted(form: str, tmp_path: Path) -> None:
    reader, write, more = FORMS[form]
    write(tmp_path / "old", SALAD, None)
    write(tmp_path / "new", SALAD, 12 * HOUR)
    if form == "reddit comment":  # the words alone say nothing: only the author's edit does
        assert len(kept_texts(build(tmp_path, reader, ["old"], [], **more))) == 1
        (tmp_path / "out").rename(tmp_path / "first")
    out = build(tmp_path, reader, ["old", "new"], [], **more)
    assert kept_texts(out) == []
    assert set(corpus.load(out).dropped().collect()["reason"]) == {"deleted"}


def test_two_copies_of_one_version_are_not_superseded(tmp_path: Path) -> None:
    write = FORMS["reddit comment"][1]
    for name in ("a", "b"):
        write(tmp_path / name, NEW, 12 * HOUR)
    out = build(tmp_path, "reddit", ["a", "b"], [{"dedup": {}}])
    assert kept_texts(out) == [NEW]
    assert corpus.load(out).dropped().collect()["reason"].to_list() == ["same_id"]


@pytest.mark.parametrize(
    ("notice", "reason"),
    [
        ("[deleted]", "deleted"),
        ("[ Removed by Reddit in response to a trademark notice. ]", "removed"),
        ("*This post was mass deleted and anonymized with [Redact](https://r.example)*", "deleted"),
    ],
)
def test_what_a_copy_shows_as_deleted_is_dropped_in_every_copy(
    notice: str, reason: str, tmp_path: Path
) -> None:
    for out in orders(tmp_path, "reddit comment", (OLD, None), (notice, None)):
        assert kept_texts(out) == []
        dropped = corpus.load(out).dropped().collect()
        assert dropped.select("stage", "reason").rows() == [("consent", reason)] * 2
        assert "harbour office" not in (out / "report.html").read_text()


def test_a_private_copy_does_not_withdraw_a_public_post(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": OLD, "why": None}, {"id": "1", "text": "", "why": "private"}]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "withdrawn": "why"}
    out = build(tmp_path, "table", ["posts.jsonl"], [], fields=fields)
    assert kept_texts(out) == [OLD]


def test_each_source_settles_before_its_own_end(tmp_path: Path) -> None:
    fields = {"id": "id", "text": "text", "created_at": "at", "edited_at": "edited"}
    rows = [("a", 0, None), ("b", 0, 90), ("c", 60, None), ("d", 100, None)]  # hours
    for number, later in enumerate((0, 5000)):
        lines = [
            {
                "id": f"{name}{number}",
                "text": f"{name}{number}",
                "at": (at + later) * HOUR,
                "edited": edited and (edited + later) * HOUR,
            }
            for name, at, edited in rows
        ]
        write_lines(tmp_path / f"dump{number}" / "posts.jsonl", lines)
    out = build(
        tmp_path, "table", ["dump0", "dump1"], [{"consent": {"settle": "48h"}}], fields=fields
    )
    assert sorted(kept_texts(out)) == ["a0", "a1"]
    dropped = corpus.load(out).dropped().collect()
    assert set(dropped["reason"]) == {"unsettled"} and dropped.height == 6
    assert "_dump_end" not in dropped.columns
    assert corpus.load(out).manifest["last_hours"] == {"hours": 48, "posts": 6}
    report = (out / "report.html").read_text()
    assert "6 posts (75.0" in report and "Written or edited in the last 48 hours" in report


def test_the_first_version_of_an_edited_post_is_compared_with_the_last(tmp_path: Path) -> None:
    fields = {name: name for name in ("id", "text", "created_at", "edited_at", "seen_at")}
    long = " ".join(f"word{n}" for n in range(400))
    added, replaced = f"{OLD} and thanks for the answers", f"the kettle {NEW}"
    versions = [  # id, the texts, and the hour of the last edit
        ("same", [OLD, OLD], 5),
        ("added", [OLD, added], 5),
        ("early", [OLD, replaced], 5),
        ("late", [OLD, NEW], 990),
        ("back", [OLD, NEW, OLD], 995),
        ("emptied", [OLD, "."], 5),
        ("long", [long, " ".join(f"word{n}" for n in range(1600))], 5),
        ("cut", [long, long[:600]], 5),
        ("single", [NEW], 999),
    ]
    lines = [
        {"id": name, "text": text, "created_at": 0, "seen_at": (at - len(texts) + number) * HOUR}
        | ({"edited_at": (at - len(texts) + number + 1) * HOUR} if number else {})
        for name, texts, at in versions
        for number, text in enumerate(texts)
    ]
    lines.append({"id": "end", "text": "the last post", "created_at": 1000 * HOUR, "seen_at": 1})
    for name, half in (("dump0", lines[::2]), ("dump1", lines[1::2])):
        write_lines(tmp_path / name / "posts.jsonl", half[::-1])
    out = build(tmp_path, "table", ["dump*/posts.jsonl"], [], fields=fields)
    manifest = corpus.load(out).manifest
    counts = {"compared": 8, "replaced": 4, "replaced_late": 1, "hours": 48}
    assert manifest["edits"] == counts  # early, late, emptied, cut
    line = (
        "Edited: 8 posts with an earlier version in the dumps. In 4 of them the edit replaced more"
    )
    assert line in " ".join((out / "report.html").read_text().split())


def test_dumps_without_a_second_version_have_no_edits_in_the_manifest(tmp_path: Path) -> None:
    reddit(tmp_path / "dump", NEW, 20 * HOUR)
    assert "edits" not in corpus.load(build(tmp_path, "reddit", ["dump"], [])).manifest
