"""The filter ``toxicity``: what it drops and keeps, and its errors for broken models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import polars as pl
import pytest
from pydantic import ValidationError

import filters
from bench.quality.toxicity_pairs import FALSE_FRIENDS, IDENTITIES, NEUTRAL, PAIRS
from filters import toxicity
from filters.contract import Filter, models, thresholds, writes
from filters.toxicity import scorers

INSULT = "you are a stupid idiot, shut up"


@pytest.fixture(scope="module")
def score_posts() -> Filter:
    return toxicity.build(toxicity.Config())


def make_posts(*texts: str | None) -> pl.DataFrame:
    ids = [str(row) for row in range(len(texts))]
    return pl.DataFrame(
        {"id": ids, "text": list(texts)}, schema={"id": pl.String, "text": pl.String}
    )


def score_texts(score_posts: Filter, *texts: str | None) -> list[float]:
    return score_posts(make_posts(*texts))["toxicity"].to_list()


def score_as_english(score_posts: Filter, *texts: str) -> list[float]:
    """The scores if a stage before took the texts for English; else most would not be judged."""
    posts = make_posts(*texts).with_columns(lang=pl.lit("en"))
    scores: list[float] = score_posts(posts)["toxicity"].to_list()
    return scores


def score_offence(score_posts: Filter, *texts: str) -> list[float]:
    """Return the higher of the two scores of each text."""
    scores = score_posts(make_posts(*texts))
    return scores.select(pl.max_horizontal("toxicity", "profanity")).to_series().to_list()


def test_the_filter_and_its_model_are_found_by_name() -> None:
    assert cast("ModuleType", filters.find("toxicity")).__name__ == "filters.toxicity"
    own = [scorers.TOXICITY_MODEL_PATH, scorers.LANGUAGES_MODEL_PATH]
    assert models(toxicity, toxicity.Config()) == own
    assert [Path("my.bin")] == models(toxicity, toxicity.Config(model="my.bin"))


def test_an_insult_is_dropped_with_a_reason_and_a_compliment_is_kept(score_posts: Filter) -> None:
    filtered = score_posts(make_posts(INSULT, "you are a wonderful friend, thank you"))
    assert filtered["reject"].to_list() == ["toxic", None]
    assert filtered["toxicity"][0] > 0.8 > 0.5 > filtered["toxicity"][1]


@pytest.mark.parametrize(
    "text",
    [
        "kys",
        "@ann go kill yourself",
        "Gypsy people are filthy",
        "muslims are a plague on this earth",
        "somalis are parasites and should be deported",
        "with all due respect, romanians do not belong in our society",
        "women do not deserve rights",
        "somebody should shoot these people",
        "I hope you get hit by a bus and die",
        "you deserve to get cancer",
        "you fucking idiot",
        "what a disgusting human being you are",
        "fuck off you retard",
    ],
)
def test_abuse_is_dropped_in_whatever_words(score_posts: Filter, text: str) -> None:
    """Insults, harm that is wished, hatred of a group; also without a swear word."""
    assert score_posts(make_posts(text))["reject"].to_list() == ["toxic"]


@pytest.mark.parametrize(
    "text",
    [
        "Test-Driven Development is Stupid",
        "Google's dumb new policy",
        "Damn that is a thin tv",
        "fuck this shit, my bus is late again",
        "what a fucking great game",
        "Is it normal that my nipples hurt after running?",
        "Police say the man raped and murdered two women in 2014",
        "a man was hit by a bus and died",
        "kill -9 the zombie child",
        "jejejeje",
        "I hope you get well soon",
        "you deserve a long holiday by the sea",
        "what a kind and patient human being you are",
        "mice are a plague on this farm",
        "women should be allowed to vote",
        "this app is garbage, worst update ever",
    ],
)
def test_what_attacks_nobody_is_kept(score_posts: Filter, text: str) -> None:
    """Criticism of things, swearing at nobody, health, reports, technical terms, laughter."""
    assert score_posts(make_posts(text))["reject"].to_list() == [None]


def test_swearing_at_nobody_is_profanity(score_posts: Filter) -> None:
    scores = score_posts(make_posts("fuck this shit", "what a fucking great game", "good morning"))
    assert (scores["profanity"] > 0.8).to_list() == [True, True, False]


@pytest.mark.parametrize(
    ("rude", "kind"),
    [
        ("du bist so ein dummes Arschloch, halt die Fresse", "du bist so ein guter Freund, danke"),
        ("vai tomar no cu seu filho da puta", "bom dia minha amiga, tenha uma ótima semana"),
    ],
)
def test_german_and_portuguese_are_scored_too(score_posts: Filter, rude: str, kind: str) -> None:
    bad, good = score_texts(score_posts, rude, kind)
    assert bad > 0.4 > 0.1 > good


def test_a_category_has_a_score_of_its_own() -> None:
    score_posts = toxicity.build(toxicity.Config(categories=("insult", "identity_hate")))
    filtered = score_posts(
        make_posts("you stupid idiot", "I hate all these dirty niggers", "good morning", "")
    )
    assert [
        "toxicity",
        "profanity",
        "toxicity_insult",
        "toxicity_identity_hate",
    ] == filtered.columns[2:6]
    assert {pl.Float32()} == set(filtered.schema.values()) - {pl.String()}
    insult, hate = filtered["toxicity_insult"], filtered["toxicity_identity_hate"]
    assert insult[0] > 0.5 > insult[2]
    assert hate[1] > 2 * hate[0]
    assert (0.0, 0.0) == (insult[3], hate[3])
    assert filtered["reject"].to_list() == ["toxic", "toxic", None, None]


def test_rows_and_columns_do_not_change(score_posts: Filter) -> None:
    posts = make_posts("b", INSULT, "a").with_columns(lang=pl.lit("en"))
    filtered = score_posts(posts)
    assert [*posts.columns, "toxicity", "profanity", "reject", "unjudged"] == filtered.columns
    assert posts.equals(filtered.select(posts.columns))
    assert {"toxicity": pl.Float32(), "profanity": pl.Float32()} == dict(toxicity.WRITES)
    assert {pl.Float32()} == {filtered.schema["toxicity"], filtered.schema["profanity"]}
    assert pl.String() == filtered.schema["reject"]


def test_an_empty_frame_gets_typed_columns(score_posts: Filter) -> None:
    filtered = score_posts(make_posts())
    assert len(filtered) == 0
    assert (pl.Float32(), pl.String()) == (filtered.schema["toxicity"], filtered.schema["reject"])


@pytest.mark.parametrize("text", ["", "  \n ", "@ann https://x.org", "...", None])
def test_a_post_without_a_word_scores_0(score_posts: Filter, text: str | None) -> None:
    assert score_texts(score_posts, text) == [0.0]
    assert score_posts(make_posts(text))["reject"].to_list() == [None]


@pytest.mark.parametrize(
    "text", ["🤣", "👊🇺🇸👊", "good morning", "guten Morgen", "おはよう", "مرحبا"]
)
def test_an_ordinary_post_is_kept(score_posts: Filter, text: str) -> None:
    (score,) = score_as_english(score_posts, text)
    assert 0.0 < score < 0.5


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("FUCK YOU", "fuck you"),
        ("f*ck you", "fuck you"),
        ("f**k you", "fuck you"),
        ("f*** you", "fuck you"),
        ("fuuuuuuck you", "fuck you"),
        ("fuuck you", "fuck you"),
        ("f u c k you", "fuck you"),
        ("f.u.c.k you", "fuck you"),
        ("fu\u200bck you", "fuck you"),
        ("ｆｕｃｋ you", "fuck you"),
        ("you piece of sh1t", "you piece of shit"),
        ("you piece of sh!t", "you piece of shit"),
        ("what a st00pid b!tch", "what a stoopid bitch"),
        ("you a$$hole", "you asshole"),
        ("you 1d10t", "you idiot"),
        ("you are a\nstupid\r\nidiot, shut up", INSULT),
        ("@ann you are a #stupid idiot, shut up https://x.org", INSULT),
    ],
)
def test_a_disguised_word_scores_like_the_plain_form(
    score_posts: Filter, hidden: str, plain: str
) -> None:
    hidden_score, plain_score = score_offence(score_posts, hidden, plain)
    assert plain_score > 0.8
    assert hidden_score > 0.8


@pytest.mark.parametrize(
    "text", ["**bold** and *soft* words", "he**o", "wow!! #1", "10th of 2020", "5$", "me@x.org"]
)
def test_signs_that_mask_no_word_do_not_raise_the_score(score_posts: Filter, text: str) -> None:
    assert score_texts(score_posts, text)[0] < 0.5


@pytest.mark.parametrize("language", ["en", "de", "pt"])
def test_a_neutral_sentence_about_a_group_is_kept(score_posts: Filter, language: str) -> None:
    texts = [line.format(group) for group in IDENTITIES[language] for line in NEUTRAL[language]]
    assert len(texts) == 208
    assert [
        text
        for text, score in zip(texts, score_texts(score_posts, *texts), strict=True)
        if score > 0.8
    ] == []


@pytest.mark.parametrize("kind", PAIRS)
def test_plain_sentences_are_kept(score_posts: Filter, kind: str) -> None:
    assert max(score_texts(score_posts, *[plain for _, plain in PAIRS[kind]])) < 0.8


@pytest.mark.parametrize(
    "kind", ["African-American English, grammar", "Indian English", "Brazilian, casual"]
)
def test_dialects_are_kept(score_posts: Filter, kind: str) -> None:
    assert max(score_texts(score_posts, *[marked for marked, _ in PAIRS[kind]])) < 0.8


@pytest.mark.parametrize(
    "text", ["merg cu trenul la mare", "cu bine", "kijk hoe mooi de trein is", "cứ đi trước nhé"]
)
def test_a_word_that_is_a_swear_word_only_in_another_language_is_kept(
    score_posts: Filter, text: str
) -> None:
    assert score_as_english(score_posts, text)[0] < 0.8


def test_most_false_friends_are_kept(score_posts: Filter) -> None:
    texts = [text for language in FALSE_FRIENDS.values() for text in language]
    scores = score_as_english(score_posts, *texts)
    assert sum(score > 0.8 for score in scores) < len(texts) / 4


def test_an_insult_raises_the_score_more_than_the_group_it_names(score_posts: Filter) -> None:
    insult, neutral = score_texts(
        score_posts, "my gay neighbour is an idiot", "my gay neighbour is a baker"
    )
    assert insult > neutral + 0.3


def test_a_long_post_is_as_toxic_as_its_most_toxic_part(score_posts: Filter) -> None:
    calm = "the train was late so we had tea and talked about the garden and the weather " * 8
    before, longer = score_texts(score_posts, calm, f"{calm} {INSULT} {INSULT} {calm}")
    assert before < 0.5
    assert longer > before + 0.3


@pytest.mark.parametrize("text", ["a" * 1_000_000, "word " * 200_000, "🤣" * 250_000])
def test_a_post_of_a_megabyte_is_scored(score_posts: Filter, text: str) -> None:
    assert 0.0 <= score_texts(score_posts, text)[0] <= 1.0


def test_the_score_does_not_depend_on_the_batch(score_posts: Filter) -> None:
    texts = ["hello there", INSULT, "", "fuck this", "🤣"]
    assert score_texts(score_posts, *texts) == [score_texts(score_posts, text)[0] for text in texts]


def test_the_threshold_is_the_configured_one() -> None:
    lenient = toxicity.build(toxicity.Config(max_score=1.0))
    strict = toxicity.build(toxicity.Config(max_score=0.0))
    assert lenient(make_posts(INSULT))["reject"].to_list() == [None]
    assert strict(make_posts("good morning", ""))["reject"].to_list() == ["toxic", None]


@pytest.mark.parametrize(
    ("action", "reasons", "moves"),
    [
        ("drop", [None, "toxic"], {"max_score": "toxicity", "max_profanity": "profanity"}),
        ("redact", [None, None], {}),
        ("annotate", [None, None], {}),
    ],
)
def test_the_verdict_depends_on_the_score_alone(
    action: str, reasons: list[str | None], moves: dict[str, str]
) -> None:
    config = toxicity.Config.model_validate({"action": action, "categories": True})
    stored = pl.DataFrame({"toxicity": [0.8, 0.81], "toxicity_insult": [1.0, 0.0]})
    filtered = stored.with_columns(toxicity.verdict(config).alias("reject"))
    assert reasons == filtered["reject"].to_list()
    assert moves == toxicity.movable(config)


def test_profanity_drops_only_above_a_limit_of_its_own() -> None:
    """Abuse is the reason of a post that is above both limits."""
    stored = pl.DataFrame({"toxicity": [0.1, 0.1, 0.9], "profanity": [0.99, 0.2, 0.99]})

    def reasons(**settings: Any) -> list[str | None]:
        verdict = toxicity.verdict(toxicity.Config(**settings))
        return stored.with_columns(verdict.alias("reject"))["reject"].to_list()

    assert reasons() == [None, None, "toxic"]
    assert reasons(max_profanity=0.9) == ["profane", None, "toxic"]
    assert reasons(max_profanity=0.9, max_score=1.0) == ["profane", None, "profane"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"action": "redact"}, "'action: redact' drops nothing; leave out 'max_profanity'"),
        ({"action": "annotate"}, "'action: annotate' drops nothing"),
        ({"model": "my.bin"}, "profanity is our own model's"),
    ],
)
def test_a_limit_of_profanity_that_would_do_nothing_is_refused(
    settings: dict[str, str], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        toxicity.Config.model_validate({"max_profanity": 0.9, **settings})


def test_another_model_has_no_profanity() -> None:
    config = toxicity.Config(model="alt-profanity-check")
    assert tuple(writes(toxicity, config)) == ("toxicity",)
    assert [bound.column for bound in thresholds(toxicity, config)] == ["toxicity"]


def test_models_score_together_as_each_alone() -> None:
    texts = pl.Series([INSULT, "good morning", "", "what a shitty day " * 70])
    both = scorers.load_builtin_scorers(scorers.SCORES)(texts)
    alone = [scorers.load_builtin_scorer(kind)(texts) for kind in scorers.SCORES]
    assert both.shape == (4, 2)
    assert both.T.tolist() == [each.tolist() for each in alone]


@pytest.mark.parametrize("max_score", [-0.1, 1.1])
def test_a_threshold_outside_0_to_1_is_refused(max_score: float) -> None:
    with pytest.raises(ValidationError):
        toxicity.Config(max_score=max_score)


def test_the_shipped_model_is_small() -> None:
    assert scorers.TOXICITY_MODEL_PATH.stat().st_size <= 3 * 2**20


def test_importing_the_filter_loads_no_model_library() -> None:
    code = "import sys, filters.toxicity; print({'numba', 'fasttext', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 cut"])
def test_a_corrupt_shipped_model_is_named(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(content)
    monkeypatch.setattr(scorers, "TOXICITY_MODEL_PATH", broken)
    with pytest.raises(ValueError, match=r"broken\.npz"):
        toxicity.build(toxicity.Config())


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fastText model with the labels ``nasty`` and ``nice``."""
    fasttext = pytest.importorskip("fasttext")
    folder = tmp_path_factory.mktemp("fasttext")
    lines = "__label__nasty you idiot shut up\n__label__nice good morning dear friend\n" * 20
    (folder / "lines.txt").write_text(lines, encoding="utf-8")
    # With n threads this fastText initializes only n tenths of its input matrix; with fewer than
    # ten, the rest is random memory, sometimes NaN.
    model = fasttext.train_supervised(
        str(folder / "lines.txt"), epoch=25, dim=10, lr=0.5, thread=10, seed=1, verbose=0
    )
    model.save_model(str(folder / "own.bin"))
    return folder / "own.bin"


