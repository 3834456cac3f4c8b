"""The language of posts, however short, linked and tagged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corpus.training import fit_fasttext
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


def test_the_second_choice_and_its_probability_are_there() -> None:
    found = judged(["No tengo ni idea de lo que estás hablando", "boa noite a todos"])
    assert found["lang2"].null_count() == 0
    assert (found["lang_score"] > found["lang2_score"]).all()
    assert (found["lang_score"] + found["lang2_score"] <= 1.001).all()


def test_stretched_letters_emoji_and_capitals_change_nothing() -> None:
    plain = judged(["so good to see you all again"])["lang"].to_list()
    dressed = judged(["SOOOOO gooooood to see youuuuu all again!!!!! 😀😀😀 12/12"])[
        "lang"
    ].to_list()
    assert plain == dressed == ["en"]


def test_a_hashtag_is_heard_only_where_little_else_is() -> None:
    found = judged(["hoy no tengo ganas de nada #MondayMotivation", "#buenosdias #feliznavidad"])
    assert found["lang"].to_list() == ["es", "es"]


def test_und_where_the_models_cannot_tell_and_the_likeliest_is_named_all_the_same() -> None:
    found = judged(["hm", "xkq"], und_below=1, keep=("en",))
    assert found["lang"].to_list() == ["und", "und"]
    assert found["lang2"].null_count() == 0
    assert found["lang_score"].to_list() == found["lang2_score"].to_list()
    assert found["reject"].to_list() == ["unsure_language", "unsure_language"]


def test_a_choice_among_few_languages_names_no_other() -> None:
    texts = ["Ich habe keine Ahnung, wovon du redest", "boa noite a todos"]
    assert set(judged(texts, languages=("pt", "es"))["lang"]) <= {"pt", "es", "und"}
    with pytest.raises(ValueError, match="'de' is to be kept, but 'languages' does not hold it"):
        language.Config(keep=("de",), languages=("pt",))


def test_a_platforms_claim_tips_the_scales_and_an_unknown_claim_is_none() -> None:
    text, hints = "ok bom", ["pt", "pt-BR", "xx", None, "und"]
    posts = pl.DataFrame(
        {"id": list("12345"), "text": [text] * 5, "lang_hint": hints},
        schema=dict.fromkeys(("id", "text", "lang_hint"), pl.String),
    )
    claimed, region, *others = language.build(language.Config(hint_weight=20))(posts).iter_rows(
        named=True
    )
    assert claimed["lang"] == region["lang"] == "pt"
    assert claimed["lang_score"] > 0.99
    silent = judged([text]).row(0, named=True)
    assert {row["lang_score"] for row in others} == {silent["lang_score"]}


def test_a_platforms_old_code_is_understood() -> None:
    posts = pl.DataFrame({"id": ["1"], "text": ["ok"], "lang_hint": ["in"]})
    assert language.build(language.Config(hint_weight=20))(posts)["lang"].to_list() == ["id"]


def verdicts(rows: list[tuple[str, float, str, float]], **config: object) -> list[str | None]:
    names = ["lang", "lang_score", "lang2", "lang2_score"]
    posts = pl.DataFrame(rows, schema=names, orient="row")
    verdict = language.verdict(language.Config(**config))  # type: ignore[arg-type]
    return posts.select(reject=verdict)["reject"].to_list()


def test_the_verdict_comes_from_the_columns_alone() -> None:
    rows = [
        ("es", 0.9, "pt", 0.1), ("es", 0.4, "en", 0.3), ("es", 0.4, "gl", 0.3),
        ("gl", 0.5, "es", 0.4), ("de", 0.5, "es", 0.4), ("und", 0.1, "es", 0.1),
        ("und", 0.0, "", 0.0),
    ]  # fmt: skip
    assert verdicts(rows, keep=("es",)) == [
        None, "unsure_language", "unsure_language", "near_language", "other_language",
        "unsure_language", "no_language",
    ]  # fmt: skip


def test_two_wanted_languages_need_not_be_told_apart() -> None:
    rows = [("es", 0.4, "gl", 0.3), ("es", 0.4, "en", 0.3)]
    assert verdicts(rows, keep=("es", "gl")) == [None, "unsure_language"]


def test_near_languages_together_count_as_one() -> None:
    rows = [("gl", 0.5, "es", 0.4), ("de", 0.5, "es", 0.4), ("no", 0.4, "da", 0.4)]
    assert verdicts(rows, keep=("es", "da"), near="together") == [None, "other_language", None]


def test_a_change_of_language_is_reported() -> None:
    found = judged(
        [
            "no sé qué hacer con mi vida but you know what I am going to be just fine tomorrow",
            "no sé qué hacer con mi vida pero mañana voy a estar bien y todo va a salir mejor",
        ]
    )
    pair = {found["lang"][0], found["lang_mixed"][0]}
    assert (pair, found["lang_mixed"][1]) == ({"es", "en"}, None)


def test_languages_that_lid_176_does_not_know() -> None:
    texts = ["ina kwana, yaya aiki da gajiya, Allah ya taimaka", "ututu oma unu niile nọ ebe a"]
    assert judged(texts)["lang"].to_list() == ["ha", "ig"]
    assert not {"ha", "ig"} & set(judged(texts, correct=False)["lang"])


def test_a_script_a_language_is_not_written_in_counts_against_it() -> None:
    texts = [
        "доброе утро всем",
        "καλημέρα σε όλους",
        "आज सुबह मैं अपने घर पर हूँ और क्या हाल है",
        "สวัสดีตอนเช้า",
        "בוקר טוב לכולם",
    ]
    assert judged(texts)["lang"].to_list() == ["ru", "el", "hi", "th", "he"]


def test_a_language_the_model_does_not_know_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="does not know the language 'enx'; it has en"):
        language.check(language.Config(keep=("enx",)))
    language.check(language.Config(keep=("en", "ha"), languages=("en", "ha")))


def trained(folder: Path, texts: dict[str, str]) -> Path:
    """A fastText classifier that tells as many texts apart."""
    rows = pl.Series(list(texts) * 30)
    labels = np.arange(len(texts) * 30, dtype=np.int32) % len(texts)
    model = fit_fasttext.fit(rows, labels, len(texts), fit_fasttext.TrainingSettings())
    fit_fasttext.save(model, list(texts.values()), [30] * len(texts), folder / "own.bin")
    return folder / "own.bin"


def test_another_fasttext_model_is_heard_in_its_own_labels(tmp_path: Path) -> None:
    model = trained(tmp_path, {"good morning to you": "eng_Latn", "доброе утро всем": "rus_Cyrl"})
    found = judged(["good morning", "доброе утро"], model=str(model), keep=("eng_Latn",))
    assert found["lang"].to_list() == ["eng_Latn", "rus_Cyrl"]
    assert found["reject"].to_list() == [None, "other_language"]
    with pytest.raises(ValueError, match="does not know the language 'deu_Latn'"):
        language.check(language.Config(model=str(model), keep=("deu_Latn",)))


def test_a_model_of_words_is_no_classifier(tmp_path: Path) -> None:
    import fasttext

    source, target = tmp_path / "lines.txt", tmp_path / "words.bin"
    source.write_text("good morning to you all\n" * 50, encoding="utf-8")
    model = fasttext.train_unsupervised(str(source), dim=4, epoch=1, bucket=100, minCount=1)
    model.save_model(str(target))
    with pytest.raises(ValueError, match="not a usable fastText model"):
        judged(["good morning"], model=str(target))


def test_a_post_of_a_megabyte_of_anything_is_judged() -> None:
    texts = ["#" * 1_000_000, "a" * 1_000_000, "é" * 500_000, "@x " * 300_000, "https://" * 100_000]
    assert judged(texts).height == 5
