"""Write the texts of the demo's posts out of the phrases in ``phrases.toml``.

The functions draw by chance from ``rng`` alone, so that a seed decides every text.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

_DATA: dict[str, Any] = tomllib.loads(
    (files("corpus.demo") / "phrases.toml").read_text(encoding="utf-8")
)
_TOPICS: dict[str, list[str]] = _DATA["topics"]
_ENGLISH: dict[str, list[str]] = _DATA["english"]["phrases"]
_OTHER_LANGUAGES: dict[str, Any] = _DATA["other_languages"]
_SHORT: dict[str, list[str]] = _DATA["short_posts"]
_PII_VALUES: dict[str, list[str]] = _DATA["pii"]["values"]
_AUTHORS: dict[str, list[str]] = _DATA["authors"]

#: Language to its share of the ordinary posts, in per cent.
LANGUAGE_SHARES: dict[str, int] = _DATA["language_shares"]
JUNK_KINDS = ("link_spam", "hashtag_wall", "emoji_wall", "character_run", "bot_template")
PII_KINDS = ("email", "phone", "ip", "credit_card", "iban", "us_ssn", "mac", "btc")


class _SlotFiller(dict[str, str]):
    """Fill the slots of a pattern; each slot gets a phrase that is drawn for it alone."""

    def __init__(
        self, rng: random.Random, pools: Mapping[str, Sequence[str]], things: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.rng, self.pools, self.things = rng, pools, things

    def __missing__(self, name: str) -> str:
        if name == "n":
            return str(self.rng.randint(2, 99))
        choice = self.rng.choice
        if name == "thing" and self.things:
            pools = self.pools
            return f"{choice(pools['det'])} {choice(pools['adj'])} {choice(self.things)}"
        return self.fill(choice(self.pools[name]))

    def fill(self, pattern: str) -> str:
        """Return ``pattern`` with every slot filled, and the slots of the phrases in it too."""
        return pattern.format_map(self) if "{" in pattern else pattern


def _slot_filler(rng: random.Random, lang: str, community: str) -> _SlotFiller:
    if lang == "en":
        return _SlotFiller(rng, _ENGLISH, _TOPICS[community])
    return _SlotFiller(rng, _OTHER_LANGUAGES[lang]["phrases"])


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def choose_community(rng: random.Random, lang: str) -> str:
    """Choose a community in which ``lang`` is written."""
    if lang == "en":
        return rng.choice(tuple(_TOPICS))
    name: str = _OTHER_LANGUAGES[lang]["community"]
    return name


def write_prose(
    rng: random.Random, lang: str, community: str, limit: int, paragraphs: bool = False
) -> str:
    """Write one to five sentences in at most ``limit`` characters."""
    filler = _slot_filler(rng, lang, community)
    language = _DATA["english"] if lang == "en" else _OTHER_LANGUAGES[lang]
    patterns: list[str] = language["sentences"]
    wanted = rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 5) if lang == "en" else (2, 2, 3, 3, 4, 5))
    text = ""
    for pattern in rng.sample(patterns, wanted):
        sentence = _capitalize(filler.fill(pattern))
        while not text and len(sentence) > limit:
            sentence = _capitalize(filler.fill(patterns[0]))
        if len(text) + len(sentence) + 2 > limit and text:
            break
        gap = "\n\n" if paragraphs and rng.random() < 0.25 else "" if lang == "ja" else " "
        text = f"{text}{gap}{sentence}" if text else sentence
    return text


def write_title(rng: random.Random, lang: str, community: str) -> str:
    """Write the title of a submission."""
    filler = _slot_filler(rng, lang, community)
    if lang == "en":
        pattern = rng.choice(_DATA["english"]["titles"])
    else:
        pattern = rng.choice(_OTHER_LANGUAGES[lang]["sentences"][1:4])
    return _capitalize(filler.fill(pattern)).rstrip(".。")


def write_three_words(rng: random.Random) -> str:
    """Write a whole post in three words."""
    words = [rng.choice(_SHORT[position]) for position in ("first", "middle", "last")]
    return _capitalize(" ".join(words)) + rng.choice(("", "", ".", "!"))


def write_toxic(rng: random.Random, community: str) -> str:
    """Write a rude outburst at one person that any toxicity model should mark."""
    pools = _ENGLISH | _DATA["toxic"]["phrases"]
    pools["rude"] = pools["adj"]
    things = [f"{rng.choice(_ENGLISH['adj'])} {thing}" for thing in _TOPICS[community]]
    pools["thing"] = [f"{rng.choice(_ENGLISH['det'])} {thing}" for thing in things]
    return _SlotFiller(rng, pools).fill(_DATA["toxic"]["pattern"])


def write_junk(rng: random.Random, kind: str) -> str:
    """Write a post that no model should learn from; ``kind`` is one of ``JUNK_KINDS``."""
    n = rng.randint(1000, 99999)
    if kind == "link_spam":
        links = [f"https://deal{rng.randint(10, 999)}.example.com/{n + i}" for i in range(4)]
        return f"FREE {rng.choice(_SHORT['last'])} HERE >>> " + " ".join(links)
    if kind == "hashtag_wall":
        tags = rng.sample(_DATA["junk"]["tags"], 12)
        return " ".join(f"#{tag}{rng.choice(('', n))}" for tag in tags)
    if kind == "emoji_wall":
        return "".join(rng.choices(_DATA["junk"]["emoji"], k=rng.randint(14, 40)))
    if kind == "character_run":
        word = rng.choice(_DATA["junk"]["repeated_words"])
        return f"{word}{word[-1] * rng.randint(25, 80)}{'!' * rng.randint(5, 30)}{n}"
    song = f"{rng.choice(_SHORT['middle']).title()} {rng.choice(_SHORT['last']).title()}"
    band = f"The {rng.choice(_SHORT['last']).title()}s of {rng.choice(_ENGLISH['place'])}"
    return f"♫ Now playing: {song} by {band} on Radio Demo {n % 100}.{n % 10} #nowplaying"


def write_pii(rng: random.Random, kind: str, lang: str) -> tuple[str, str]:
    """Write a sentence that gives away a personal detail; return it and the detail."""
    value = _choose_pii_value(rng, kind)
    sentences = _DATA["pii"]
    pattern: str = (
        sentences["sentences"][kind] if lang == "en" else sentences["sentences_by_language"][lang]
    )
    return pattern.format(v=value), value


def _choose_pii_value(rng: random.Random, kind: str) -> str:
    if kind == "email":
        name = rng.choice(_PII_VALUES["mailbox"])
        host = rng.choice(_PII_VALUES["mail_host"])
        return f"{name}{rng.randint(1, 999)}@{host}"
    if kind == "phone":
        return f"{rng.choice(_PII_VALUES['phone_prefix'])}{rng.randint(10, 99)}"
    if kind == "us_ssn":  # areas that were never issued while areas still meant a region
        return f"{rng.randint(856, 899)}-{rng.randint(10, 99)}-{rng.randint(1000, 9998)}"
    if kind == "mac":
        return "02:00:5E:10:53:" + f"{rng.randint(0, 255):02X}"
    return rng.choice(_PII_VALUES[kind])


def _replace_word(rng: random.Random, text: str) -> str:
    words = re.findall(r"\S+", text)
    old = rng.choice([word for word in words if word.isalpha() and len(word) > 3])
    replacements = _DATA["near_duplicates"]["replacement_words"]
    new = rng.choice([word for word in replacements if word != old.lower()])
    return re.sub(rf"(?<!\S){old}(?!\S)", new, text, count=1)


def _add_link(rng: random.Random, text: str) -> str:
    return f"{text} https://example.org/p/{rng.randint(100, 9999)}"


def _change_punctuation(rng: random.Random, text: str) -> str:
    return text.replace(",", "").rstrip(".。!?？ ") + "!" * rng.randint(2, 4)


def _to_upper_case(rng: random.Random, text: str) -> str:
    return text.upper()


#: How a near duplicate differs from its original.
EDITS: dict[str, Callable[[random.Random, str], str]] = {
    "one_word": _replace_word,
    "trailing_link": _add_link,
    "punctuation": _change_punctuation,
    "case": _to_upper_case,
}


def author_name(number: int) -> str:
    """Return the invented user name number ``number``; each number has a name of its own."""
    adjectives, nouns = _AUTHORS["adjectives"], _AUTHORS["nouns"]
    rest, adjective = divmod(number, len(adjectives))
    suffix, noun = divmod(rest, len(nouns))
    return f"{adjectives[adjective]}_{nouns[noun]}{suffix or ''}"