def test_a_user_s_own_model_reads_each_post_on_one_line(own_model: Path) -> None:
    score_posts = toxicity.build(
        toxicity.Config(model=str(own_model), label="nasty", max_score=0.5)
    )
    filtered = score_posts(
        make_posts("you\nidiot shut\n\nup", "good\nmorning dear friend", "", None)
    )
    assert filtered["reject"].to_list() == ["toxic", None, None, None]
    assert filtered["toxicity"].to_list()[2:] == [0.0, 0.0]
    assert filtered["toxicity"].is_between(0, 1).all()
    assert len(score_posts(make_posts())) == 0


def test_a_label_may_have_fasttext_s_prefix(own_model: Path) -> None:
    config = toxicity.Config(model=str(own_model), label="__label__nasty")
    assert toxicity.build(config)(make_posts("you idiot"))["toxicity"][0] > 0.5


def test_a_model_with_another_name_for_the_toxic_class_is_used(tmp_path: Path) -> None:
    """Not every model calls it ``toxic``."""
    fasttext = pytest.importorskip("fasttext")
    lines = "__label__hate you idiot shut up\n__label__non_hate good morning dear friend\n" * 20
    (tmp_path / "lines.txt").write_text(lines, encoding="utf-8")
    model = fasttext.train_supervised(
        str(tmp_path / "lines.txt"), epoch=25, dim=10, lr=0.5, thread=10, seed=1, verbose=0
    )
    model.save_model(str(tmp_path / "jigsaw.bin"))
    config = toxicity.Config(model=str(tmp_path / "jigsaw.bin"), label="hate", max_score=0.5)
    filtered = toxicity.build(config)(make_posts("you idiot shut up", "good morning dear friend"))
    assert filtered["reject"].to_list() == ["toxic", None]


