"""Names of people in German, Portuguese, Swedish, Chinese and Japanese. All people are invented."""

from __future__ import annotations

import polars as pl
import pytest

from filters import contract, pii
from filters.pii import ner, ner_linear, ner_model

SENTENCES = {
    "en": "Yesterday I met Thomas Miller and his dog in the garden of the house",
    "de": "Gestern hat Thomas Müller mit dem Hund im Garten hinter dem Haus gespielt",
    "pt": "Ontem o Carlos Almeida foi com o cachorro para a praia e voltou de noite",
    "sv": "Igår träffade jag Anna Lindberg och hennes hund i parken bakom huset",
    "zh": "昨天王小明和我们一起去公园跑步了",
    "ja": "昨日は佐藤健一さんと公園を歩きました",
}
NAMES = {
    "en": "Thomas Miller",
    "de": "Thomas Müller",
    "pt": "Carlos Almeida",
    "sv": "Anna Lindberg",
    "zh": "王小明",
    "ja": "佐藤健一",
}
REDACTED = [text.replace(NAMES[lang], "<PERSON>") for lang, text in SENTENCES.items()]


@pytest.fixture(scope="module")
def redact() -> contract.Filter:
    return pii.build(pii.Config(profile="strict"))


def test_names_are_found_by_the_model_of_the_post_s_language(redact: contract.Filter) -> None:
    posts = pl.DataFrame({"text": list(SENTENCES.values()), "lang": list(SENTENCES)})
    done = redact(posts)
    assert done["text"].to_list() == REDACTED
    assert done["pii_person"].to_list() == [1] * len(SENTENCES)
    # Chinese in the script of Taiwan, as other stages name it.
    hant = posts.filter(pl.col("lang") == "zh").with_columns(lang=pl.lit("zh-Hant"))
    assert redact(hant)["pii_person"].to_list() == [1]


def test_a_post_without_lang_is_read_in_the_language_that_it_is_written_in(
    redact: contract.Filter,
) -> None:
    done = redact(pl.DataFrame({"text": list(SENTENCES.values())}))
    assert done["text"].to_list() == REDACTED
    assert redact(done.select("text"))["text"].to_list() == REDACTED


def test_nouns_of_german_are_no_people(redact: contract.Filter) -> None:
    texts = [
        "Der Hund liegt im Garten und die Katze sitzt auf dem Tisch in der Küche",
        "Das Wetter ist heute gut, deshalb nehme ich das Fahrrad und nicht den Zug",
        "Mein Bruder hat die Rechnung für die Wohnung und den Strom bezahlt",
        "Die Freude war groß. Beim Abendessen gab es Kartoffeln mit Quark",
    ]
    done = redact(pl.DataFrame({"text": texts, "lang": ["de"] * len(texts)}))
    assert done["text"].to_list() == texts


def test_only_posts_in_languages_without_a_model_are_unjudged(redact: contract.Filter) -> None:
    known = pii.languages(pii.Config(profile="strict"))
    assert known == ("en", "de", "pt", "sv", "zh", "ja")
    french = "Hier soir nous avons mangé des pommes de terre avec du fromage"
    posts = pl.DataFrame(
        {"text": [*SENTENCES.values(), french, french], "lang": [*SENTENCES, "fr", "und"]}
    )
    assert redact(posts)[contract.UNJUDGED].to_list() == [None] * 6 + ["fr", None]


def test_every_model_decides_the_fingerprint() -> None:
    files = pii.models(pii.Config(profile="strict"))
    assert [path.name for path in files] == [
        "ner.bin",
        *(f"ner_{lang}.bin" for lang in ("de", "pt", "sv", "zh", "ja")),
    ]
    assert all(path.stat().st_size <= 3_000_000 for path in files)
    assert pii.models(pii.Config(profile="strict", ner="spacy:xx")) == []
    assert pii.models(pii.Config()) == []


def test_languages_that_the_plan_does_not_name_keep_their_names() -> None:
    run = pii.build(pii.Config(profile="strict", ner_langs=("de", "ja")))
    done = run(pl.DataFrame({"text": list(SENTENCES.values()), "lang": list(SENTENCES)}))
    changed = (done["text"] != pl.Series(list(SENTENCES.values()))).to_list()
    assert changed == [False, True, False, False, False, True]


def test_names_do_not_depend_on_the_batch() -> None:
    engine = ner.load_engine("posts")
    texts, languages = [*SENTENCES.values(), "", " \n"], [*SENTENCES, "de", "zh"]
    alone = [engine([text], [lang])[0] for text, lang in zip(texts, languages, strict=True)]
    assert [len(spans) for spans in alone] == [1] * 6 + [0, 0]
    assert engine(texts * 3, languages * 3) == alone * 3


def test_offsets_are_those_of_the_text() -> None:
    find = ner_linear.PeopleFinder(ner_linear.load(ner_model.get_linear_path("de")))
    text = "😀  \r\n" + SENTENCES["de"] + "\n\n😀 " + SENTENCES["de"]
    spans = find(["", text])[1]
    assert [text[start:end] for start, end, _ in spans] == [NAMES["de"]] * 2


def test_traditional_characters_are_read_as_simplified_ones() -> None:
    find = ner_linear.PeopleFinder(ner_linear.load(ner_model.get_linear_path("zh")))
    simplified = SENTENCES["zh"]
    traditional = simplified.replace("们", "們").replace("园", "園")
    assert find([simplified]) == find([traditional]) != [[]]


def test_the_tokens_are_words_characters_and_marks() -> None:
    model = ner_linear.load(ner_model.get_linear_path("ja"))
    text = "Tom12 山田 タロさん!\néA"
    tokens = ner_linear.read_tokens([text, "", "a b"], model)
    words = [text[a:b] for a, b in zip(tokens.starts[:-2], tokens.ends[:-2], strict=True)]
    assert words == [
        "Tom", "12", "山", "田", "タ", "ロ", "さ", "ん", "!", "\n", "éA",
    ]  # fmt: skip
    assert tokens.sizes.tolist() == [11, 0, 2]
    assert tokens.starts[-2:].tolist() == [0, 2]
    assert tokens.features.max() < len(model.weights)


def test_names_after_a_handle_or_hashtag_without_spaces_are_found(
    redact: contract.Filter,
) -> None:
    texts = ["#周末公园#" + SENTENCES["zh"], "@小鱼：" + SENTENCES["zh"], "#王小明# 加油"]
    done = redact(pl.DataFrame({"text": texts, "lang": ["zh"] * 3}))
    assert [text.count("<PERSON>") for text in done["text"]] == [1, 1, 0]
