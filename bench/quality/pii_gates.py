"""Check that the gates lose no span: compare with and without them, on posts and invented strings.

    python -m bench.quality.pii_gates [--strings 1000000] [--seed 1] [--workers 2]

Each recognizer runs on every text, and on those that its gate lets through; the spans must be
equal. The texts: every post in ``../shared/data``, presidio-research's set, and strings at the
edges of the patterns: details of all kinds with characters swapped (other scripts' digits, the long
s, odd hyphens and spaces), and phone numbers of every region that libphonenumber knows, in all its
formats. Exits with 1 if a span is lost.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import polars as pl

from bench.measure import SHARED_DATA
from filters.pii.national import NATIONAL_IDENTIFIERS
from filters.pii.presidio import ENTITIES, PHONE_REGIONS, EntityFinder

ODD = "\u0661\u0967\uff14\u00b2\U0001e4f1\u017f\u212a\u0130\u0131\u2013\u00a0\uff0d\uff0b\u200b"
ODD += "\u2212~x/."
PLAIN = "0123456789abcfxABCFXZ-.:/ ,()+@#_\n"
SEEDS = (
    "joe@example.org",
    "o'brien.j+x@mail.example.co.uk",
    "8.8.8.8",
    "::ffff:8.8.8.8",
    "2606:4700:4700::1111",
    "1:2:3:4:5:6:7:8",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "GB82 WEST 1234 5698 7654 32",
    "gb82west12345698765432",
    "DE89370400440532013000",
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "536-22-1234",
    "ssn 536221234",
    "219 09 9999",
    "00:1A:2B:3C:4D:5E",
    "0012.3456.789a",
    "tfn 876 543 210",
    "130 692 544",
    "86095742719",
    "12345678Z",
    "131052-308T",
    "AB 12 34 56 C",
    "ABCPE1234F",
    "RSSMRA85T10A562S",
    "900101-1234568",
    "44051401359",
    "811218-9876",
    "S1234567D",
    "1101700230708",
    "10000000146",
    "912-70-1234",
    "8001015009087",
    "T22000129",
    "X1234567L",
    "15070649C103",
    "A123456780",
    "2123 45670 1",
    "943 476 5919",
    "4123 4567 8901",
)


def strings(count: int, seed: int) -> Iterator[str]:
    """Yield strings at the edges of the patterns."""
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.random()
        if kind < 0.15:
            parts = chance.choices(PLAIN + ODD, k=chance.randint(1, 28))
        else:
            held = chance.choice(_phones()) if kind < 0.6 else chance.choice(SEEDS)
            if chance.random() < 0.15:
                held += chance.choice(("", " ", "x", "-")) + chance.choice(SEEDS)
            parts = list(held)
            for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
                at = chance.randrange(len(parts))
                swapped = chance.choice(ODD if chance.random() < 0.5 else PLAIN)
                parts[at : at + chance.randint(0, 1)] = [swapped]
                parts = parts or ["x"]
        yield "".join(parts)


@cache
def _phones() -> list[str]:
    """Return an example of each kind of number of each region, in each format."""
    import phonenumbers as phones

    made: Any = phones
    named = ("MOBILE", "FIXED_LINE", "TOLL_FREE", "PREMIUM_RATE", "VOIP", "PAGER", "UAN")
    kinds = [getattr(made.PhoneNumberType, name) for name in named]
    named = ("NATIONAL", "INTERNATIONAL", "E164", "RFC3966")
    formats = [getattr(made.PhoneNumberFormat, name) for name in named]
    found = set()
    for region in sorted(made.SUPPORTED_REGIONS):
        for kind in kinds:
            number = made.example_number_for_type(region, kind)
            if number is not None:
                found |= {made.format_number(number, form) for form in formats}
    return sorted(found)


def posts() -> Iterator[str]:
    """Yield every post in the shared data, and presidio-research's texts."""
    for path in sorted((SHARED_DATA / "plain").iterdir()):
        yield from path.read_text(encoding="utf-8", errors="replace").split("\n")
    for path in sorted((SHARED_DATA / "toxicity").iterdir()):
        yield from path.read_text(encoding="utf-8", errors="replace").split("\n")
    for path in sorted((SHARED_DATA / "x_v1").glob("*.json")):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            yield str(json.loads(line).get("text", "")) if line.startswith("{") else ""
    for folder in ("langid", "hackernews", "spam"):
        for path in sorted((SHARED_DATA / folder).rglob("*.*")):
            yield from path.read_text(encoding="utf-8", errors="replace").split("\n")
    for path in sorted((SHARED_DATA / "stackexchange").rglob("*.xml")):
        yield from path.read_text(encoding="utf-8", errors="replace").split("\n")
    for path in sorted((SHARED_DATA / "reddit").glob("*.zst")):
        import zstandard

        with zstandard.open(
            path,
            "rt",
            dctx=zstandard.ZstdDecompressor(max_window_size=2**31),
            encoding="utf-8",
            errors="replace",
        ) as file:
            for line in file:
                row = json.loads(line)
                yield " ".join(str(row.get(name) or "") for name in ("title", "selftext", "body"))
    gold = json.loads((SHARED_DATA / "pii" / "presidio_research_generated_large.json").read_text())
    yield from (row["full_text"] for row in gold)


