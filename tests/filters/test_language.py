"""The language of posts, however short, linked and tagged."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from filters import language


def judged(texts: list[str], **config: object) -> pl.DataFrame:
    posts = pl.DataFrame(
        {"id": [str(n) for n in range(len(texts))], "text": texts},
        schema=dict.fromkeys(("id", "text"), pl.String),
    )
    return language.build(language.Config(**config))(posts)  # type: ignore[arg-type]


def test_plain_sentences_are_told_apart() -> None:
    texts = [
        "I have no idea what you are talking about",
        "No tengo ni idea de lo que estás hablando",
        "Ich habe keine Ahnung, wovon du redest",
        "何を言っているのか全然わかりません",
    ]
    assert judged(texts)["lang"].to_list() == ["en", "es", "de", "ja"]


def test_links_mentions_and_tags_do_not_decide() -> None:
    text = "RT @dasistgut: ojalá llueva mañana por la tarde https://www.the-english-times.example/a"
    assert judged([text])["lang"].to_list() == ["es"]


def test_shouting_is_the_same_language() -> None:
    texts = ["I REALLY WANT TO SLEEP NOW", "NO TENGO NI IDEA DE LO QUE PASA"]
    assert judged(texts)["lang"].to_list() == ["en", "es"]


def test_a_newline_in_a_post_is_no_trouble() -> None:
    assert judged(["what a\nlovely\r\nday it is\u2028today"])["lang"].to_list() == ["en"]


def test_what_has_no_letters_has_no_language() -> None:
    found = judged(["", " ", "😀😀", "10/10", "https://a.example", "@joe", "\n"], keep=("en",))
    assert found["lang"].to_list() == ["und"] * 7
    assert found["lang_score"].to_list() == [0.0] * 7
    assert found["reject"].unique().to_list() == ["no_language"]


def test_reasons_say_other_and_unsure() -> None:
    texts = ["I have no idea what you are talking about", "Ich habe keine Ahnung, wovon du redest"]
    assert judged(texts, keep=("en",))["reject"].to_list() == [None, "other_language"]
    assert judged(texts, keep=("en",), min_score=1)["reject"][0] == "unsure_language"


def test_without_a_list_every_language_stays() -> None:
    assert judged(["Ich habe keine Ahnung", ""])["reject"].to_list() == [None, None]


def test_no_posts_and_a_huge_post() -> None:
    assert judged([]).height == 0
    assert judged(["good morning my friends " * 50_000])["lang"].to_list() == ["en"]


def test_a_missing_or_wrong_model_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "model.bin"
    with pytest.raises(FileNotFoundError, match=r"no model file at .*model\.bin"):
        language.build(language.Config(model=str(wrong)))
    wrong.write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match=r"model\.bin is not a usable fastText model"):
        language.build(language.Config(model=str(wrong)))
    damaged = language.models(language.Config())[0].read_bytes()[:2000]
    wrong.write_bytes(damaged)
    with pytest.raises(ValueError, match="damaged"):
        language.build(language.Config(model=str(wrong)))
