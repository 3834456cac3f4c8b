"""The filter ``language`` identifies posts, also short ones and those with links and tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corpus.training import fit_fasttext
from filters import language
from filters.text.identifier import eldc_model


def identify(texts: list[str], **config: object) -> pl.DataFrame:
    posts = pl.DataFrame(
        {"id": [str(n) for n in range(len(texts))], "text": texts},
        schema=dict.fromkeys(("id", "text"), pl.String),
    )
    return language.build(language.Config(**config))(posts)  # type: ignore[arg-type]


def test_plain_sentences_get_their_languages() -> None:
    texts = [
        "I have no idea what you are talking about",
        "No tengo ni idea de lo que estás hablando",
        "Ich habe keine Ahnung, wovon du redest",
        "何を言っているのか全然わかりません",
    ]
    assert identify(texts)["lang"].to_list() == ["en", "es", "de", "ja"]


def test_links_mentions_and_tags_do_not_decide() -> None:
    text = "RT @dasistgut: ojalá llueva mañana por la tarde https://www.the-english-times.example/a"
    assert identify([text])["lang"].to_list() == ["es"]


def test_upper_case_does_not_change_the_language() -> None:
    texts = ["I REALLY WANT TO SLEEP NOW", "NO TENGO NI IDEA DE LO QUE PASA"]
    assert identify(texts)["lang"].to_list() == ["en", "es"]


def test_newlines_do_not_change_the_language() -> None:
    assert identify(["what a\nlovely\r\nday it is\u2028today"])["lang"].to_list() == ["en"]


def test_a_post_without_letters_has_no_language() -> None:
    result = identify(["", " ", "😀😀", "10/10", "https://a.example", "@joe", "\n"], keep=("en",))
    assert result["lang"].to_list() == ["und"] * 7
    assert result["lang_score"].to_list() == [0.0] * 7
    assert result["reject"].unique().to_list() == ["no_language"]


def test_other_and_unsure_languages_have_reasons_of_their_own() -> None:
    texts = ["I have no idea what you are talking about", "Ich habe keine Ahnung, wovon du redest"]
    assert identify(texts, keep=("en",))["reject"].to_list() == [None, "other_language"]
    assert identify(["wimp"], keep=("en",), min_score=0.9)["reject"][0] == "unsure_language"


def test_without_a_list_every_language_is_kept() -> None:
    assert identify(["Ich habe keine Ahnung", ""])["reject"].to_list() == [None, None]


def test_no_posts_and_a_huge_post_are_accepted() -> None:
    assert identify([]).height == 0
    assert identify(["good morning my friends " * 50_000])["lang"].to_list() == ["en"]


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


def test_the_second_language_and_its_probability_are_written() -> None:
    result = identify(["No tengo ni idea de lo que estás hablando", "boa noite a todos"])
    assert result["lang2"].null_count() == 0
    assert (result["lang_score"] > result["lang2_score"]).all()
    assert (result["lang_score"] + result["lang2_score"] <= 1.001).all()


def test_stretched_letters_emoji_and_capitals_change_nothing() -> None:
    plain = identify(["so good to see you all again"])["lang"].to_list()
    dressed = identify(["SOOOOO gooooood to see youuuuu all again!!!!! 😀😀😀 12/12"])[
        "lang"
    ].to_list()
    assert plain == dressed == ["en"]


def test_hashtags_count_only_in_a_post_with_few_other_letters() -> None:
    result = identify(["hoy no tengo ganas de nada #MondayMotivation", "#buenosdias #feliznavidad"])
    assert result["lang"].to_list() == ["es", "es"]


def test_an_unsure_post_is_und_and_lang2_has_the_most_likely_language() -> None:
    result = identify(["hm", "xkq"], und_below=1, keep=("en",))
    assert result["lang"].to_list() == ["und", "und"]
    assert result["lang2"].null_count() == 0
    assert result["lang_score"].to_list() == result["lang2_score"].to_list()
    assert result["reject"].to_list() == ["unsure_language", "unsure_language"]


def test_only_the_allowed_languages_are_found() -> None:
    texts = ["Ich habe keine Ahnung, wovon du redest", "boa noite a todos"]
    assert set(identify(texts, languages=("pt", "es"))["lang"]) <= {"pt", "es", "und"}
    with pytest.raises(ValueError, match="'de' is in 'keep' but not in 'languages'"):
        language.Config(keep=("de",), languages=("pt",))


def test_a_platform_s_hint_decides_and_an_unknown_hint_is_ignored() -> None:
    text, hints = "ok bom", ["pt", "pt-BR", "xx", None, "und"]
    posts = pl.DataFrame(
        {"id": list("12345"), "text": [text] * 5, "lang_hint": hints},
        schema=dict.fromkeys(("id", "text", "lang_hint"), pl.String),
    )
    hinted, region, *others = language.build(language.Config(hint_weight=20))(posts).iter_rows(
        named=True
    )
    assert hinted["lang"] == region["lang"] == "pt"
    assert hinted["lang_score"] > 0.99
    unhinted = identify([text]).row(0, named=True)
    assert {row["lang_score"] for row in others} == {unhinted["lang_score"]}


def test_an_old_language_code_of_a_platform_is_known() -> None:
    posts = pl.DataFrame({"id": ["1"], "text": ["ok"], "lang_hint": ["in"]})
    assert language.build(language.Config(hint_weight=20))(posts)["lang"].to_list() == ["id"]


def verdicts(rows: list[tuple[str, float, str, float]], **config: object) -> list[str | None]:
    names = ["lang", "lang_score", "lang2", "lang2_score"]
    posts = pl.DataFrame(rows, schema=names, orient="row")
    verdict = language.verdict(language.Config(**config))  # type: ignore[arg-type]
    return posts.select(reject=verdict)["reject"].to_list()


def test_the_verdict_needs_only_the_stored_columns() -> None:
    rows = [
        ("es", 0.9, "pt", 0.1),
        ("es", 0.4, "en", 0.3),
        ("es", 0.4, "gl", 0.3),
        ("gl", 0.5, "es", 0.4),
        ("de", 0.5, "es", 0.4),
        ("und", 0.1, "es", 0.1),
        ("und", 0.0, "", 0.0),
    ]
    assert verdicts(rows, keep=("es",)) == [
        None,
        "unsure_language",
        "unsure_language",
        "near_language",
        "other_language",
        "unsure_language",
        "no_language",
    ]


def test_the_scores_of_two_wanted_languages_are_added() -> None:
    rows = [("es", 0.4, "gl", 0.3), ("es", 0.4, "en", 0.3)]
    assert verdicts(rows, keep=("es", "gl")) == [None, "unsure_language"]


def test_near_languages_together_count_as_one() -> None:
    rows = [("gl", 0.5, "es", 0.4), ("de", 0.5, "es", 0.4), ("no", 0.4, "da", 0.4)]
    assert verdicts(rows, keep=("es", "da"), near="together") == [None, "other_language", None]


def test_a_switch_of_language_is_written_to_lang_mixed() -> None:
    result = identify(
        [
            "no sé qué hacer con mi vida but you know what I am going to be just fine tomorrow",
            "no sé qué hacer con mi vida pero mañana voy a estar bien y todo va a salir mejor",
        ]
    )
    pair = {result["lang"][0], result["lang_mixed"][0]}
    assert (pair, result["lang_mixed"][1]) == ({"es", "en"}, None)


def test_our_model_adds_languages_that_lid_176_lacks() -> None:
    texts = ["ina kwana, yaya aiki da gajiya, Allah ya taimaka", "ututu oma unu niile nọ ebe a"]
    assert identify(texts)["lang"].to_list() == ["ha", "ig"]
    assert not {"ha", "ig"} & set(identify(texts, correct=False)["lang"])


def test_the_script_decides_between_languages() -> None:
    texts = [
        "доброе утро всем",
        "καλημέρα σε όλους",
        "आज सुबह मैं अपने घर पर हूँ और क्या हाल है",
        "สวัสดีตอนเช้า",
        "בוקר טוב לכולם",
    ]
    assert identify(texts)["lang"].to_list() == ["ru", "el", "hi", "th", "he"]


def test_a_language_that_the_model_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not know the language 'enx'; it has en"):
        language.check(language.Config(keep=("enx",)))
    language.check(language.Config(keep=("en", "ha"), languages=("en", "ha")))


def test_a_second_model_decides_where_ours_are_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "wimp"
    labels = ["gl", "eu", "hi-Latn", "hr", "sr"]
    votes = eldc_model.list_votes(labels)
    assert votes.any(axis=1).tolist() == [False, False, False, True, True]
    assert votes[3].tolist() == [False, False, False, True, True]
    lines = ["what is going on here", "", "was ist hier denn los heute"]
    assert eldc_model.identify(lines, ["de", "en"], ["en"]).tolist() == [1, -1, -1]
    answers, numbers, scores, counts = eldc_model.score_languages(lines, ["de", "en"], ["en"])
    assert answers.tolist() == [1, -1, 0]
    assert len(numbers) == len(scores) == counts.sum()
    assert set(numbers.tolist()) == {-1, 1}
    assert scores.min() >= 0
    assert scores[numbers == 1].max() == scores[: counts[0]].max()
    alone = identify([text])["lang_score"][0]
    lang = identify([text])["lang"][0]

    def say_dutch(lines: list[str], labels: list[str], known: object) -> tuple[object, ...]:
        dutch = np.array([labels.index("nl")], np.int32)
        return dutch, dutch, np.array([0.9], np.float32), np.array([1], np.int32)

    monkeypatch.setattr(eldc_model, "score_languages", say_dutch)
    changed = identify([text])
    assert (changed["lang"][0], changed["lang_score"][0]) != (lang, alone)
    # A model of the user's, and lid.176 alone, decide without it.
    monkeypatch.setattr(eldc_model, "score_languages", None)
    assert identify([text], correct=False).height == 1


def test_a_word_of_another_language_is_not_english_where_most_posts_are() -> None:
    others = ["Cansado.", "Snart.", "Jammer.", "Nee hoor.", "ﾔﾊﾞｲ"]
    english = ["ewwww", "Green Onion Diet", "Redis under load", "purple garden gnome"]
    english.append("Johannes Brahms, Forgotten Chess Player")
    run = language.build(language.Config(keep=("en",)))
    posts = pl.DataFrame({"text": [*others, *english], "platform": "hackernews"})
    is_kept = run(posts)["reject"].is_null().to_list()
    assert is_kept == [False] * len(others) + [True] * len(english)


def test_romanised_hindi_and_urdu_are_no_hausa_and_no_english() -> None:
    texts = [
        "bhai kya kar rahe ho aaj kal, kal ghar pe milte hain",
        "mujhe samajh nahi aata ke log aisa kyun karte hain",
    ]
    assert set(identify(texts)["lang"]) <= {"hi-Latn", "ur-Latn"}
    found = identify(texts, keep=("en",))
    assert found["reject"].to_list() == ["other_language"] * 2


def test_a_language_is_kept_in_any_script_and_a_script_alone() -> None:
    rows = [("hi", 0.9, "mr", 0.05), ("hi-Latn", 0.9, "en", 0.05), ("ur-Latn", 0.9, "en", 0.05)]
    assert verdicts(rows, keep=("hi",)) == [None, None, "other_language"]
    assert verdicts(rows, keep=("hi-Latn",)) == ["other_language", None, "other_language"]
    assert verdicts(rows, keep=("hi-Latn", "ur")) == ["other_language", None, None]
    both = [("hi-Latn", 0.3, "hi", 0.3), ("ur-Latn", 0.6, "hi-Latn", 0.3)]
    assert verdicts(both, keep=("hi",)) == [None, "near_language"]


def test_codes_have_a_script_or_none() -> None:
    language.check(language.Config(keep=("hi-Latn", "ar-Latn"), languages=("hi", "ar", "en")))
    for wrong in ("hi-latn", "hindi", "hi_Latn", "hi-"):
        with pytest.raises(ValueError, match=f"'{wrong}' is no language code"):
            language.Config(keep=(wrong,))
    with pytest.raises(ValueError, match="'ur-Latn' is in 'keep' but not in 'languages'"):
        language.Config(keep=("ur-Latn",), languages=("hi", "ur-Arab"))
    only = identify(["bhai kya kar rahe ho aaj kal, ghar pe milte hain"], languages=("hi", "en"))
    assert only["lang"].to_list() == ["hi-Latn"]


def test_a_post_in_two_scripts_has_both_languages_by_their_shares() -> None:
    result = identify(
        [
            "our little shop is closed today 오늘 우리 가게는 쉬는 날입니다",
            "добрый вечер, друзья, ждём вас завтра. good evening friends, see you there tomorrow",
            "our little shop is closed today, says the note that 민수 wrote for us",
        ]
    )
    pairs = list(zip(result["lang"], result["lang_mixed"], strict=True))
    assert [set(pair) for pair in pairs] == [{"en", "ko"}, {"ru", "en"}, {"en", None}]
    assert (result["lang_score"][:2] < 0.8).all()
    assert (result["lang2_score"][:2] > 0.2).all()
    assert result["lang2"][:2].to_list() == result["lang_mixed"][:2].to_list()


def identify_on(platform: str, community: str | None, text: str, **config: object) -> str:
    posts = pl.DataFrame(
        {"id": ["1"], "text": [text], "platform": [platform], "community": [community]},
        schema_overrides={"community": pl.String},
    )
    found: str = language.build(language.Config(**config))(posts)["lang"][0]  # type: ignore[arg-type]
    return found


def test_the_language_of_a_platform_or_community_counts_in_short_posts() -> None:
    title = "Piano tuner app"
    assert identify_on("hackernews", None, title) == "en"
    assert identify_on("x", None, title, prior={}) != "en"
    stated = {"reddit": "en", "reddit:de": "de"}
    assert identify_on("reddit", "knots", title, prior=stated) == "en"
    assert identify_on("reddit", "de", "Hm naja", prior=stated) == "de"
    # What a post clearly says is not overruled.
    spanish = "No tengo ni idea de lo que estás hablando"
    assert identify_on("hackernews", None, spanish) == "es"


def test_a_prior_in_an_unknown_language_is_an_error() -> None:
    with pytest.raises(ValueError, match="'english' is no language code"):
        language.Config(prior={"hackernews": "english"})
    with pytest.raises(ValueError, match="does not know the language 'enx'"):
        language.check(language.Config(prior={"hackernews": "enx"}))


def train_classifier(folder: Path, texts: dict[str, str]) -> Path:
    """Train a fastText classifier with a label for each of ``texts``; return its path."""
    rows = pl.Series(list(texts) * 30)
    labels = np.arange(len(texts) * 30, dtype=np.int32) % len(texts)
    model = fit_fasttext.fit(rows, labels, len(texts), fit_fasttext.TrainingSettings())
    fit_fasttext.save(model, list(texts.values()), [30] * len(texts), folder / "own.bin")
    return folder / "own.bin"


def test_another_fasttext_model_keeps_its_own_labels(tmp_path: Path) -> None:
    model = train_classifier(
        tmp_path, {"good morning to you": "eng_Latn", "доброе утро всем": "rus_Cyrl"}
    )
    result = identify(["good morning", "доброе утро"], model=str(model), keep=("eng_Latn",))
    assert result["lang"].to_list() == ["eng_Latn", "rus_Cyrl"]
    assert result["reject"].to_list() == [None, "other_language"]
    with pytest.raises(ValueError, match="does not know the language 'deu_Latn'"):
        language.check(language.Config(model=str(model), keep=("deu_Latn",)))


def test_word_vectors_are_refused_as_a_model(tmp_path: Path) -> None:
    import fasttext

    source, target = tmp_path / "lines.txt", tmp_path / "words.bin"
    source.write_text("good morning to you all\n" * 50, encoding="utf-8")
    model = fasttext.train_unsupervised(str(source), dim=4, epoch=1, bucket=100, minCount=1)
    model.save_model(str(target))
    with pytest.raises(ValueError, match="not a usable fastText model"):
        identify(["good morning"], model=str(target))


def test_posts_of_a_megabyte_are_identified() -> None:
    texts = ["#" * 1_000_000, "a" * 1_000_000, "é" * 500_000, "@x " * 300_000, "https://" * 100_000]
    assert identify(texts).height == 5