@cache
def _finder(regions: tuple[str, ...]) -> EntityFinder:
    return EntityFinder((*ENTITIES, *NATIONAL_IDENTIFIERS), regions)


def compare(texts: list[str], regions: tuple[str, ...]) -> tuple[Counter[str], list[str]]:
    """Return the number of spans of each entity, and the texts where a gate changes them."""
    series = pl.Series("text", texts, dtype=pl.String)
    finder = _finder(regions)
    gated, every = finder.find(series), finder.find(series, gated=False)
    found = Counter(span.entity for spans in every.values() for span in spans)
    return found, [
        texts[row] for row in gated.keys() | every.keys() if gated.get(row) != every.get(row)
    ]


def _compare_strings(count: int, seed: int) -> tuple[int, Counter[str], list[str]]:
    # Half of the seeds use Presidio's own regions, half use regions drawn from all.
    regions = PHONE_REGIONS
    if seed % 2:
        from phonenumbers import SUPPORTED_REGIONS

        regions = tuple(random.Random(seed).sample(sorted(SUPPORTED_REGIONS), 8))
    return count, *compare(list(strings(count, seed)), regions)


def _compare_posts(texts: list[str]) -> tuple[int, Counter[str], list[str]]:
    return len(texts), *compare(texts, PHONE_REGIONS)


def main() -> int:
    """Print what was compared."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    size, began, lost = 5000, time.perf_counter(), 0
    with ProcessPoolExecutor(wanted.workers) as pool:
        if SHARED_DATA.is_dir():
            texts = [text for text in posts() if text]
            cut = [texts[at : at + size] for at in range(0, len(texts), size)]
            lost += _print_result("real posts", pool.map(_compare_posts, cut))
        rounds = -(-wanted.strings // size)
        seeds = range(wanted.seed * 1_000_000, wanted.seed * 1_000_000 + rounds)
        lost += _print_result(
            "invented strings", pool.map(_compare_strings, [size] * rounds, seeds)
        )
    print(f"{time.perf_counter() - began:,.0f} s with {wanted.workers} processes")
    return 1 if lost else 0


def _print_result(what: str, done: Iterator[tuple[int, Counter[str], list[str]]]) -> int:
    count, found, lost = 0, Counter[str](), 0
    for texts, spans, wrong in done:
        count, found, lost = count + texts, found + spans, lost + len(wrong)
    print(f"{count:,} {what}: {sum(found.values()):,} spans, {lost} changed by a gate", flush=True)
    print("  " + ", ".join(f"{name} {n:,}" for name, n in sorted(found.items())), flush=True)
    return lost


if __name__ == "__main__":
    sys.exit(main())
