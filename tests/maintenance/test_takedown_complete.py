"""A takedown reaches reposts, quotations, the ledger and names, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.maintenance import verify
from corpus.maintenance.takedown import take_down
from corpus.manifest import find_imbalances
from corpus.pipeline import replacements
from corpus.privacy import keys, people
from tests.conftest import contents, write_lines
from tests.support.commands import command

KETTLE = "the old copper kettle sings every morning before the harbour wakes up again"
MARKET = (
    "the market was closed when we came and so was the museum, so we walked along the river to the "
    "old mill and came back again before it was dark"
)
GULLS = "nine grey gulls argued about a sandwich on the roof of the customs house"


def status(
    number: int, user: str, account: int, text: str, original: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A status as X's stream has it; ``original`` is the one that it reposts."""
    made: dict[str, Any] = {
        "created_at": f"Tue Mar 05 10:{number % 60:02}:00 +0000 2024",
        "id": 1_600_000_000_000_000_000 + number,
        "id_str": str(1_600_000_000_000_000_000 + number),
        "text": text,
        "lang": "en",
        "user": {"id": account, "id_str": str(account), "screen_name": user},
        "entities": {},
    }
    return made | ({"retweeted_status": original} if original else {})


def name(number: int) -> str:
    return f"x:{1_600_000_000_000_000_000 + number}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts of ``otto``, account 7, and what others made of them."""
    folder = tmp_path_factory.mktemp("complete")
    one, absent = status(1, "otto", 7, KETTLE), status(20, "otto", 7, GULLS)
    rows = [
        one,
        status(2, "hugo", 11, KETTLE),
        status(3, "ben", 3, f"RT @otto: {KETTLE}"),
        status(4, "cleo", 4, f"RT @otto: {GULLS}", absent),
        status(5, "dora", 5, f"I never heard it so well told, really. RT @otto: {KETTLE}"),
        status(7, "ines", 9, f"How very true and how nicely put, too: RT @otto: {KETTLE}"),
        status(6, "emil", 6, "please RT @otto and his songs about mornings at the harbour"),
        status(8, "finn", 8, "Rosa Fink told me that the market opens at nine on Sundays"),
        status(9, "otto", 7, "http://a.example http://b.example"),
        status(10, "gwen", 10, MARKET),
        status(12, "finn", 8, f"{MARKET} rosa fink"),
    ]
    write_lines(folder / "x.jsonl", rows)
    corpus.build(
        {
            "sources": [{"x_stream": {"path": str(folder / "x.jsonl")}}],
            "stages": [{"quality": {}}, {"dedup": {}}, {"pii": {}}],
            "output": {"path": str(folder / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    return folder / "out"


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    shutil.copy(built.parent / "corpus.key", tmp_path / "corpus.key")
    return Path(shutil.copytree(built, tmp_path / "out"))


def texts(out: Path) -> dict[str, str]:
    frame = corpus.load(out).scan().select("id", "text").collect()
    return dict(frame.iter_rows())


def check(out: Path) -> None:
    assert find_imbalances(json.loads((out / "manifest.json").read_text())) == []
    found = verify.verify(out)
    assert found["passed"], found["checks"]


def reserve(out: Path) -> pl.DataFrame:
    key = keys.load_key(out.parent / "corpus.key")
    pieces = replacements.list_pieces(out / "reserve")
    return pl.concat([replacements.load_piece(path, key) for path in pieces])


@pytest.mark.parametrize("author", ["x:7", "x:otto", "x:OTTO"])
def test_an_author_s_reposts_go_whole_and_a_quotation_is_cut(out: Path, author: str) -> None:
    before = texts(out)
    assert {name(1), name(4), name(5)} <= before.keys()
    found = take_down(out, authors=[author])
    left = texts(out)
    assert not {name(1), name(3), name(4)} & left.keys()
    assert left[name(5)] == "I never heard it so well told, really."
    assert left[name(7)] == "How very true and how nicely put, too"
    assert left[name(6)] == before[name(6)]
    assert left[name(2)] == KETTLE, "another person's copy replaces it"
    assert not [text for text in left.values() if "gulls" in text]
    originals = set(corpus.load(out).scan().collect()["original_author"])
    asked = [keys.pseudonymize_author(each, keys.load_key(out.parent / "corpus.key"))
             for each in ("x:7", "x:otto")]  # fmt: skip
    assert not originals & set(asked)
    assert (found["unknown"], found["unresolved"]) == ([], [])
    assert found["elected"] == 1 and found["cut"] == 2
    assert name(3) not in set(reserve(out)["id"])
    check(out)


def test_a_post_s_reposts_go_by_the_id_of_the_original(out: Path) -> None:
    found = take_down(out, [name(1), name(20)])
    left = texts(out)
    assert not {name(1), name(3), name(4)} & left.keys()
    assert left[name(2)] == KETTLE
    assert left[name(5)] == "I never heard it so well told, really."
    assert found["unknown"] == []
    check(out)


def test_an_author_s_reposts_go_where_only_the_id_says_whose_they_are(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "user": "ann", "text": KETTLE, "kind": "post"},
        {"id": "2", "user": "bob", "text": KETTLE, "kind": "repost", "of": "1"},
        {"id": "3", "user": "cat", "text": GULLS, "kind": "reply", "of": "1"},
    ]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "kind": "kind", "parent_id": "of"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    take_down(tmp_path / "out", authors=["table:ann"])
    assert texts(tmp_path / "out") == {"table:3": GULLS}
    check(tmp_path / "out")


def build_stream(folder: Path, rows: list[dict[str, Any]]) -> Path:
    write_lines(folder / "x.jsonl", rows)
    corpus.build(
        {
            "sources": [{"x_stream": {"path": str(folder / "x.jsonl")}}],
            "stages": [{"dedup": {}}],
            "output": {"path": str(folder / "small"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    return folder / "small"


def test_a_copy_by_text_goes_with_an_original_that_was_dropped(tmp_path: Path) -> None:
    rows = [
        status(3, "ben", 3, f"RT @otto: {KETTLE}"),
        status(21, "otto", 7, KETTLE),
        status(8, "finn", 8, MARKET),
    ]
    late = build_stream(tmp_path, rows)
    assert name(3) in texts(late) and name(21) not in texts(late)
    take_down(late, [name(21)])
    assert texts(late).keys() == {name(8)}
    check(late)


@pytest.mark.parametrize("author", [True, False])
def test_a_repost_is_not_elected(tmp_path: Path, author: bool) -> None:
    rows = [
        status(1, "otto", 7, KETTLE),
        status(3, "ben", 3, f"RT @otto: {KETTLE}"),
        status(8, "finn", 8, MARKET),
    ]
    small = build_stream(tmp_path, rows)
    assert reserve(small)["id"].to_list() == [name(3)]
    found = take_down(small, [], ["x:7"]) if author else take_down(small, [name(1)])
    assert (found["removed"], found["elected"]) == (1, 0)
    assert texts(small).keys() == {name(8)} and not reserve(small).height
    check(small)


def test_a_repost_is_replaced_by_another_repost_of_the_same_post(tmp_path: Path) -> None:
    rows = [
        status(3, "ben", 3, f"RT @otto: {GULLS}"),
        status(4, "cleo", 4, f"RT @otto: {GULLS}"),
        status(8, "finn", 8, MARKET),
    ]
    small = build_stream(tmp_path, rows)
    assert take_down(small, [name(3)])["elected"] == 1
    assert texts(small).keys() == {name(4), name(8)}
    assert take_down(small, [], ["x:otto"])["removed"] == 1
    assert texts(small).keys() == {name(8)}
    check(small)


def test_the_ledger_forgets_an_author(out: Path) -> None:
    ledger = corpus.load(out).dropped().collect()
    spam = ledger.filter(pl.col("stage") == "quality")
    assert spam["id"].to_list() == [name(9)]
    found = take_down(out, authors=["x:7"])
    after = corpus.load(out).dropped().collect()
    row = after.filter(pl.col("stage") == "quality").row(0, named=True)
    assert {column for column, value in row.items() if value is not None} == {"stage", "reason"}
    assert found["ledger_rows"] >= 1
    key = keys.load_key(out.parent / "corpus.key")
    gone = keys.pseudonymize_author("x:7", key)
    for path in (out / "people").iterdir():
        assert gone not in str(people.load_people(path, key).to_dicts())
    check(out)


def test_an_author_of_dropped_posts_alone_is_found(out: Path) -> None:
    found = take_down(out, authors=["x:3"])  # ben: a copy that dedup dropped
    assert found["unknown"] == [] and found["removed"] == 0 and found["ledger_rows"] == 1
    assert name(3) not in set(corpus.load(out).dropped().collect()["id"])
    assert name(3) not in set(reserve(out)["id"])
    check(out)


def test_no_file_shows_the_people_of_the_ledger_without_the_key(out: Path) -> None:
    key = keys.load_key(out.parent / "corpus.key")
    gone = keys.pseudonymize_author("x:3", key).encode()
    assert "author" not in corpus.load(out).dropped().collect_schema()
    for path in (out / "people").iterdir():
        assert gone not in path.read_bytes() and b"PAR1" not in path.read_bytes()
        with pytest.raises(corpus.errors.BuildError, match="made with another key"):
            people.load_people(path, b"another key" * 4)


def test_a_screen_name_that_no_dump_resolves_is_explained(out: Path, tmp_path: Path) -> None:
    found = take_down(out, authors=["x:stranger", "x:99"])
    assert found["unresolved"] == ["x:stranger"]
    assert found["unknown"] == ["x:99", "x:stranger"]
    (tmp_path / "names.txt").write_text("x:stranger\n")
    done = command("takedown", str(out), "--authors", str(tmp_path / "names.txt"))
    assert done.returncode == 0 and "give the number of the account" in done.stdout


def test_the_name_of_a_person_is_replaced_everywhere(out: Path, tmp_path: Path) -> None:
    (tmp_path / "people.txt").write_text("Rosa Fink\n")
    done = command("takedown", str(out), "--names", str(tmp_path / "people.txt"))
    assert done.returncode == 0, done.stderr
    assert "Fink" not in done.stdout + done.stderr
    left = texts(out)
    assert left[name(8)] == "<PERSON> told me that the market opens at nine on Sundays"
    files = [*out.glob("*.json"), *out.glob("*.md"), *out.glob("*.html"), *out.rglob("takedowns/*")]
    for path in files:
        assert "fink" not in path.read_text().lower(), path
    assert not reserve(out)["text"].str.contains("(?i)fink").any()
    receipt = json.loads((out / "takedowns" / "00001.json").read_text())
    assert receipt["names"] == 1 and receipt["redacted"] >= 1 and receipt["removed"] == 0
    check(out)


def test_kept_work_is_removed_with_what_it_keeps_of_posts(tmp_path: Path) -> None:
    write_lines(tmp_path / "posts.jsonl", [{"id": n, "text": f"{KETTLE} {n}"} for n in range(5)])
    fields = {"id": "id", "text": "text"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original", "keep_work": True},
            "run": {"runner": "serial"},
        }
    )
    out = tmp_path / "out"
    assert (out / "work" / "read").exists()
    assert take_down(out, ["table:3"])["work_removed"]
    assert {path.name for path in (out / "work").iterdir()} <= {"begun.json", "status.json"}


@pytest.fixture
def thread(tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        rows = [
            {"id": "q", "text": KETTLE, "user": "ann"},
            {"id": "a", "text": f"> the old copper kettle sings\n\nnot here\n> {GULLS}",
             "user": "bob", "parent": "q"},
            {"id": "b", "text": f"RT @ann: {KETTLE}", "user": "cat", "parent": "q"},
            {"id": "c", "text": f"quite so! RT @ann: {KETTLE}", "user": "dan", "parent": "q"},
        ]  # fmt: skip
        write_lines(tmp_path / "thread.jsonl", rows)
        fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
        corpus.build(
            {
                "sources": [{"table": {"path": str(tmp_path / "thread.jsonl"), "fields": fields}}],
                "stages": [{"conversations": {"mode": "tree"}}, {"pii": {}}],
                "output": {"path": str(tmp_path / "talk"), "ids": "original"},
                "run": {"runner": "serial"},
            }
        )
        return tmp_path / "talk"

    return make


def test_in_a_conversation_the_quoting_turns_stay_without_what_they_quote(
    thread: Callable[[], Path],
) -> None:
    out = thread()
    take_down(out, authors=["table:ann"])
    row = corpus.load(out).scan().collect().row(0, named=True)
    assert "kettle" not in row["text"] and GULLS in row["text"]
    assert "not here" in row["text"] and row["text"].endswith("quite so!")
    assert row["post_ids"] == ["table:a", "table:c"]
    assert row["turn_ends"][-1] == len(row["text"])
    check(out)


def test_a_reply_stays_without_the_lines_that_it_quotes(tmp_path: Path) -> None:
    rows = [
        {"id": "q", "text": KETTLE, "user": "ann"},
        {"id": "a", "text": f"> {KETTLE}\n\nnot in our house", "user": "bob", "parent": "q"},
    ]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    (tmp_path / "ids.txt").write_text("TABLE:q\nq\n")
    (tmp_path / "authors.txt").write_text("table:@Ann\n")
    files = ("--ids", str(tmp_path / "ids.txt"), "--authors", str(tmp_path / "authors.txt"))
    said = command("takedown", str(tmp_path / "out"), *files).stdout
    assert "1 post removed" in said and "not found in this corpus: 1\n  q\n" in said
    assert "begins with its platform" in said and "ledger may have" not in said
    assert texts(tmp_path / "out") == {"table:a": "not in our house"}
    assert not take_down(tmp_path / "out", authors=["table:ann"])["ledger_unknown"]
    check(tmp_path / "out")


def test_a_line_that_another_conversation_quotes_is_cut_there_too(tmp_path: Path) -> None:
    rows = [
        {"id": "q", "text": KETTLE, "user": "ann"},
        {"id": "p", "text": GULLS, "user": "bob"},
        {"id": "a", "text": f"> {KETTLE}\n\nsaid ann", "user": "cat", "parent": "p"},
        {"id": "b", "text": "never heard it", "user": "bob", "parent": "p"},
    ]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user", "parent_id": "parent"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [{"conversations": {"mode": "tree"}}, {"pii": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    assert take_down(tmp_path / "out", ["table:q"])["cut"] == 1
    ((name, text),) = texts(tmp_path / "out").items()
    assert name == "table:p" and "kettle" not in text and "said ann" in text
    check(tmp_path / "out")


def test_a_copy_in_the_reserve_keeps_no_line_of_a_removed_post(tmp_path: Path) -> None:
    story = f"{MARKET}\n> {KETTLE}\n{GULLS}"
    rows = [
        {"id": "1", "text": story, "user": "bob"},
        {"id": "2", "text": story, "user": "cat"},
        {"id": "3", "text": KETTLE, "user": "ann"},
    ]
    write_lines(tmp_path / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text", "author": "user"}
    corpus.build(
        {
            "sources": [{"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}],
            "stages": [{"dedup": {}}, {"pii": {}}],
            "output": {"path": str(tmp_path / "out"), "ids": "original"},
            "run": {"runner": "serial"},
        }
    )
    out = tmp_path / "out"
    assert reserve(out)["id"].to_list() == ["table:2"]
    take_down(out, authors=["table:ann"])
    assert reserve(out)["text"].to_list() == [f"{MARKET}\n{GULLS}"] == list(texts(out).values())
    take_down(out, ["table:1"])
    assert texts(out) == {"table:2": f"{MARKET}\n{GULLS}"}
    check(out)


def test_a_corpus_without_people_is_taken_down_and_says_so(out: Path) -> None:
    shutil.rmtree(out / "people")
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["people"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    found = take_down(out, authors=["x:7"])
    assert found["ledger_unknown"] and found["removed"] >= 2
    check(out)


def test_what_is_not_asked_for_is_not_touched(out: Path, built: Path) -> None:
    found = take_down(out, [name(77)], ["x:12345"], names=["Nobody Atall"])
    assert found["removed"] == found["cut"] == found["redacted"] == 0
    assert contents(out) == contents(built)


def test_token_files_in_the_corpus_are_removed_and_others_are_named(
    out: Path, tmp_path: Path
) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    from corpus.loader.memmap import tokenize

    model = tokenizers.models.WordLevel({"<unk>": 0, "</s>": 1}, unk_token="<unk>")
    tokenizers.Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    for folder in (None, tmp_path / "elsewhere"):
        tokenize(out, tmp_path / "tokenizer.json", destination=folder, separator="</s>")
    derived = json.loads((out / "manifest.json").read_text())["derived"]
    assert derived == [
        {"kind": "tokens", "path": "tokens"},
        {"kind": "tokens", "path": "../elsewhere"},
    ]
    (tmp_path / "ids.txt").write_text(f"{name(1)}\n")
    done = command("takedown", str(out), "--ids", str(tmp_path / "ids.txt"))
    assert "elsewhere was made from the old texts" in done.stdout
    assert not (out / "tokens").exists() and (tmp_path / "elsewhere" / "tokens.bin").exists()
    derived = json.loads((out / "manifest.json").read_text())["derived"]
    assert derived == [{"kind": "tokens", "path": "../elsewhere"}]
    check(out)
