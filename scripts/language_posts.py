"""Collect the posts that the language model is trained on, each with its language.

Only sets whose licence permits it: no text of TweetLID or TwitUser, which measure the model.
Sentences of news and of encyclopaedias stand in for posts of languages that have too few: they are
cut to the length of posts, and some lose their accents, as people type.
"""

from __future__ import annotations

import html
import json
import random
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import zstandard

from bench.quality import language as gold_sets
from scripts.romanise import BLOCKS, romanise

SEED = 1
#: The languages of the model. It leaves those that a script identifies to lid.176.
LANGUAGES = (
    *("ar", "ar-Latn", "az", "be", "bg", "bn-Latn", "bs", "ca", "cs", "da", "de", "en", "es"),
    *("et", "eu", "fa", "fi", "fr", "ga", "gl", "ha", "hi", "hi-Latn", "hr", "ht", "hu", "id"),
    *("ig", "is", "it"),
    *("ja", "kn-Latn", "lt", "lv", "mk", "ml-Latn", "ms", "nl", "no", "pa-Latn", "pl", "pt"),
    *("ro", "ru", "rw", "sk", "sl", "so", "sq", "sr", "sv", "sw", "ta-Latn", "te-Latn", "tl"),
    *("tr", "ts", "tw", "uk", "ur", "ur-Latn", "vi", "yo", "zh"),
)
#: The most posts of a set in a language of the model, in English, of which people write the most
#: different short posts, and in a language that is not of the model.
MOST, MOST_IN_ENGLISH, MOST_OF_OTHERS = 3000, 8000, 1000
#: The share of the texts of eight words or more that are shortened, and of those in English.
SHORTENED, SHORTENED_IN_ENGLISH = 0.33, 0.5
#: The sets with another language than the first part of their file's name says.
_CODES = {"fil": "tl", "ar-arabizi": "ar-Latn", "ur-roman": "ur-Latn", "ur-ruhsold": "ur-Latn"}
#: Files of ``unlabelled/``; ToLD-Br's Portuguese is only used to measure.
UNLABELLED = (
    *("am-fikerdeep", "fa-suttw", "fil-minatweets", "fil-crisislex", "sl-janestag", "ar-isarcasm"),
    *("ar-xlmt", "ar-arsarcasm2", "uk-uagec", "th-wisesight", "id-smsa", "fr-xlmt", "de-xlmt"),
    *("it-xlmt", "pt-xlmt", "es-xlmt", "he-omilab", "he-hebemo", "ja-open2ch", "ko-nsmc"),
    *("hr-reldi", "sr-reldi", "it-twittiro", "pt-dantestocks", "ru-taiga", "ru-crisislex"),
    *("de-potts", "zh-sentiweibo", "zh-lccctoy", "ur-tweets", "es-crisislex", "it-crisislex"),
    *("pt-crisislex", "fr-crisislex", "ur-roman", "ar-arabizi", "hi-xlmt"),
)
#: Files of ``toxicity_multi/`` with an open licence, read without their labels.
LABELLED = (
    *("da-dkhate", "el-ogtd", "en-hatemoji", "en-implicit", "en-paradetox", "en-stormfront"),
    *("es-offendes", "fr-mlma", "pl-poleval2019", "ro-offense", "tr-offenseval", "ur-ruhsold"),
)
#: Files of NTREX-128, and the languages they are in.
NTREX = {
    **{"aze-Latn": "az", "bel": "be", "bos": "bs", "bul": "bg", "cat": "ca", "ces": "cs"},
    **{"dan": "da", "deu": "de", "eng-GB": "en", "eng-IN": "en", "eng-US": "en", "est": "et"},
    **{"eus": "eu", "fas": "fa", "fil": "tl", "fin": "fi", "fra": "fr", "fra-CA": "fr"},
    **{"glg": "gl", "hau": "ha", "hrv": "hr", "hun": "hu", "ibo": "ig", "ind": "id", "isl": "is"},
    **{"ita": "it", "jpn": "ja", "kin": "rw", "lav": "lv", "lit": "lt", "mkd": "mk", "msa": "ms"},
    **{"nld": "nl", "nob": "no", "pol": "pl", "por": "pt", "por-BR": "pt", "ron": "ro"},
    **{"rus": "ru", "slk": "sk", "slv": "sl", "som": "so", "spa": "es", "spa-MX": "es"},
    **{"sqi": "sq", "srp-Cyrl": "sr", "srp-Latn": "sr", "swa": "sw", "swe": "sv", "tur": "tr"},
    **{"ukr": "uk", "urd": "ur", "vie": "vi", "yor": "yo", "zho-CN": "zh", "zho-TW": "zh"},
    **{"hin": "hi", "mar": "mr", "nep": "ne", "arb": "ar"},
}
#: Files of NTREX-128 that are also written in Latin letters: their language and script.
ROMANISED = {
    **{"hin": ("hi", "Deva"), "ben": ("bn", "Beng"), "pan": ("pa", "Guru"), "tam": ("ta", "Taml")},
    **{"tel": ("te", "Telu"), "kan": ("kn", "Knda"), "mal": ("ml", "Mlym")},
}
#: Files of Tatoeba in ``LASER``, and the languages they are in.
TATOEBA = {
    **{"ara": "ar", "arz": "ar", "aze": "az", "bel": "be", "bos": "bs", "bul": "bg", "cat": "ca"},
    **{"ces": "cs", "cmn": "zh", "dan": "da", "deu": "de", "est": "et", "eus": "eu", "fin": "fi"},
    **{"fra": "fr", "gle": "ga", "glg": "gl", "hin": "hi", "hrv": "hr", "hun": "hu", "ind": "id"},
    **{"isl": "is", "ita": "it", "jpn": "ja", "lit": "lt", "lvs": "lv", "mkd": "mk", "nld": "nl"},
    **{"nno": "no", "nob": "no", "pes": "fa", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru"},
    **{"slk": "sk", "slv": "sl", "spa": "es", "sqi": "sq", "srp": "sr", "swe": "sv", "swh": "sw"},
    **{"tgl": "tl", "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi", "zsm": "ms"},
}
#: Treebanks of Universal Dependencies with posts or sentences, and the languages they are in.
TREEBANKS = {
    **{"UD_Haitian_Creole-Adolphe": "ht", "UD_Irish-TwittIrish": "ga", "UD_Serbian-SET": "sr"},
}
#: Files of ``ca-text-corpus/data``.
CATALAN = (
    *("common-short-sentences", "common-voice-sentences", "proverbs", "riuraueditors"),
    "softcatala",
)
#: Words of Hindi in Latin letters, of which a tweet of SAIL has two if it is in Hindi.
_HINDI_WORDS = frozenset(
    (
        *("hai", "hain", "hi", "bhi", "ka", "ki", "ke", "ko", "se", "ye", "yeh", "wo", "woh"),
        *("nahi", "nahin", "nhi", "kya", "kyu", "kyun", "mein", "me", "mai", "main", "tha"),
        *("thi", "the", "ho", "hota", "hoti", "kar", "karo", "karne", "raha", "rahe", "rahi"),
        *("aur", "tum", "tera", "mera", "meri", "apna", "apne", "aaj", "kal", "ab", "sab", "koi"),
        *("kuch", "kaise", "jo", "to", "toh", "par", "pe", "ji", "bhai", "log", "liye", "gaya"),
        *("gayi", "hua", "hui", "abhi", "yaar"),
    )
)


class Source(NamedTuple):
    """The texts of a set in one language."""

    name: str
    code: str
    texts: list[str]


def load_posts(data: Path, sentences: Path) -> pl.DataFrame:
    """Return all posts to train on: ``author``, ``gold``, ``text``, ``split``, ``set``.

    ``data`` has the sets of posts, and ``sentences`` clones of repositories. Where a set has
    no authors, each text is its own author.
    """
    measured = _load_measured_texts(data)
    sources = [*_load_gold_sets(data), *_load_sets(data), *_load_sentences(sentences)]
    parts = []
    for name, code, texts in sources:
        wanted = sorted({text for text in texts if text.strip()} - measured)
        most = MOST if code in LANGUAGES else MOST_OF_OTHERS
        if code == "en":
            most = MOST_IN_ENGLISH
        choose = random.Random(f"{SEED} {name} {code}")
        chosen = choose.sample(wanted, min(most, len(wanted)))
        parts.append(gold_sets.one_author_per_text(name, code, chosen))
    posts = pl.concat(parts).with_columns(split=pl.lit("tune"))
    return posts.unique("text", keep="none", maintain_order=True)


def shorten_some(texts: list[str], codes: list[str]) -> Iterator[str]:
    """Yield the texts, some of the longer ones cut to 1 to 6 words, as titles and replies are."""
    choose = random.Random(f"{SEED} shorten")
    for text, code in zip(texts, codes, strict=True):
        words = text.split()
        share = SHORTENED_IN_ENGLISH if code == "en" else SHORTENED
        if len(words) < 8 or choose.random() > share:
            yield text
            continue
        count = choose.randint(1, 6)
        start = choose.randint(0, len(words) - count)
        yield " ".join(words[start : start + count])


def _load_measured_texts(data: Path) -> frozenset[str]:
    """Return the texts that people read and labelled to measure with."""
    sheets = sorted((data / "judgement").glob("*dev.tsv"))
    return frozenset(text for path in sheets for text in gold_sets.load_sheet(path)["text"])


def _load_gold_sets(data: Path) -> Iterator[Source]:
    """Yield the half of some sets whose other half only measures the model."""
    posts = gold_sets.load_open_posts(data).filter(
        pl.col("set").is_in(("afrisenti", "davidson", "germeval", "reddit")),
        pl.col("split") == "tune",
    )
    for (name, code), rows in posts.group_by(["set", "gold"], maintain_order=True):
        yield Source(str(name), str(code), rows["text"].to_list())


def _load_sets(data: Path) -> Iterator[Source]:
    for name in UNLABELLED:
        texts = _read_compressed(data / f"unlabelled/{name}.txt.zst")
        if name == "hi-xlmt":
            yield Source(name, "hi-Latn", [text for text in texts if _is_romanised_hindi(text)])
            yield Source(name, "hi", [text for text in texts if _is_mostly_devanagari(text)])
        else:
            yield Source(name, _find_code(name), texts)
    for name in LABELLED:
        lines = _read_compressed(data / f"toxicity_multi/{name}.tsv.zst")[1:]
        texts = [line.split("\t")[4] for line in lines if line.count("\t") >= 4]
        yield Source(name, _find_code(name), texts)
    lines = (data / "langid/afrisenti/pt_dev.tsv").read_text(encoding="utf-8").split("\n")[1:]
    yield Source("afrisenti", "pt", [line.split("\t")[1] for line in lines if line.count("\t") > 1])
    tweets = []
    for name in ("a", "b"):
        with (data / f"x_v1/{name}.no-labels.json").open(encoding="utf-8") as file:
            tweets += [json.loads(line)["text"] for line in file if line.strip()]
    yield Source("btc", "en", tweets)


def _load_sentences(folder: Path) -> Iterator[Source]:
    yield from _load_tatoeba(folder / "LASER/data/tatoeba/v1")
    for name, code in TREEBANKS.items():
        lines = [
            line
            for path in sorted((folder / name).glob("*-ud-*.conllu"))
            for line in path.read_text(encoding="utf-8").split("\n")
        ]
        texts = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
        yield Source("ud", code, texts)
    tweets = []
    for part in ("train", "valid", "test"):
        path = folder / f"indonlu/dataset/emot_emotion-twitter/{part}_preprocess.csv"
        tweets += pl.read_csv(path)["tweet"].drop_nulls().to_list()
    yield Source("emot", "id", [re.sub(r"\[(USERNAME|URL)\]", "", text) for text in tweets])
    ntrex = folder / "NTREX/NTREX-128"
    by_code: dict[str, list[str]] = {}
    for name, code in NTREX.items():
        by_code.setdefault(code, []).extend(_read_ntrex(ntrex, name))
    for code, texts in by_code.items():
        yield Source("ntrex", code, list(_cut_to_posts(texts, code)))
    for name, (code, script) in ROMANISED.items():
        choose = random.Random(f"{SEED} {name}")
        texts = [romanise(text, script, choose) for text in _read_ntrex(ntrex, name)]
        yield Source("ntrex-latin", f"{code}-Latn", list(_cut_to_posts(texts, f"{code}-Latn")))
    galician = [
        text
        for path in sorted((folder / "nos_gl_CC0/QA").glob("*.xlsx"))
        for text in _read_sheet(path)
    ]
    yield Source("nos", "gl", list(_cut_to_posts(galician, "gl")))
    catalan = [
        line
        for name in CATALAN
        for line in (folder / f"ca-text-corpus/data/{name}.txt").read_text("utf-8").split("\n")
    ]
    yield Source("ca-text", "ca", list(_cut_to_posts(catalan, "ca")))
    basque = []
    for part in ("train", "val", "test"):
        for line in (folder / f"BasqueGLUE/qnli/{part}.jsonl").read_text("utf-8").split("\n"):
            if line.strip():
                row = json.loads(line)
                basque += [row["question"], row["sentence"]]
    yield Source("qnli", "eu", list(_cut_to_posts(basque, "eu")))


def _load_tatoeba(folder: Path) -> Iterator[Source]:
    """Yield the sentences of Tatoeba by language, and the English ones beside them."""
    by_code: dict[str, list[str]] = {}
    for name, code in TATOEBA.items():
        for suffix, written in ((name, code), ("eng", "en")):
            text = (folder / f"tatoeba.{name}-eng.{suffix}").read_text(encoding="utf-8")
            by_code.setdefault(written, []).extend(text.split("\n"))
    for code, texts in by_code.items():
        yield Source("tatoeba", code, texts)


def _find_code(name: str) -> str:
    first = name.split("-")[0]
    return _CODES.get(name, _CODES.get(first, first))


def _read_compressed(path: Path) -> list[str]:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().decode("utf-8").split("\n")


def _read_ntrex(folder: Path, name: str) -> list[str]:
    lines = (folder / f"newstest2019-ref.{name}.txt").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line.strip()]