def test_the_error_for_a_missing_label_lists_the_model_s_labels(own_model: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.bin has no label 'toxic'.*nasty, nice"):
        toxicity.build(toxicity.Config(model=str(own_model)))


def test_loading_a_user_s_model_prints_nothing(
    own_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    toxicity.build(toxicity.Config(model=str(own_model), label="nasty"))(make_posts("hello"))
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.95])
def test_a_corrupt_users_model_is_named(keep: float, own_model: Path, tmp_path: Path) -> None:
    longer = own_model.read_bytes()
    broken = tmp_path / "broken.bin"
    broken.write_bytes(longer[: int(len(longer) * keep)])
    with pytest.raises(ValueError, match=r"broken\.bin"):
        toxicity.build(toxicity.Config(model=str(broken), label="nasty"))


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        toxicity.build(toxicity.Config(model=str(tmp_path / "none.bin")))


def test_a_post_in_an_unknown_language_is_not_judged() -> None:
    posts = make_posts(INSULT, INSULT, "you are kind", INSULT).with_columns(
        lang=pl.Series(["en", "ja", "ja", "und"]), lang_score=0.9
    )
    kept = toxicity.build(toxicity.Config(categories=("insult",)))(posts)
    assert kept["reject"].to_list() == ["toxic", None, None, "toxic"]
    assert kept["unjudged"].to_list() == [None, "ja", "ja", None]
    for column in ("toxicity", "profanity", "toxicity_insult"):
        assert kept[column].is_null().to_list() == [False, True, True, False]
    dropped = toxicity.build(toxicity.Config(unjudged="drop"))(posts)
    assert dropped["reject"].to_list() == ["toxic", "unjudged", "unjudged", "toxic"]
    redacted = toxicity.build(toxicity.Config(action="redact", unjudged="drop"))(posts)
    assert redacted["reject"].to_list() == [None, "unjudged", "unjudged", None]
    assert redacted["text"].to_list()[1:3] == [INSULT, "you are kind"]
    with pytest.raises(ValidationError, match="annotate"):
        toxicity.Config(action="annotate", unjudged="drop")


def test_without_a_column_lang_a_post_is_judged_by_the_language_it_is_in() -> None:
    thai = "เมื่อเช้านี้ฝนตกหนักมาก รถไฟเลยมาช้าทุกขบวน"
    scored = toxicity.build(toxicity.Config())(make_posts(INSULT, thai))
    assert scored["unjudged"].to_list() == [None, "th"]
    assert scored["toxicity"].is_null().to_list() == [False, True]


def test_posts_of_no_known_language_are_all_judged() -> None:
    scored = toxicity.build(toxicity.Config())(make_posts(INSULT))
    assert scored["unjudged"].to_list() == [None]
    assert scored["reject"].to_list() == ["toxic"]
