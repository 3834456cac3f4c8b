"""An author's other posts and the thread have a say in a post's language."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import corpus
from corpus import arrays, language_context
from corpus.gathered import Gathered, here

Row = tuple[str | None, str | None, str, float, str | None, float]


def judged(folder: Path, parts: list[list[Row]], **config: object) -> pl.DataFrame:
    settings = language_context.Config(**config)  # type: ignore[arg-type]
    folders, files, number = [], [], 0
    for index, rows in enumerate(parts):
        posts = pl.DataFrame(
            rows,
            schema={
                "author": pl.String,
                "root_id": pl.String,
                "lang": pl.String,
                "lang_score": pl.Float32,
                "lang2": pl.String,
                "lang2_score": pl.Float32,
            },
            orient="row",
        ).with_columns(id=(pl.int_range(pl.len()) + number).cast(pl.String), platform=pl.lit("x"))
        number += posts.height
        folders.append(folder / f"{index}")
        arrays.save(language_context.measure(posts, settings), folders[-1])
        files.append(folder / f"{index}.parquet")
        posts.write_parquet(files[-1])
    gathered = Gathered(folders, files, folder, folder / "key", here)
    return pl.concat(language_context.decide(gathered, settings))


SURE: Row = ("ana", None, "es", 0.95, "pt", 0.03)
TORN: Row = ("ana", None, "en", 0.45, "es", 0.40)


def test_an_authors_other_posts_decide_what_a_post_leaves_open(tmp_path: Path) -> None:
    found = judged(tmp_path, [[SURE, SURE, SURE, TORN]])
    assert found["lang"].to_list() == ["es"] * 4
    assert found["lang2"][3] == "en"


def test_another_authors_posts_say_little(tmp_path: Path) -> None:
    others: list[Row] = [("bea", None, "es", 0.95, "pt", 0.03)] * 3
    assert judged(tmp_path, [[*others, TORN]])["lang"][3] == "en"


def test_nobody_is_no_author(tmp_path: Path) -> None:
    rows: list[Row] = [(None, None, *SURE[2:])] * 3 + [(None, None, *TORN[2:])]  # type: ignore[list-item]
    found = judged(tmp_path, [rows])
    assert (found["lang"][3], round(found["lang_score"][3], 2)) == ("en", 0.45)


def test_a_thread_has_its_say_too(tmp_path: Path) -> None:
    rows: list[Row] = [(name, "t1", "es", 0.95, "pt", 0.03) for name in "abcdefgh"]
    rows.append(("z", "t1", "en", 0.45, "es", 0.43))
    assert judged(tmp_path, [rows])["lang"][8] == "es"
    assert judged(tmp_path, [rows], thread_weight=0)["lang"][8] == "en"


def test_near_languages_are_not_drowned_by_company(tmp_path: Path) -> None:
    rows: list[Row] = [("ana", None, "es", 0.95, "gl", 0.04)] * 3
    rows.append(("ana", None, "gl", 0.70, "es", 0.25))
    assert judged(tmp_path, [rows], near_weight=0)["lang"][3] == "gl"
    assert judged(tmp_path, [rows], near_weight=1, author_weight=2)["lang"][3] == "es"


def test_a_post_without_a_word_stays_without_a_language(tmp_path: Path) -> None:
    found = judged(tmp_path, [[SURE, SURE, ("ana", None, "und", 0.0, None, 0.0)]], keep=("es",))
    assert found.row(2) == ("und", 0.0, None, 0.0, "no_language")


def test_what_was_not_believed_alone_may_be_in_company(tmp_path: Path) -> None:
    lone: Row = ("ana", None, "und", 0.18, "es", 0.18)
    assert judged(tmp_path, [[lone]])["lang"].to_list() == ["und"]
    assert judged(tmp_path, [[SURE, SURE, SURE, lone]])["lang"][3] == "es"


def test_the_reasons_are_those_of_language(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("a", None, "en", 0.9, "es", 0.05), ("b", None, "es", 0.9, "gl", 0.05),
        ("c", None, "en", 0.4, "de", 0.2), ("d", None, "de", 0.9, "en", 0.05),
        ("e", None, "gl", 0.8, "es", 0.1),
    ]  # fmt: skip
    found = judged(tmp_path, [rows], keep=("en", "es"))
    assert found["reject"].to_list() == [
        None, None, "unsure_language", "other_language", "near_language",
    ]  # fmt: skip


def test_how_posts_are_cut_into_parts_changes_nothing(tmp_path: Path) -> None:
    rows = [
        SURE,
        TORN,
        ("bea", "t", "fr", 0.5, "en", 0.3),
        SURE,
        TORN,
        ("bea", "t", "en", 0.4, "fr", 0.3),
    ] * 7
    whole = judged(tmp_path / "one", [rows])
    pieces = judged(tmp_path / "two", [rows[:5], [], rows[5:6], rows[6:]])
    assert whole.equals(pieces)


def test_no_posts_at_all(tmp_path: Path) -> None:
    assert judged(tmp_path, [[]]).height == 0


def test_a_build_hears_the_author_whatever_the_parts(tmp_path: Path) -> None:
    texts = [
        ("ana", "hoy no tengo ganas de nada, la verdad"), ("ana", "mañana por la tarde nos vemos"),
        ("ana", "no me lo puedo creer, qué alegría"), ("ana", "a la final"), ("bea", "a la final"),
        ("bea", "I have no idea what you are talking about"), ("bea", "see you tomorrow then"),
        ("bea", "what a lovely day it is today"), (None, ""), ("cleo", "das ist ja wunderbar"),
    ]  # fmt: skip
    rows = [
        {"id": str(number), "author": author, "text": text}
        for number, (author, text) in enumerate(texts * 3)
    ]
    pl.DataFrame(rows).write_ndjson(tmp_path / "posts.jsonl")
    found = []
    for name, run in (
        ("one", {"runner": "serial", "part_posts": 4}),
        ("two", {"runner": "processes", "workers": 2, "part_posts": 100}),
    ):
        plan = {
            "sources": [
                {
                    "table": {
                        "path": str(tmp_path / "posts.jsonl"),
                        "fields": {"id": "id", "text": "text", "author": "author"},
                    }
                }
            ],
            "stages": [
                {"language": {}},
                {"language_context": {"keep": ["es", "en"], "author_weight": 2}},
            ],
            "output": {"path": str(tmp_path / name), "ids": "original"},
            "run": run,
        }
        manifest = corpus.build(plan)
        funnel = {row["stage"]: row["dropped"] for row in manifest["funnel"]}
        assert funnel["language"] == {}
        assert funnel["language_context"] == {
            "near_language": 3,
            "no_language": 3,
            "other_language": 3,
        }
        found.append(corpus.load(tmp_path / name).scan().collect())
    assert found[0].equals(found[1])
    short = found[0].filter(pl.col("text") == "a la final")
    assert short["id"].to_list() == ["table:3", "table:13", "table:23"]
    assert set(short["lang"]) == {"es"}