def _read_sheet(path: Path) -> list[str]:
    """Return the sentences of a spreadsheet of ``nos_gl_CC0``, without its English instructions."""
    with zipfile.ZipFile(path) as sheet:
        strings = sheet.read("xl/sharedStrings.xml").decode("utf-8")
    texts = [html.unescape(text) for text in re.findall(r"<t[^>]*>([^<]+)</t>", strings)]
    return [
        text for text in texts if len(text.split()) >= 4 and not re.match(r"Please|[A-D]: ", text)
    ]


def _cut_to_posts(texts: Iterable[str], code: str) -> Iterator[str]:
    """Yield a part of each text, of 2 to 16 words; one in five has lost its accents."""
    choose = random.Random(f"{SEED} cut {code}")
    for text in sorted(set(texts)):
        words = text.split()
        count = choose.randint(2, 16)
        start = choose.randint(0, max(0, len(words) - count))
        part = " ".join(words[start : start + count])
        if choose.random() < 0.2:
            letters = unicodedata.normalize("NFD", part)
            plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
            part = plain if letters[:1].isascii() else part
        yield part


def _is_romanised_hindi(text: str) -> bool:
    return not _is_mostly_devanagari(text) and len(_HINDI_WORDS & set(text.lower().split())) >= 2


def _is_mostly_devanagari(text: str) -> bool:
    return sum(BLOCKS["Deva"] <= ord(letter) < 0x980 for letter in text) * 2 > len(text.strip())
