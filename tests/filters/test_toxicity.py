"""The toxicity filter: what it ranks, what it forgives, and what it says when it cannot load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import polars as pl
import pytest
from pydantic import ValidationError

import filters
from bench.quality.toxicity_pairs import FALSE_FRIENDS, IDENTITIES, NEUTRAL, PAIRS
from filters import toxicity
from filters.contract import Filter, models
from filters.toxicity import scorers

INSULT = "you are a stupid idiot, shut up"


@pytest.fixture(scope="module")
def judge() -> Filter:
    return toxicity.build(toxicity.Config())


def _posts(*texts: str | None) -> pl.DataFrame:
    ids = [str(row) for row in range(len(texts))]
    return pl.DataFrame(
        {"id": ids, "text": list(texts)}, schema={"id": pl.String, "text": pl.String}
    )


def _scores(judge: Filter, *texts: str | None) -> list[float]:
    return judge(_posts(*texts))["toxicity"].to_list()


def test_the_folder_finds_the_filter_and_its_model() -> None:
    assert cast("ModuleType", filters.find("toxicity")).__name__ == "filters.toxicity"
    assert models(toxicity, toxicity.Config()) == [scorers.TOXICITY_MODEL_PATH]
    assert [Path("my.bin")] == models(toxicity, toxicity.Config(model="my.bin"))


def test_an_insult_leaves_with_a_reason_and_a_compliment_stays(judge: Filter) -> None:
    judged = judge(_posts(INSULT, "you are a wonderful friend, thank you"))
    assert judged["reject"].to_list() == ["toxic", None]
    assert judged["toxicity"][0] > 0.8 > 0.3 > judged["toxicity"][1]


@pytest.mark.parametrize(
    ("rude", "kind"),
    [
        ("du bist so ein dummes Arschloch, halt die Fresse", "du bist so ein guter Freund, danke"),
        ("vai tomar no cu seu filho da puta", "bom dia minha amiga, tenha uma ótima semana"),
    ],
)
def test_german_and_portuguese_are_read_too(judge: Filter, rude: str, kind: str) -> None:
    bad, good = _scores(judge, rude, kind)
    assert bad > 0.6 > 0.35 > good


def test_a_category_has_a_score_of_its_own() -> None:
    judge = toxicity.build(toxicity.Config(categories=("insult", "identity_hate")))
    judged = judge(_posts("you stupid idiot", "I hate all these dirty niggers", "good morning", ""))
    assert ["toxicity", "toxicity_insult", "toxicity_identity_hate"] == judged.columns[2:5]
    assert {pl.Float32()} == set(judged.schema.values()) - {pl.String()}
    insult, hate = judged["toxicity_insult"], judged["toxicity_identity_hate"]
    assert insult[0] > 0.5 > insult[2]
    assert hate[1] > 2 * hate[0]
    assert (0.0, 0.0) == (insult[3], hate[3])
    assert judged["reject"].to_list() == ["toxic", "toxic", None, None]


def test_rows_and_columns_stay_as_they_were(judge: Filter) -> None:
    posts = _posts("b", INSULT, "a").with_columns(lang=pl.lit("en"))
    judged = judge(posts)
    assert [*posts.columns, "toxicity", "reject"] == judged.columns
    assert posts.equals(judged.select(posts.columns))
    assert {"toxicity": pl.Float32()} == dict(toxicity.WRITES)
    assert pl.Float32() == judged.schema["toxicity"]
    assert pl.String() == judged.schema["reject"]


def test_an_empty_frame_gets_typed_columns(judge: Filter) -> None:
    judged = judge(_posts())
    assert len(judged) == 0
    assert (pl.Float32(), pl.String()) == (judged.schema["toxicity"], judged.schema["reject"])


@pytest.mark.parametrize("text", ["", "  \n ", "@ann https://x.org", "...", None])
def test_a_post_without_a_word_scores_nothing(judge: Filter, text: str | None) -> None:
    assert _scores(judge, text) == [0.0]
    assert judge(_posts(text))["reject"].to_list() == [None]


@pytest.mark.parametrize(
    "text", ["🤣", "👊🇺🇸👊", "good morning", "guten Morgen", "おはよう", "مرحبا"]
)
def test_an_ordinary_post_stays(judge: Filter, text: str) -> None:
    (score,) = _scores(judge, text)
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
def test_a_disguise_scores_like_the_plain_form(judge: Filter, hidden: str, plain: str) -> None:
    disguised, open_ = _scores(judge, hidden, plain)
    assert open_ > 0.8
    assert disguised > 0.8


@pytest.mark.parametrize(
    "text", ["**bold** and *soft* words", "he**o", "wow!! #1", "10th of 2020", "5$", "me@x.org"]
)
def test_marks_that_mask_nothing_do_not_condemn(judge: Filter, text: str) -> None:
    assert _scores(judge, text)[0] < 0.5


@pytest.mark.parametrize("language", ["en", "de", "pt"])
def test_naming_a_group_alone_condemns_nobody(judge: Filter, language: str) -> None:
    texts = [line.format(group) for group in IDENTITIES[language] for line in NEUTRAL[language]]
    assert len(texts) == 208
    assert [
        text for text, score in zip(texts, _scores(judge, *texts), strict=True) if score > 0.8
    ] == []


@pytest.mark.parametrize("kind", PAIRS)
def test_plain_words_condemn_nobody(judge: Filter, kind: str) -> None:
    assert max(_scores(judge, *[plain for _, plain in PAIRS[kind]])) < 0.8


@pytest.mark.parametrize(
    "kind", ["African-American English, grammar", "Indian English", "Brazilian, casual"]
)
def test_a_way_of_speaking_condemns_nobody(judge: Filter, kind: str) -> None:
    assert max(_scores(judge, *[marked for marked, _ in PAIRS[kind]])) < 0.8


@pytest.mark.parametrize(
    "text", ["merg cu trenul la mare", "cu bine", "kijk hoe mooi de trein is", "cứ đi trước nhé"]
)
def test_an_everyday_word_that_swears_in_another_language_condemns_nobody(
    judge: Filter, text: str
) -> None:
    assert _scores(judge, text)[0] < 0.8


def test_most_false_friends_stay(judge: Filter) -> None:
    texts = [text for language in FALSE_FRIENDS.values() for text in language]
    scores = _scores(judge, *texts)
    assert sum(score > 0.8 for score in scores) < len(texts) / 4


def test_an_insult_weighs_more_than_the_group_it_is_thrown_at(judge: Filter) -> None:
    insult, neutral = _scores(judge, "my gay neighbour is an idiot", "my gay neighbour is a baker")
    assert insult > neutral + 0.3


def test_a_long_post_is_as_toxic_as_its_most_toxic_part(judge: Filter) -> None:
    calm = "the train was late so we had tea and talked about the garden and the weather " * 8
    before, whole = _scores(judge, calm, f"{calm} {INSULT} {INSULT} {calm}")
    assert before < 0.5
    assert whole > before + 0.3


@pytest.mark.parametrize("text", ["a" * 1_000_000, "word " * 200_000, "🤣" * 250_000])
def test_a_post_of_a_megabyte_is_scored(judge: Filter, text: str) -> None:
    assert 0.0 <= _scores(judge, text)[0] <= 1.0


def test_the_score_does_not_depend_on_the_neighbours(judge: Filter) -> None:
    texts = ["hello there", INSULT, "", "fuck this", "🤣"]
    assert _scores(judge, *texts) == [_scores(judge, text)[0] for text in texts]


def test_the_threshold_is_the_configured_one() -> None:
    lenient = toxicity.build(toxicity.Config(max_score=1.0))
    strict = toxicity.build(toxicity.Config(max_score=0.0))
    assert lenient(_posts(INSULT))["reject"].to_list() == [None]
    assert strict(_posts("good morning", ""))["reject"].to_list() == ["toxic", None]


@pytest.mark.parametrize(
    ("action", "reasons", "moves"),
    [
        ("drop", [None, "toxic"], {"max_score": "toxicity"}),
        ("redact", [None, None], {}),
        ("annotate", [None, None], {}),
    ],
)
def test_a_verdict_rests_on_the_score_alone_and_only_drops(
    action: str, reasons: list[str | None], moves: dict[str, str]
) -> None:
    config = toxicity.Config.model_validate({"action": action, "categories": True})
    stored = pl.DataFrame({"toxicity": [0.8, 0.81], "toxicity_insult": [1.0, 0.0]})
    judged = stored.with_columns(toxicity.verdict(config).alias("reject"))
    assert reasons == judged["reject"].to_list()
    assert moves == toxicity.movable(config)


@pytest.mark.parametrize("max_score", [-0.1, 1.1])
def test_a_threshold_outside_the_scale_is_refused(max_score: float) -> None:
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
    # With n threads this fastText sets only n tenths of its input matrix: fewer than ten leave
    # the rest to chance, and now and then to NaN.
    model = fasttext.train_supervised(
        str(folder / "lines.txt"), epoch=25, dim=10, lr=0.5, thread=10, seed=1, verbose=0
    )
    model.save_model(str(folder / "own.bin"))
    return folder / "own.bin"


def test_a_users_own_model_scores_each_post_on_one_line(own_model: Path) -> None:
    judge = toxicity.build(toxicity.Config(model=str(own_model), label="nasty", max_score=0.5))
    judged = judge(_posts("you\nidiot shut\n\nup", "good\nmorning dear friend", "", None))
    assert judged["reject"].to_list() == ["toxic", None, None, None]
    assert judged["toxicity"].to_list()[2:] == [0.0, 0.0]
    assert judged["toxicity"].is_between(0, 1).all()
    assert len(judge(_posts())) == 0


def test_a_label_may_carry_fasttexts_own_prefix(own_model: Path) -> None:
    config = toxicity.Config(model=str(own_model), label="__label__nasty")
    assert toxicity.build(config)(_posts("you idiot"))["toxicity"][0] > 0.5


def test_the_model_of_another_label_scheme_is_read(tmp_path: Path) -> None:
    """Not all of them say ``toxic``."""
    fasttext = pytest.importorskip("fasttext")
    lines = "__label__hate you idiot shut up\n__label__non_hate good morning dear friend\n" * 20
    (tmp_path / "lines.txt").write_text(lines, encoding="utf-8")
    model = fasttext.train_supervised(
        str(tmp_path / "lines.txt"), epoch=25, dim=10, lr=0.5, thread=10, seed=1, verbose=0
    )
    model.save_model(str(tmp_path / "jigsaw.bin"))
    config = toxicity.Config(model=str(tmp_path / "jigsaw.bin"), label="hate", max_score=0.5)
    judged = toxicity.build(config)(_posts("you idiot shut up", "good morning dear friend"))
    assert judged["reject"].to_list() == ["toxic", None]


def test_a_model_without_the_label_says_which_it_has(own_model: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.bin has no label 'toxic'.*nasty, nice"):
        toxicity.build(toxicity.Config(model=str(own_model)))


def test_loading_a_users_model_says_nothing(
    own_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    toxicity.build(toxicity.Config(model=str(own_model), label="nasty"))(_posts("hello"))
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.95])
def test_a_corrupt_users_model_is_named(keep: float, own_model: Path, tmp_path: Path) -> None:
    whole = own_model.read_bytes()
    broken = tmp_path / "broken.bin"
    broken.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(ValueError, match=r"broken\.bin"):
        toxicity.build(toxicity.Config(model=str(broken), label="nasty"))


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        toxicity.build(toxicity.Config(model=str(tmp_path / "none.bin")))
