"""Posts in languages that the model of a stage does not know are counted and warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import corpus
from corpus.plan.model import Plan
from corpus.report.funnel import list_funnel_rows
from filters import language, pii
from filters.contract import UNJUDGED
from filters.text.languages import find_unknown_languages, with_languages
from tests.conftest import write_lines

_TEXTS = {
    "en": "the {n} trains were late again because of the snow on the old line to the coast",
    "es": "los {n} trenes llegaron tarde otra vez por la nieve en la antigua vía a la costa",
    "ru": "{n} поездов снова опоздали из-за снега на старой линии, которая ведёт к побережью",
}


def _write_posts(folder: Path) -> dict[str, Any]:
    rows = [
        {"id": f"{lang}{n}", "text": text.format(n=n + 100)}
        for lang, text in _TEXTS.items()
        for n in range(8 if lang == "en" else 3)
    ]
    write_lines(folder / "posts.jsonl", rows)
    fields = {"id": "id", "text": "text"}
    return {"table": {"path": str(folder / "posts.jsonl"), "fields": fields}}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a build in three languages, with a model for the names of one of them."""
    folder = tmp_path_factory.mktemp("unjudged")
    plan = {
        "sources": [_write_posts(folder)],
        "stages": [{"language": {}}, {"pii": {"profile": "strict"}}],
        "output": {"path": str(folder / "out")},
        "run": {"runner": "serial", "part_posts": 5},
    }
    corpus.build(plan)
    found = corpus.load(folder / "out").manifest
    columns = pl.read_parquet(folder / "out" / "shards" / "*.parquet").columns
    return {**found, "columns": columns, "page": (folder / "out" / "report.html").read_text()}


def test_the_funnel_counts_unjudged_posts_by_language(manifest: dict[str, Any]) -> None:
    rows = {row["stage"]: row for row in manifest["funnel"]}
    assert rows["pii"]["unjudged"] == {"es": 3, "ru": 3}
    assert "unjudged" not in rows["language"]
    assert UNJUDGED not in manifest["columns"]
    last = list(list_funnel_rows(manifest))[-1]
    assert last.reasons_text == "not judged: Spanish 3, Russian 3"


def test_a_build_warns_of_unjudged_posts(manifest: dict[str, Any]) -> None:
    warning = (
        "pii: 6 of 14 posts (42.9%) are in languages that it does not know, and its model or rules "
        "of words did not judge them: Spanish 21.4%, Russian "
        "21.4%; it knows English, German, Portuguese, Swedish, Chinese, Japanese"
    )
    assert warning in manifest["warnings"]
    assert warning in manifest["page"]


@pytest.mark.parametrize(
    ("stages", "warned"),
    [
        ([{"language": {"keep": ["en", "ru"]}}, {"pii": {"profile": "strict"}}], ["ru"]),
        ([{"language": {"keep": ["en", "ja"]}}, {"pii": {"profile": "strict"}}], []),
        ([{"language": {"keep": ["ru"]}}, {"pii": {}}], []),
        ([{"pii": {"profile": "strict"}}], []),
    ],
)
def test_a_plan_that_keeps_an_unknown_language_is_warned_of(
    stages: list[Any], warned: list[str], tmp_path: Path
) -> None:
    plan = {"sources": [_write_posts(tmp_path)], "stages": stages}
    found = Plan.parse(plan).list_unknown_languages()
    assert len(found) == len(warned)
    for name, text in zip(warned, found, strict=True):
        assert f"does not know {name}, which" in text


def test_a_post_without_a_sure_language_counts_as_known() -> None:
    posts = pl.DataFrame(
        {
            "lang": ["en", "ja", "ja", "und", None, "ja"],
            "lang_score": [0.9, 0.9, 0.4, 0.9, 0.9, None],
        }
    )
    assert find_unknown_languages(posts, ["en"]).to_list() == [None, "ja", None, None, None, "ja"]
    without_score = posts.head(3).drop("lang_score")
    assert find_unknown_languages(without_score, ["en"]).to_list() == [None, "ja", "ja"]


def test_a_post_without_the_column_lang_is_in_the_language_that_it_is_written_in() -> None:
    posts = pl.DataFrame({"text": [text.format(n=7) for text in _TEXTS.values()] + [":-)", None]})
    assert find_unknown_languages(posts, ["en"]).to_list() == [None, "es", "ru", None, None]
    assert with_languages(posts)["lang"].to_list() == [*_TEXTS, "und", "und"]
    stated = posts.with_columns(lang=pl.lit("ja"))
    assert with_languages(stated).equals(stated)


def test_language_and_the_stages_that_need_one_find_the_same() -> None:
    texts = [text.format(n=7) for text in _TEXTS.values()] + ["ok", "no", None, "oh no, not now"]
    posts = pl.DataFrame({"text": texts})
    written = language.build(language.Config())(posts)
    assert with_languages(posts)["lang"].equals(written["lang"])
    assert with_languages(posts[1:3]).equals(written[1:3].select("text", "lang", "lang_score"))
    assert with_languages(posts[:1])["lang"].to_list() == ["en"]
    assert with_languages(posts[:0]).schema == {
        "text": pl.String(),
        "lang": pl.String(),
        "lang_score": pl.Float32(),
    }


def test_the_names_filter_knows_the_languages_of_its_plan() -> None:
    strict = {"profile": "strict"}
    assert pii.languages(pii.Config(**strict)) == ("en", "de", "pt", "sv", "zh", "ja")
    assert pii.languages(pii.Config(**strict, ner_langs=("de", "en"))) == ("de", "en")
    assert pii.languages(pii.Config()) == ()
