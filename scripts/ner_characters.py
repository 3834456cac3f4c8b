"""What trains the models for names in Chinese and Japanese: their lexicons, and varied sentences.

It needs ``pip install faker jieba opencc-python-reimplemented janome``.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from bench.quality.ner_gold import Sentence

_MOST_WORDS = 40_000
_MOST_NAMES = 12_000


class CharacterNames:
    """The names of a language, and its lexicon."""

    def __init__(self, lang: str) -> None:
        self.lexicon = _read_jieba() if lang == "zh" else _read_ipadic()
        self._first, self._last = self.lexicon["first"], self.lexicon["last"]
        self._traditional = {pair[1]: pair[0] for pair in self.lexicon["folded"]}

    def vary(self, sentence: Sentence, chance: random.Random) -> Sentence:
        """Return the sentence with other names; of Chinese, one in three in traditional script."""
        tokens, tags = sentence
        if chance.random() < 0.5:
            tokens, tags = self._replace_names(tokens, tags, chance)
        if self._traditional and chance.random() < 0.3:
            tokens = ["".join(self._traditional.get(c, c) for c in token) for token in tokens]
        return tokens, tags

    def _replace_names(
        self, tokens: list[str], tags: list[str], chance: random.Random
    ) -> tuple[list[str], list[str]]:
        new_tokens: list[str] = []
        new_tags: list[str] = []
        at = 0
        while at < len(tokens):
            end = at + 1
            while end < len(tokens) and tags[end] == "I-PERSON":
                end += 1
            name = "".join(tokens[at:end])
            is_han = all("\u4e00" <= c <= "\u9fff" for c in name)
            if tags[at] == "B-PERSON" and is_han and chance.random() < 0.8:
                name = self._make_name(name, chance)
                new_tokens += name
                new_tags += ["B-PERSON", *["I-PERSON"] * (len(name) - 1)]
            else:
                new_tokens += tokens[at:end]
                new_tags += tags[at:end]
            at = end
        return new_tokens, new_tags

    def _make_name(self, name: str, chance: random.Random) -> str:
        """Return a name of like length: a surname, a given name, or both."""
        last, first = chance.choice(self._last), chance.choice(self._first)
        if len(name) > 2 or (len(name) == 2 and len(last + first) == 2):
            return last + first
        return last if name in self.lexicon["last"] else first


def _read_jieba() -> dict[str, list[str]]:
    """Return the lexicon of Chinese: jieba's words, faker's names, OpenCC's characters."""
    import jieba
    import opencc
    from faker.providers.person.zh_CN import Provider

    pairs = []
    table = Path(opencc.__file__).parent / "dictionary" / "TSCharacters.txt"
    for line in table.read_text(encoding="utf-8").splitlines():
        written, _, read = line.partition("\t")
        read = read.split(" ")[0]
        if len(written) == 1 and len(read) == 1 and max(written, read) < "\uffff":
            pairs.append(written + read)
    last = {*Provider.last_names}
    words: dict[str, list[tuple[int, str]]] = {"nr": [], "ns": [], "": []}
    content = (Path(jieba.__file__).parent / "dict.txt").read_text(encoding="utf-8")
    for line in content.splitlines():
        word, count, kind = line.split(" ")
        if re.fullmatch(r"[\u4e00-\u9fff]{2,6}", word):
            words[kind if kind in words else ""].append((int(count), word))
    given = {word[1:] for _, word in words["nr"] if word[0] in last and len(word) == 3}
    given |= {*Provider.first_names}
    ordinary = sorted(words[""], reverse=True)[:_MOST_WORDS]
    places = sorted(words["ns"], reverse=True)[:_MOST_NAMES]
    return {
        "last": sorted(last),
        "first": sorted(given),
        "place": sorted(word for _, word in places),
        "ordinary": sorted(word for _, word in ordinary),
        "folded": sorted(pairs),
    }


def _read_ipadic() -> dict[str, list[str]]:
    """Return the lexicon of Japanese: the words of IPADIC, as in janome."""
    from janome.sysdic import entries

    words: dict[str, dict[str, int]] = {"last": {}, "first": {}, "place": {}, "ordinary": {}}
    kinds = {"\u59d3": "last", "\u540d": "first"}
    for surface, _, _, cost, part, *_ in entries().values():
        if not 1 <= len(surface) <= 6 or re.search(r"[0-9A-Za-z\uff10-\uff5a]", surface):
            continue
        person = re.match(r"\u540d\u8a5e,\u56fa\u6709\u540d\u8a5e,\u4eba\u540d,(.)", part)
        name = kinds.get(person[1], "") if person else "ordinary"
        if "\u5730\u57df" in part:
            name = "place"
        elif name == "ordinary" and "\u56fa\u6709" in part:
            continue
        if name and (len(surface) > 1 or name == "last"):
            words[name][surface] = min(cost, words[name].get(surface, cost))
    limits = {"last": _MOST_NAMES, "first": _MOST_NAMES, "place": 8000, "ordinary": _MOST_WORDS}
    lexicon = {
        name: sorted(sorted(found, key=lambda word: (found[word], word))[: limits[name]])
        for name, found in words.items()
    }
    return {**lexicon, "folded": []}
