"""No build under a key brings back what its suppression list has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.errors import PlanError
from corpus.maintenance import takedown, verify
from corpus.maintenance.takedown import take_down
from corpus.manifest import find_imbalances
from corpus.privacy import keys, people, suppression
from corpus.schema import LEDGER_COLUMNS
from tests.conftest import contents, sentence, write_lines
from tests.support.corpora import build_once
from tests.support.keys import DIGITS

MakePlan = Callable[..., dict[str, Any]]


@pytest.fixture
def forum(tmp_path: Path) -> MakePlan:
    """Write 60 posts, of which rosa has 7 and 8, and a repost of 7; make plans over them."""
    rows = [
        {"id": f"p{n}", "user": "Rosa" if n in (7, 8) else f"u{n}", "text": sentence(n)}
        for n in range(60)
    ]
    rows.append({"id": "r1", "user": "u2", "text": sentence(7), "of": "p7", "kind": "repost"})
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "author": "user", "text": "text", "parent_id": "of", "kind": "kind"}

    def make(stages: list[Any] | None = None, **output: Any) -> dict[str, Any]:
        table = {"path": str(tmp_path / "posts.jsonl"), "platform": "forum", "fields": fields}
        return {
            "sources": [{"table": table}],
            "stages": [{"consent": {}}, {"pii": {}}] if stages is None else stages,
            "output": {"path": str(tmp_path / "out"), "ids": "original"} | output,
            "run": {"runner": "serial", "part_posts": 20},
        }

    return make


def ids(out: Path) -> set[str]:
    return set(corpus.load(out).scan().collect()["id"])


def has_text(folder: Path, text: str) -> bool:
    """Whether a Parquet file below a folder has a text."""
    frames = (pl.read_parquet(path, glob=False) for path in folder.rglob("*.parquet"))
    texts = (frame["text"] for frame in frames if "text" in frame.columns)
    return any((each == text).any() for each in texts)


GONE = {"forum:p7", "forum:p8", "forum:r1"}


# --------------------------------------------------------------------------- what a build drops


def test_listed_posts_and_reposts_of_them_are_counted_and_have_no_ledger_row(
    forum: MakePlan, tmp_path: Path
) -> None:
    key = tmp_path / "corpus.key"
    key.write_text(DIGITS)
    key.chmod(0o600)
    suppression.add(key, ["forum:p7"], ["forum:rosa", "forum:nobody"])
    manifest = corpus.build(forum())
    assert manifest["sources"][0]["suppressed"] == 3
    assert manifest["funnel"][0]["stage"] == "consent"
    assert manifest["funnel"][0]["dropped"] == {"suppressed": 3}
    assert manifest["suppression"]["entries"] == 3
    assert (manifest["totals"]["read"], manifest["totals"]["kept"]) == (61, 58)
    assert find_imbalances(manifest) == []
    out = tmp_path / "out"
    assert not ids(out) & GONE and len(ids(out)) == 58
    assert corpus.load(out).dropped().collect().height == 0
    assert verify.verify(out)["passed"]
    assert "suppressed" in (out / "report.html").read_text()
    assert "suppressed" in (out / "README.md").read_text()


def test_a_link_to_a_key_has_its_list_and_its_plans(forum: MakePlan, tmp_path: Path) -> None:
    key = tmp_path / "corpus.key"
    key.write_text(DIGITS)
    key.chmod(0o600)
    suppression.add(key, ["forum:p7"])
    (tmp_path / "l.key").symlink_to("corpus.key")
    corpus.build(forum(key=str(tmp_path / "l.key")))
    assert not ids(tmp_path / "out") & {"forum:p7", "forum:r1"}
    assert list((tmp_path / "corpus.key.plans").glob("out-*.yaml"))
    assert sorted(path.name for path in tmp_path.glob("l.key*")) == ["l.key"]


def test_verify_fails_if_the_ledger_has_a_row_of_a_suppressed_post(
    forum: MakePlan, tmp_path: Path
) -> None:
    build_once(tmp_path, forum())
    suppression.add(tmp_path / "corpus.key", ["forum:p7"])
    corpus.build(forum())
    out = tmp_path / "out"
    assert verify.verify(out)["passed"]
    # As many rows as the funnel counts, so that nothing else is wrong with them.
    row = {"stage": "consent", "reason": "suppressed", "source_file": "x", "source_row": 1}
    rows = pl.DataFrame([row, row], schema={**LEDGER_COLUMNS})
    rows.write_parquet(out / "dropped" / "consent-00000.parquet")
    found = verify.verify(out)
    failed = [check for check in found["checks"] if not check["passed"]]
    assert [check["name"] for check in failed] == ["the ledger"]


def test_a_plan_without_consent_and_one_that_honours_nothing_drop_listed_posts_too(
    forum: MakePlan, tmp_path: Path
) -> None:
    build_once(tmp_path, forum())
    suppression.add(tmp_path / "corpus.key", [], ["forum:rosa"])
    for name, stages in (("none", []), ("lax", [{"consent": {"drop": []}}])):
        manifest = corpus.build(forum(stages, path=str(tmp_path / name)))
        assert manifest["funnel"][0]["dropped"] == {"suppressed": 3}  # and the repost of hers


def test_listed_names_are_redacted_before_any_stage_sees_them(
    forum: MakePlan, tmp_path: Path
) -> None:
    build_once(tmp_path, forum())
    write_lines(
        tmp_path / "posts.jsonl",
        [{"id": "1", "user": "a", "text": "Yesterday Rosa FINCH sold me the kettle, rosa finch!"}],
    )
    suppression.add(tmp_path / "corpus.key", names=["Rosa Finch"])
    corpus.build(forum([{"dedup": {}}, {"pii": {}}], keep_work=True, path=str(tmp_path / "two")))
    (text,) = corpus.load(tmp_path / "two").scan().collect()["text"]
    assert text == "Yesterday <PERSON> sold me the kettle, <PERSON>!"
    for path in (tmp_path / "two").rglob("*"):
        assert path.is_dir() or b"finch" not in path.read_bytes().lower()


def test_the_same_input_plan_and_list_give_the_same_bytes(forum: MakePlan, tmp_path: Path) -> None:
    build_once(tmp_path, forum())
    suppression.add(tmp_path / "corpus.key", ["forum:p1"], ["forum:rosa"], ["Ada Lane"])
    made = []
    for name, run in (
        ("a", {"runner": "serial", "part_posts": 20}),
        ("b", {"runner": "serial", "part_posts": 7}),
    ):
        plan = forum([{"dedup": {}}, {"pii": {}}], path=str(tmp_path / name)) | {"run": run}
        corpus.build(plan)
        made.append(contents(tmp_path / name))
    assert made[0] == made[1]


KETTLE = "the old copper kettle sings every morning before the harbour wakes up again"
GULLS = "nine grey gulls argued about a sandwich on the roof of the customs house"
#: A post by ann, and what others made of it.
ASKED = [{"id": "q", "user": "ann", "text": KETTLE, "root": "q"}]
REPEATS = [
    {"id": "a", "user": "bob", "text": f"> the old copper kettle sings\n\nnot here\n> {GULLS}"},
    {"id": "b", "user": "cat", "text": f"RT @ann: {KETTLE}"},
    {"id": "c", "user": "dan", "text": f"quite so! RT @ann: {KETTLE}"},
    {"id": "d", "user": "eve", "text": f"> {KETTLE}"},
    {"id": "e", "user": "finn", "text": "we have one of iron"},
]


@pytest.fixture
def talk(tmp_path: Path) -> MakePlan:
    """Write a post and what repeats it to two dumps; make plans over them in either order."""
    write_lines(tmp_path / "asked.jsonl", ASKED)
    answers = [row | {"up": "q", "root": "q"} for row in REPEATS]
    write_lines(tmp_path / "repeats.jsonl", [*answers, {"id": "f", "user": "ann", "text": GULLS}])
    fields = {"id": "id", "author": "user", "text": "text", "parent_id": "up", "root_id": "root"}

    def make(*names: str, out: str = "out", **run: Any) -> dict[str, Any]:
        paths = [str(tmp_path / f"{name}.jsonl") for name in names]
        tables = [{"path": path, "platform": "forum", "fields": fields} for path in paths]
        return {
            "sources": [{"table": table} for table in tables],
            "output": {"path": str(tmp_path / out), "ids": "original"},
            "run": {"runner": "serial", "part_posts": 2} | run,
        }

    return make


def shown(out: Path) -> list[Any]:
    columns = ("id", "text", "parent_id", "root_id", "original_author")
    return corpus.load(out).scan().select(columns).sort("id").collect().rows()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"ids": ["forum:q"]}, ("asked", "repeats")),
        ({"authors": ["forum:ann"]}, ("repeats", "asked")),
        pytest.param({"ids": ["forum:q"]}, ("repeats", "asked"), marks=pytest.mark.slow),
        pytest.param({"authors": ["forum:ann"]}, ("asked", "repeats"), marks=pytest.mark.slow),
    ],
)
def test_a_build_removes_what_repeats_a_listed_post_as_a_takedown_does(
    talk: MakePlan, tmp_path: Path, names: tuple[str, str], asked: dict[str, list[str]]
) -> None:
    corpus.build(talk(*names))
    take_down(tmp_path / "out", **asked)
    manifest = corpus.build(talk(*names, out="later"))
    assert shown(tmp_path / "later") == shown(tmp_path / "out")
    texts = {row[0]: row[1] for row in shown(tmp_path / "later")}
    of_another_post = "" if "authors" in asked else f"\n> {GULLS}"  # also by ann
    assert texts["forum:a"] == f"not here{of_another_post}" and texts["forum:c"] == "quite so!"
    assert {"forum:b", "forum:d", "forum:q"}.isdisjoint(texts)
    (path,) = (n for n, name in enumerate(names) if name == "repeats")
    of_ann = 1 if "authors" in asked else 0
    assert manifest["sources"][path]["suppressed"] == 2 + of_ann
    assert manifest["funnel"][0]["dropped"] == {"suppressed": 3 + of_ann}
    assert sum(source["tombstones"] for source in manifest["sources"]) == 0
    assert verify.verify(tmp_path / "later")["passed"]
    for page in (tmp_path / "later").glob("*.*"):
        assert "kettle" not in page.read_text(), page


def test_a_line_of_a_removed_post_is_cut_whatever_post_quotes_it(tmp_path: Path) -> None:
    kept = {
        "k1": f"> {GULLS}\n\nof a post that stays",
        "k2": f"> {KETTLE} of iron\n\nnot the same line",
        "k3": "> good morning\n\ntoo short to tell whose it is",
        "k4": f"the kettle: {KETTLE}",
    }
    quoting = {
        "q1": f"> {KETTLE}\n\nits sibling",
        "q2": f"&gt;{KETTLE.upper()}\n\nhas capitals",
        "q3": f">> {KETTLE}\n> no\n\ndeeper",
        "q4": f"＞{KETTLE}\n\nfull width",
        "q5": f"> **{KETTLE}**\n\nbold",
        "q6": f"> [{KETTLE}](https://a.example/b)\n\na link",
        "q7": f"- > _{KETTLE}_\n\nin a list",
        "q8": f"> {GULLS}\n> {KETTLE}.\nof two posts",
        "q9": f"> {KETTLE}",
    }
    rows = [{"id": n, "user": "bob", "text": text} for n, text in (kept | quoting).items()]
    rows.insert(4, {"id": "m", "user": "ann", "text": f"good morning\n{KETTLE}"})
    rows.append({"id": "g", "user": "cat", "text": GULLS})
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "author": "user", "text": "text"}
    table = {"path": str(tmp_path / "posts.jsonl"), "platform": "forum", "fields": fields}
    plan = {
        "sources": [{"table": table}],
        "output": {"path": str(tmp_path / "out"), "ids": "original"},
        "run": {"runner": "serial", "part_posts": 3},
    }
    corpus.build(plan)
    assert take_down(tmp_path / "out", ["forum:m"])["cut"] == 8
    texts = {row[0].partition(":")[2]: row[1] for row in shown(tmp_path / "out")}
    assert texts == kept | {
        "g": GULLS,
        "q1": "its sibling",
        "q2": "has capitals",
        "q3": "> no\n\ndeeper",
        "q4": "full width",
        "q5": "bold",
        "q6": "a link",
        "q7": "in a list",
        "q8": f"> {GULLS}\nof two posts",
    }
    corpus.build(plan | {"output": {"path": str(tmp_path / "later"), "ids": "original"}})
    assert shown(tmp_path / "later") == shown(tmp_path / "out")
    assert verify.verify(tmp_path / "out")["passed"]


@pytest.mark.parametrize(
    "run",
    [{}, pytest.param({"runner": "processes", "workers": 2}, marks=pytest.mark.slow)],
    ids=["serial", "processes"],
)
def test_workers_and_sizes_of_parts_do_not_change_what_is_removed(
    talk: MakePlan, tmp_path: Path, run: dict[str, Any]
) -> None:
    corpus.build(talk("asked", "repeats"))
    suppression.add(tmp_path / "corpus.key", ["forum:q"])
    corpus.build(talk("asked", "repeats", out="one"))
    corpus.build(talk("asked", "repeats", out="two", part_posts=9, **run))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_the_posts_of_an_author_who_is_listed_by_number_are_found_by_their_name(
    tmp_path: Path,
) -> None:
    def status(number: int, user: str, account: int, text: str) -> dict[str, Any]:
        name = str(1_600_000_000_000_000_000 + number)
        account_of = {"id": account, "id_str": str(account), "screen_name": user}
        made = {"id": int(name), "id_str": name, "text": text, "lang": "en", "user": account_of}
        return made | {"created_at": "Tue Mar 05 10:00:00 +0000 2024", "entities": {}}

    write_lines(
        tmp_path / "x.jsonl",
        [
            status(1, "Ben", 3, f"RT @otto: {KETTLE}"),
            status(2, "Otto", 7, "good morning"),
            status(3, "dora", 5, f"I never heard it so well told. RT @otto: {KETTLE}"),
        ],
    )
    plan = {
        "sources": [{"x_stream": {"path": str(tmp_path / "x.jsonl")}}],
        "output": {"path": str(tmp_path / "out"), "ids": "original"},
        "run": {"runner": "serial"},
    }
    corpus.build(plan)
    suppression.add(tmp_path / "corpus.key", [], ["x:7"])
    corpus.build(plan)
    texts = corpus.load(tmp_path / "out").scan().collect()["text"].to_list()
    assert texts == ["I never heard it so well told."]
    key = keys.load_key(tmp_path / "corpus.key")
    for path in (tmp_path / "out" / "people").iterdir():
        assert keys.pseudonymize_author("x:7", key) not in str(people.load_people(path, key).rows())


def test_a_repost_by_text_of_a_withdrawn_post_is_not_kept_in_its_place(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "user": "ann", "text": KETTLE, "why": None},
        {"id": "2", "user": "bob", "text": f"RT @ann: {KETTLE}", "why": None},
        {"id": "3", "user": "cat", "text": KETTLE, "why": None},
    ]
    write_lines(tmp_path / "a.jsonl", rows)
    write_lines(tmp_path / "b.jsonl", [{"id": "1", "user": "ann", "text": "", "why": "deleted"}])
    fields = {"id": "id", "author": "user", "text": "text", "withdrawn": "why"}
    for names in (("a", "b"), ("b", "a")):
        tables = [{"path": str(tmp_path / f"{name}.jsonl"), "fields": fields} for name in names]
        corpus.build(
            {
                "sources": [{"table": table} for table in tables],
                "stages": [{"dedup": {}}],
                "output": {"path": str(tmp_path / names[0]), "ids": "original"},
                "run": {"runner": "serial"},
            }
        )
        assert ids(tmp_path / names[0]) == {"table:3"}
        dropped = corpus.load(tmp_path / names[0]).dropped().collect()
        assert dropped["reason"].to_list() == ["deleted"] * 3


# --------------------------------------------------------------------------- after a takedown


def test_after_a_takedown_no_build_over_the_corpus_brings_a_post_back(
    forum: MakePlan, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    build_once(tmp_path, forum(keep_work=True))
    take_down(out, ["forum:r1"], ["forum:Rosa"])
    assert not ids(out) & GONE
    before = contents(out, timings=True)
    corpus.build(forum(keep_work=True))
    assert contents(out, timings=True) == before  # it honours the list already
    other = [{"consent": {}}, {"quality": {}}, {"pii": {}}]
    for plan, replace in (
        (forum(other, keep_work=True), False),
        (forum(keep_work=True), True),
        (forum(other), True),
    ):
        manifest = corpus.build(plan, replace=replace)
        assert manifest["sources"][0]["suppressed"] == 3
        assert not ids(out) & GONE
        assert "takedowns" not in manifest and not (out / "takedowns").exists()
        assert not has_text(out, sentence(7)) and not has_text(out, sentence(8))
        assert verify.verify(out)["passed"]


def test_a_takedown_that_is_killed_has_listed_its_request(
    forum: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_once(tmp_path, forum())
    out = tmp_path / "out"

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(takedown, "_rewrite_corpus", stop)
        take_down(out, [], ["forum:rosa"])
    assert "forum:p7" in ids(out)
    corpus.build(forum())
    assert not ids(out) & {"forum:p7", "forum:p8"}


def test_requests_that_are_added_between_builds_are_honoured_by_the_next(
    forum: MakePlan, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    build_once(tmp_path, forum(keep_work=True))
    assert ids(out) >= GONE and has_text(out / "work", sentence(7))
    suppression.add(tmp_path / "corpus.key", ["forum:p7"])
    corpus.build(forum(keep_work=True))  # no --replace is needed
    assert ids(out) & GONE == {"forum:p8"}
    assert not has_text(out, sentence(7))
    before = contents(out, timings=True)
    corpus.build(forum(keep_work=True))
    assert contents(out, timings=True) == before


@pytest.mark.parametrize(
    ("ids_asked", "authors_asked", "kept"),
    [
        ([], [], set()),
        (["forum:p7"], [], {"forum:q7"}),
        ([], ["forum:rosa"], {"forum:q7", "forum:q8"}),
    ],
)
def test_a_listed_post_of_an_earlier_corpus_drops_no_copy_by_another(
    forum: MakePlan,
    tmp_path: Path,
    ids_asked: list[str],
    authors_asked: list[str],
    kept: set[str],
) -> None:
    build_once(tmp_path, forum([{"dedup": {}}]))
    assert {"forum:p7", "forum:p8"} <= ids(tmp_path / "out")
    rows = [{"id": f"q{n}", "user": "ada", "text": sentence(n)} for n in (7, 8, 9)]
    write_lines(tmp_path / "posts.jsonl", rows)
    suppression.add(tmp_path / "corpus.key", ids_asked, authors_asked)
    stages: list[Any] = [{"dedup": {"against": [str(tmp_path / "out")]}}]
    manifest = corpus.build(forum(stages, path=str(tmp_path / "two")))
    assert manifest["funnel"][-1]["dropped"] == {"in_earlier_corpus": 3 - len(kept)}
    assert ids(tmp_path / "two") == kept


# --------------------------------------------------------------------------- refusals


def test_a_build_is_refused_if_the_list_has_lost_what_the_corpus_honours(
    forum: MakePlan, tmp_path: Path
) -> None:
    build_once(tmp_path, forum(keep_work=True))
    take_down(tmp_path / "out", ["forum:p7"])
    listed = tmp_path / "corpus.key.suppressed"
    kept = listed.read_bytes()
    listed.unlink()
    other = forum([{"quality": {}}], keep_work=True)
    for replace in (False, True):
        with pytest.raises(PlanError, match=r"suppression list, does not have.*suppressed: FILE"):
            corpus.build(other, replace=replace)
    assert "takedowns" in json.loads((tmp_path / "out" / "manifest.json").read_text())
    suppression.add(tmp_path / "corpus.key", ["forum:p9"])  # as many entries, but others
    with pytest.raises(PlanError, match="does not have"):
        corpus.build(other, replace=True)
    listed.write_bytes(kept)
    corpus.build(other, replace=True)
    assert "forum:p7" not in ids(tmp_path / "out")


def test_a_takedown_of_before_there_was_a_list_is_not_built_over(
    forum: MakePlan, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    build_once(tmp_path, forum())
    take_down(out, ["forum:p7"])
    (tmp_path / "corpus.key.suppressed").unlink()
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["suppression"], manifest["takedowns"][0]["suppression"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PlanError, match=r"does not have.*suppressed: FILE"):
        corpus.build(forum([]), replace=True)
    del manifest["takedowns"]  # a receipt alone is enough
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PlanError, match="does not have"):
        corpus.build(forum([]), replace=True)


@pytest.mark.parametrize("replace", [False, True])
def test_a_corpus_of_another_key_is_built_over_when_its_requests_are_given(
    forum: MakePlan, tmp_path: Path, replace: bool
) -> None:
    out = tmp_path / "out"
    build_once(tmp_path, forum())
    take_down(out, ["forum:p7"])
    other = str(tmp_path / "keys" / "new.key")
    with pytest.raises(PlanError, match=r"another key.*suppressed: FILE.*suppressed: none"):
        corpus.build(forum(key=other), replace=replace)
    assert ids(out)
    requests = tmp_path / "requests.txt"
    requests.write_text("# by mail\n\nid forum:p7\nauthor  forum:Rosa\nname Ada Lane\n")
    manifest = corpus.build(forum(key=other, suppressed=str(requests)), replace=True)
    assert manifest["sources"][0]["suppressed"] == 3
    assert manifest["suppression"]["entries"] == 3
    corpus.build(forum([], key=other), replace=True)  # they are on its list from now on
    assert not ids(out) & GONE


def test_posts_of_another_key_s_corpus_may_come_back_if_the_plan_says_so(
    forum: MakePlan, tmp_path: Path
) -> None:
    build_once(tmp_path, forum())
    take_down(tmp_path / "out", ["forum:p7"])
    other = str(tmp_path / "new.key")
    corpus.build(forum(key=other, suppressed="none"), replace=True)
    assert ids(tmp_path / "out") >= GONE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id forum:1\nremove this\n", "line 2 is no request"),
        ("author\n", "line 1 is no request"),
        (None, "cannot read"),
    ],
)
def test_a_wrong_file_of_requests_is_refused_without_its_words(
    forum: MakePlan, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "requests.txt").write_text(text)
    with pytest.raises(PlanError, match=message) as error:
        corpus.build(forum(suppressed=str(tmp_path / "requests.txt")))
    assert "remove this" not in str(error.value)
    assert not (tmp_path / "out").exists()
