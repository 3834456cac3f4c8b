"""Styles of redaction, national identifiers, and names."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from filters import pii
from filters.pii import national, ner, ner_kernel, ner_model, presidio
from filters.pii.national import NATIONAL_IDENTIFIERS
from filters.pii.spans import EntitySpan
from tests.support.examples import examples

KEY = bytes(range(32))
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "plain"
TWEETS = [SHARED / "gurez.10000", SHARED / "ile.10000"]
DETAILS = {
    "EMAIL_ADDRESS": "joe.b@example.org",
    "PHONE_NUMBER": "(415) 555-2671",
    "IP_ADDRESS": "8.8.8.8",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "CRYPTO": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "US_SSN": "536-22-1234",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
}


def redact(*texts: str, key: bytes = KEY, **config: Any) -> list[str]:
    run = pii.build(pii.Config(**config), key=key)
    return list(run(pl.DataFrame({"text": list(texts)}))["text"])


# --- styles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", DETAILS)
def test_a_surrogate_has_the_same_shape_and_reaches_nobody(entity: str) -> None:
    detail = DETAILS[entity]
    (surrogate,) = redact(detail, style="surrogate")
    assert surrogate != detail and "<" not in surrogate
    assert redact(surrogate, style="surrogate") == [surrogate], "a second run changes nothing"
    assert redact(surrogate) == [surrogate], "nor does another style"
    if entity not in ("EMAIL_ADDRESS", "IP_ADDRESS"):
        shape = re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "9", detail))
        hexadecimal = entity == "MAC_ADDRESS"
        assert len(surrogate) == len(detail) and (
            hexadecimal or re.sub(r"[A-Za-z]", "a", re.sub(r"\d", "9", surrogate)) == shape
        )


def test_a_surrogate_is_the_same_for_the_same_detail_under_one_key() -> None:
    one, two, other = redact("a@b.com", "A@B.com x", "c@d.com", style="surrogate")
    assert two == f"{one[:1].upper()}{one[1:2]}{two[2:]}"
    assert one.lower() == two.removesuffix(" x").lower() != other
    assert redact("a@b.com", style="surrogate", key=bytes(32)) != [one]


@pytest.mark.parametrize("entity", DETAILS)
def test_a_mask_keeps_only_marks_and_spaces(entity: str) -> None:
    (masked,) = redact(f"x {DETAILS[entity]} y", style="mask")
    inside = masked.removeprefix("x ").removesuffix(" y")
    assert "*" in inside and not any(each.isalnum() for each in inside)
    assert redact(masked, style="mask") == [masked]


def test_details_are_counted_in_every_style() -> None:
    posts = pl.DataFrame({"text": [" and so ".join(DETAILS.values())]})
    counts = [
        pii.build(pii.Config(style=style), key=KEY)(posts).drop("text").row(0)
        for style in ("placeholder", "surrogate", "mask")
    ]
    assert counts[0] == counts[1] == counts[2]
    assert counts[0][: len(DETAILS)] == (1,) * len(DETAILS)


def test_the_result_does_not_depend_on_the_batch() -> None:
    texts = [*DETAILS.values(), "hi", "@joe", *(f"{a} {a}" for a in DETAILS.values())]
    alone = [redact(text, style="surrogate")[0] for text in texts]
    assert redact(*texts, style="surrogate") == alone
    assert redact(*reversed(texts), style="surrogate") == alone[::-1]


def test_a_mac_address_is_kept_only_in_the_documentation_range() -> None:
    assert redact("00:00:5E:00:53:01 00:00:5E:00:54:01") == ["00:00:5E:00:53:01 <MAC_ADDRESS>"]


# --- national identifiers -----------------------------------------------------------------------

VALID = {
    "AU": "tfn 876 543 210", "CA": "SIN 130 692 544", "DE": "Steuer-ID 86095742719",
    "ES": "DNI 12345678Z", "FI": "131052-308T", "GB": "NINO AB 12 34 56 C",
    "IN": "PAN card ABCPE1234F", "IT": "RSSMRA85T10A562S", "KR": "900101-1234568",
    "NG": "NIN 12345678901", "PL": "PESEL 44051401359", "SE": "811218-9876",
    "SG": "S1234567D", "TH": "1101700230708", "TR": "10000000146", "US": "ITIN 912-70-1234",
    "ZA": "8001015009087",
}  # fmt: skip


def test_every_country_has_an_identifier_that_is_found_only_on_request() -> None:
    assert set(VALID) == set(national.COUNTRIES)
    for country, text in VALID.items():
        if country == "NG":
            continue  # eleven digits and a checksum: no example published
        run = pii.build(pii.Config(entities=(), countries=(country,)))
        filtered = run(pl.DataFrame({"text": [text]}))
        names = national.list_identifiers((country,))
        assert any(f"<{name}>" in filtered["text"][0] for name in names), (
            country,
            filtered["text"][0],
        )
        assert sum(filtered[f"pii_{name.lower()}"][0] for name in names) >= 1
    assert redact(*VALID.values(), entities=(), handles="keep") == list(VALID.values())


def test_an_unknown_country_and_a_score_below_the_gates_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"unknown country 'UK'; known: AU, CA"):
        pii.Config(countries=("UK",))
    with pytest.raises(ValidationError, match=r"UK_NHS: the least score is 0\.5"):
        pii.Config(min_scores={"UK_NHS": 0.1})


def test_a_higher_minimum_score_ignores_weaker_hits() -> None:
    assert redact("ssn 536-22-1234", "536-22-1234", min_scores={"US_SSN": 0.8}) == [
        "ssn <US_SSN>",
        "536-22-1234",
    ]


FORMS = [
    "dddddddddd", "ddddddddd", "ddd ddd ddd", "ddd-ddd-ddd", "dddd ddddd d", "ddddddddddd",
    "ddddddddddddd", "dddddd-ddddddd", "dddddd-dddd", "dddddd+dddd", "dddd dddd dddd",
    "dddd-dddd-dddd", "ddddddddlddd", "lddddddddd", "dddddddl", "ddddddd-l", "ldddddddl",
    "dddddd-dddl", "ddddddaddda", "ddd ddd dddd", "ll dd dd dd l", "llddddddl", "lllllddddl",
    "llllllddlddldddl", "tdddddddd", "laaaaaaad", "9dd-7d-dddd", "9dd7ddddd", "dddddddddd0811",
]  # fmt: skip
WORDS = ["", "ssn ", "tax id ", "pan ", "nric ", "nhs ", "dni ", "nie ", "pesel ", "tfn ", "nino "]


def national_strings(count: int, seed: int) -> list[str]:
    """Make strings of the forms that the patterns match, with unusual characters in them."""
    random_source = random.Random(seed)
    kinds = {
        "d": ("0123456789", "\u0661\u0967\U0001e4f1", 0.99),
        "l": ("ABCDEFGHJKLMNPRSTWXYZabcdefklst", "\u017f\u212a\u0131\u0130", 0.97),
        "a": ("ABCDFGHKLM0123456789", "\u017f", 0.98),
        "t": ("Tt", "\u017f", 0.98),
    }

    def make_string() -> str:
        characters = []
        for each in random_source.choice(FORMS):
            usual, odd, share = kinds.get(each, (each, " -+\x1c\xa0", 0.95))
            characters.append(
                random_source.choice(usual if random_source.random() < share else odd)
            )
        return (
            random_source.choice(WORDS)
            + "".join(characters)
            + random_source.choice(["", " x", ".", "a"])
        )

    return [make_string() for _ in range(count)]


def test_the_gates_of_national_identifiers_miss_nothing() -> None:
    finder = presidio.EntityFinder(tuple(NATIONAL_IDENTIFIERS), ())
    texts = pl.Series([*VALID.values(), *national_strings(examples(6000), seed=1)])
    gated, ungated = finder.find(texts), finder.find(texts, gated=False)
    for row in gated.keys() | ungated.keys():
        assert ungated.get(row) == gated.get(row), repr(texts[row])
    assert len({span.entity for spans in ungated.values() for span in spans}) > 18


# --- names --------------------------------------------------------------------------------------


def test_strict_replaces_people_and_places_and_counts_them() -> None:
    run = pii.build(pii.Config(profile="strict"))
    filtered = run(pl.DataFrame({"text": ["I met Barack Obama in London with @joe", "so good"]}))
    assert filtered["text"].to_list() == ["I met <PERSON> in <LOCATION> with <HANDLE>", "so good"]
    assert filtered.select("pii_person", "pii_location").rows() == [(1, 1), (0, 0)]


def test_names_are_searched_only_in_the_given_languages() -> None:
    posts = pl.DataFrame({"text": ["I met Barack Obama"] * 3, "lang": ["en", "de", None]})
    run = pii.build(pii.Config(profile="strict", ner_langs=("en",)))
    found, met = "I met <PERSON>", "I met Barack Obama"
    assert run(posts)["text"].to_list() == [found, met, found]
    assert run(posts.drop("lang"))["text"].to_list() == [found] * 3


def test_contact_keeps_names_and_has_no_column_for_them() -> None:
    filtered = pii.build(pii.Config())(pl.DataFrame({"text": ["I met Barack Obama"]}))
    assert filtered["text"][0] == "I met Barack Obama"
    assert "pii_person" not in filtered.columns


def test_handles_hashtags_links_and_placeholders_are_no_names() -> None:
    text = "@Barack #London https://barack.example <PERSON> Obama's user_1: hi"
    spans = [
        EntitySpan(match.start(), match.end(), "PERSON", 0.85)
        for match in re.finditer(r"\S+", text)
    ]
    remaining = [text[span.start : span.end] for span in ner.trim_names(text, spans)]
    assert remaining == ["Obama", "hi"]


def test_names_do_not_depend_on_the_batch() -> None:
    texts = ["I met Barack Obama in London", "hi", "lol Sarah is here", "to Paris with Tom Hanks!"]
    engine = ner.load_engine("posts")
    alone = [engine([text])[0] for text in texts]
    assert engine(texts * 50) == alone * 50


def test_the_compiled_model_finds_the_spans_of_spacy() -> None:
    nlp = ner_model.load_pipeline()
    parse = ner_kernel.TransitionParser(nlp)
    texts = [
        "",
        " ",
        "\n\n",
        "I met Barack Obama in London",
        "rose\u2019s @Tom don't U.K. :) ",
        "x" * 300,
    ]
    texts += [
        f"{a} {b} {c}" for a in ("hi", "Sarah", "PARIS") for b in ("Tom", "is", "\n") for c in "Xy"
    ]
    for path in TWEETS:
        if path.exists():
            texts += path.read_text(errors="replace").split("\n")[: examples(3000)]
    expected = [
        [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents] for doc in nlp.pipe(texts)
    ]
    assert sum(map(len, expected)) > 10
    assert parse(texts) == expected
    assert [parse([text])[0] for text in texts[:200]] == expected[:200]


def test_a_long_text_is_read_in_pieces_with_offsets_in_the_whole_text() -> None:
    text = "so it goes " * 4000 + "and then Barack Obama came to London"
    spans = ner.load_engine("posts")([text])[0]
    assert [text[span.start : span.end] for span in spans] == ["Barack Obama", "London"]
    pieces = list(ner.split_text(text))
    assert len(pieces) > 2 and "".join(piece for _, piece in pieces) == text
    assert list(ner.split_text("x" * 50_000))[1][0] == ner.NER_PIECE_CHARACTERS


def test_an_engine_that_is_not_installed_is_refused_before_a_build() -> None:
    with pytest.raises(ValidationError, match="unknown ner 'flair:x'"):
        pii.Config(profile="strict", ner="flair:x")
    for engine, complaint in (
        ("spacy:no_such_model", "is not installed"),
        ("transformers:/no/such", "nothing is downloaded"),
        ("gliner:/no/such", "nothing is downloaded"),
    ):
        with pytest.raises(ValueError, match=complaint):
            pii.check(pii.Config(profile="strict", ner=engine))


def test_a_user_s_spacy_model_is_loaded_from_its_folder(tmp_path: Any) -> None:
    import spacy

    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "GPE", "pattern": "Springfield"}, {"label": "ORG", "pattern": "ACME"}]
    )
    nlp.to_disk(tmp_path / "model")
    found = redact("from Springfield to ACME", profile="strict", ner=f"spacy:{tmp_path / 'model'}")
    assert found == ["from <LOCATION> to ACME"]


def test_the_model_works_in_presidio_s_own_engine() -> None:
    from presidio_analyzer import AnalyzerEngine

    make: Any = AnalyzerEngine
    engine = make(nlp_engine=pii.nlp_engine(), supported_languages=["en"])
    hits = engine.analyze("I met Barack Obama in London", language="en", entities=["PERSON"])
    assert [(hit.start, hit.end) for hit in hits] == [(6, 18)]


def test_the_former_import_path_of_the_engine_works() -> None:
    from filters._ner import nlp_engine

    assert nlp_engine is pii.nlp_engine
