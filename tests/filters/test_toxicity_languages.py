"""The filter ``toxicity`` in other languages: each post is judged by the model of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from filters import toxicity
from filters.contract import Filter
from filters.text.cleaning import fold_characters
from filters.toxicity import character_model, scorers
from filters.toxicity.character_model import LanguageModel

EVERYDAY_WORDS = Path(__file__).with_name("everyday_words.tsv")

#: An insult and a friendly sentence of each language.
SENTENCES = {
    "am": ("አንተ ውሻ ደደብ ቆሻሻ አህያ", "መልካም ቀን ይሁንልህ ወዳጄ"),
    "ar": ("انت حمار وكلب يا حقير", "صباح الخير يا صديقي العزيز"),
    "bn": ("তুই একটা কুত্তার বাচ্চা শুয়োর", "সুন্দর একটা দিনের জন্য ধন্যবাদ"),
    "da": ("hold kæft din klamme so, du er en idiot", "tak for en dejlig dag i haven"),
    "de": ("du dumme Fotze, verpiss dich du Untermensch", "danke für den schönen Tag im Garten"),
    "el": ("είσαι ηλίθιος και ξεφτιλισμένη πουτάνα", "ευχαριστώ για την όμορφη μέρα"),
    "es": ("eres una puta asquerosa y das asco, imbécil", "gracias por un día tan bonito"),
    "fa": ("خفه شو احمق حرامزاده کثافت", "ممنون برای این روز زیبا دوست من"),
    "fr": ("ferme ta gueule sale mongol de merde", "merci pour cette belle journée"),
    "he": ("יא בן זונה מסריח לך תמות כלב", "תודה על יום יפה בגינה"),
    "hi": ("साले हरामी कुत्ते मादरचोद", "सुंदर दिन के लिए धन्यवाद दोस्त"),
    "hi-Latn": ("tu harami kutta hai behenchod", "aap ka din accha ho mere dost"),
    "id": ("dasar anjing bangsat goblok kamu babi", "terima kasih untuk hari yang indah"),
    "kn": ("ಸೂಳೆ ಮಗನೇ ನಾಯಿ ಬೋಳಿ ಮಗ", "ಒಳ್ಳೆಯ ದಿನಕ್ಕೆ ಧನ್ಯವಾದಗಳು ಗೆಳೆಯ"),
    "ko": ("병신 새끼야 꺼져 쓰레기 같은 년", "오늘 정말 즐거운 하루였어요"),
    "ml": ("പട്ടി തെണ്ടി നായിന്റെ മോനെ", "നല്ല ദിവസത്തിന് നന്ദി സുഹൃത്തേ"),
    "pl": ("ty głupia kurwo, spierdalaj zjebie", "dziękuję za piękny dzień w ogrodzie"),
    "pt": ("seu lixo, vai tomar no cu, vadia burra", "obrigada pelo dia lindo no jardim"),
    "ro": ("esti un prost si un jeg, bou nenorocit", "multumesc pentru o zi frumoasa"),
    "ru": ("ты тупая мразь, сдохни ублюдок", "спасибо за прекрасный день в саду"),
    "ta": ("தேவடியா பையா நாயே", "அழகான நாளுக்கு நன்றி நண்பா"),
    "te": ("లంజా కొడకా కుక్క నా కొడకా", "అందమైన రోజుకు ధన్యవాదాలు మిత్రమా"),
    "tr": ("şerefsiz orospu çocuğu, aptal köpek", "güzel bir gün için teşekkürler"),
    "ur": ("کتے کے بچے حرامی گشتی کی اولاد", "خوبصورت دن کے لیے شکریہ دوست"),
    "ur-Latn": ("tu harami kutta hai behenchod", "aap ka din acha guzre mere dost"),
    "zh": ("黑鬼都是垃圾，滚出去，恶心的婊子", "谢谢你，今天是美好的一天"),
}


@pytest.fixture(scope="module")
def score_posts() -> Filter:
    return toxicity.build(toxicity.Config())


def make_posts(texts: list[str], langs: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"text": texts, "lang": langs}, schema={"text": pl.String, "lang": pl.String}
    )


def read_everyday_words() -> pl.DataFrame:
    lines = EVERYDAY_WORDS.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    words = [(word, lang) for lang, listed in rows for word in listed.split("|")]
    return pl.DataFrame(words, schema={"text": pl.String, "lang": pl.String}, orient="row")


def test_every_language_of_the_second_file_is_tried_here() -> None:
    assert SENTENCES.keys() == scorers.LANGUAGE_MODELS.keys()
    known = set(toxicity.languages(toxicity.Config()))
    assert known == {"en", *scorers.LANGUAGE_MODELS}


@pytest.mark.parametrize("lang", SENTENCES)
def test_an_insult_scores_above_a_friendly_sentence(score_posts: Filter, lang: str) -> None:
    scored = score_posts(make_posts(list(SENTENCES[lang]), [lang, lang]))
    insult, friendly = scored["toxicity"].to_list()
    assert insult > friendly + 0.3
    assert scored["profanity"][0] > scored["profanity"][1]
    assert scored["reject"][1] is None
    assert scored["unjudged"].to_list() == [None, None]


def test_no_everyday_word_is_dropped(score_posts: Filter) -> None:
    """42 languages: judged in their own language, and where no language is known."""
    words = read_everyday_words()
    assert words["lang"].n_unique() >= 40
    assert words["lang"].value_counts()["count"].min() >= 200
    own = score_posts(words)
    assert own.filter(pl.col("reject").is_not_null()).is_empty()
    unnamed = score_posts(words.drop("lang"))
    # Swedish for "got"; without accents it is near an English word.
    assert set(unnamed.filter(pl.col("reject").is_not_null())["text"]) <= {"fått"}


def test_a_post_is_judged_by_the_model_of_its_language_alone(score_posts: Filter) -> None:
    insult = SENTENCES["tr"][0]
    langs = ["tr", "es", "en", None, "ja", "tr-Cyrl"]
    scored = score_posts(make_posts([insult] * len(langs), langs))
    turkish, spanish, english, unnamed, japanese, again = scored["toxicity"].to_list()
    assert turkish > 0.5 > max(spanish, english)
    assert unnamed == english
    assert japanese is None
    assert again == turkish
    alone = [score_posts(make_posts([insult], [lang]))["toxicity"][0] for lang in langs]
    assert alone == scored["toxicity"].to_list()


def test_a_romanised_language_is_known_only_if_it_is_named(score_posts: Filter) -> None:
    insult = SENTENCES["ur-Latn"][0]
    scored = score_posts(make_posts([insult] * 4, ["ur-Latn", "hi-Latn", "ar-Latn", "ta-Latn"]))
    assert scored["unjudged"].to_list() == [None, None, "ar-Latn", "ta-Latn"]
    assert scored["toxicity"][0] == scored["toxicity"][1] > 0.5


def test_the_categories_are_null_outside_the_languages_of_the_first_model() -> None:
    score = toxicity.build(toxicity.Config(categories=("insult",)))
    texts = ["you idiot", "du Idiot", SENTENCES["es"][0], "du Idiot"]
    scored = score(make_posts(texts, ["en", "de", "es", None]))
    assert scored["toxicity_insult"].is_null().to_list() == [False, False, True, False]
    assert scored["toxicity_insult"][1] == scored["toxicity_insult"][3]
    assert scored["toxicity"].null_count() == 0


def test_words_are_redacted_by_the_model_of_the_language() -> None:
    insult, friendly = SENTENCES["es"]
    redact = toxicity.build(toxicity.Config(action="redact", max_score=0.3))
    redacted = redact(make_posts([insult, friendly, insult], ["es", "es", "ja"]))
    assert "<TOXIC>" in redacted["text"][0]
    assert redacted["text"].to_list()[1:] == [friendly, insult]
    assert redacted["toxicity_spans"].to_list()[1:] == [0, 0]
    again = redact(redacted.select("text", "lang"))
    assert again["toxicity"][0] <= 0.3


def test_posts_without_words_score_nothing(score_posts: Filter) -> None:
    scored = score_posts(make_posts(["", "...", "@user https://example.org"], ["ko"] * 3))
    assert scored["toxicity"].to_list() == [0, 0, 0]


def test_a_post_scores_as_its_worst_words(score_posts: Filter) -> None:
    insult, friendly = SENTENCES["tr"]
    long = f"{friendly} " * 40 + f"{insult} " * 16 + f"{friendly} " * 40
    scored = score_posts(make_posts([long, insult], ["tr", "tr"]))
    assert scored["toxicity"][0] > 0.5


@pytest.mark.parametrize("text", ["병" * 1_000_000, "çok " * 200_000, "🤣" * 250_000])
def test_long_posts_are_scored_quickly(score_posts: Filter, text: str) -> None:
    assert 0 <= score_posts(make_posts([text], ["ko"]))["toxicity"][0] <= 1


def test_accents_and_styled_letters_do_not_matter_but_vowel_signs_do() -> None:
    texts = ["ŞEREFSİZ!", "serefsiz", "Ｐｕｔａ", "كَلْب", "कुत्ता", "ㅋㅋ 😡"]
    folded = pl.DataFrame({"text": texts}).select(fold_characters("text")).to_series()
    assert folded.to_list() == ["serefsiz", "serefsiz", "puta", "كلب", "कुत्ता", "ᄏᄏ 😡"]


def _make_model() -> LanguageModel:
    weights = np.arange(512, dtype=np.int64).astype(np.int8).reshape(256, 2)
    return LanguageModel(weights, np.array([0.1, 0.2]), np.array([1.0, 2.0]), np.array([0.5, -1.0]))


def test_models_are_read_as_they_were_written(tmp_path: Path) -> None:
    path, again = tmp_path / "a.npz", tmp_path / "b.npz"
    character_model.save_models({"xx": _make_model(), "yy-Latn": _make_model()}, path)
    models = character_model.load_models(path)
    assert list(models) == ["xx", "yy-Latn"]
    for one, other in zip(models["xx"], _make_model(), strict=True):
        assert np.array_equal(one, other)
    character_model.save_models(models, again)
    assert again.read_bytes() == path.read_bytes()


def test_a_file_that_is_no_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.npz"
    monkeypatch.setattr(scorers, "LANGUAGES_MODEL_PATH", path)
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"other\.npz is not the model"):
        scorers.load_language_scorers()
    character_model.save_models({"xx": _make_model()}, path)
    with pytest.raises(ValueError, match="it has no model of am, ar, bn"):
        scorers.load_language_scorers()
    wrong = _make_model()._replace(weights=np.zeros((100, 1), dtype=np.int8))
    character_model.save_models({"xx": wrong}, path)
    with pytest.raises(ValueError, match="2\\^n rows"):
        scorers.load_language_scorers()
