"""Find contact details with Presidio's own recognizers, in the posts that could hold any.

Presidio costs most of a millisecond a post, and one post in a hundred holds something for it.
So every recognizer stands behind a gate, a regular expression polars runs over the whole batch,
and sees only the posts that pass. A gate is a *necessary condition* of a hit: it may let a
harmless post through, never stop one that Presidio would have marked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import polars as pl

from filters.pii.national import DIGIT as _DIGIT
from filters.pii.national import LETTER as _LETTER
from filters.pii.national import NATIONAL_IDENTIFIERS

PHONE_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")  # Presidio's own default

# A hit below its entity's score is left alone. A phone number scores 0.4 by itself. Nine bare
# digits score 0.05 as a social security number and 0.4 beside "ssn"; grouped 3-2-4 they score
# 0.5. E-mail, card and crypto hits are 1.0 once their checksum or suffix holds; a lower-case
# IBAN whose checksum holds is 0.5.
MIN_SCORES = {
    "EMAIL_ADDRESS": 0.5,
    "PHONE_NUMBER": 0.4,
    "IP_ADDRESS": 0.1,
    "CREDIT_CARD": 0.5,
    "IBAN_CODE": 0.5,
    "CRYPTO": 0.5,
    "US_SSN": 0.5,
    "MAC_ADDRESS": 0.5,
}
ENTITIES = tuple(MIN_SCORES)

# What libphonenumber allows between two digits of one number, and a little more (x is one).
_PHONE_SEPARATOR = (
    r"[xX./~\p{Pd}\p{Z}\p{Cf}\p{Ps}\p{Pe}\u{2053}\u{2212}\u{223C}\u{30FC}\u{FF0E}\u{FF0F}\u{FF5E}]"
)
_HEX = "[0-9A-Fa-f]"

GATES = {
    "EMAIL_ADDRESS": r"\S@[^\s.]+\.\S",
    "IP_ADDRESS": rf"[0-9]\.[0-9]{{1,3}}\.[0-9]{{1,3}}\.[0-9]|::|(?:{_HEX}{{1,4}}:){{7}}",
    "CREDIT_CARD": rf"{_DIGIT}(?:[- ]?{_DIGIT}){{12}}",
    "IBAN_CODE": rf"[{_LETTER}]{{2}}[0-9]{{2}}(?:[ -]?[{_LETTER}0-9]{{4}}){{2}}",
    # The pattern allows the Kelvin sign and its like, the checksum does not.
    "CRYPTO": r"[13][0-9A-Za-z]{25}",
    "US_SSN": r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}",
    "MAC_ADDRESS": rf"(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}|(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}",
}

# "+43 1234": the shortest valid number of any country is four digits, after a two-digit code.
MIN_INTERNATIONAL_DIGITS = 6

#: A recognizer is shown so many characters at once, and so many of them only for context.
PIECE_CHARACTERS = 10_000
CONTEXT_CHARACTERS = 500


class EntitySpan(NamedTuple):
    """A stretch of a post that holds one entity."""

    start: int
    end: int
    entity: str
    score: float


class _Detector(NamedTuple):
    """A recognizer, and the expression its gate searches for."""

    entity: str
    recognizer: Any
    gate: str


def compute_min_phone_digits(region: str) -> int:
    """The fewest digits that libphonenumber can call a valid number, read in ``region``.

    A valid national number has a length its country code allows in some region (two islands
    may share a code); dialling prefixes are stripped from what is written, so they only add
    digits to it, but a few regions' transform rule prepends an area code that is not written.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    metadata: Any = PhoneMetadata.metadata_for_region
    home = metadata(region)
    sharing = (metadata(other) for other in COUNTRY_CODE_TO_REGION_CODE[home.country_code])
    shortest = min(length for each in sharing for length in each.general_desc.possible_length)
    prepended = len(re.sub(r"\\\d", "", home.national_prefix_transform_rule or ""))
    fewest: int = min(shortest - prepended, MIN_INTERNATIONAL_DIGITS)
    return max(1, fewest)


def build_phone_gate(digits: int) -> str:
    """That many digits in a row, with up to four separators between two of them.

    A match of libphonenumber's is one such run (its extension follows the number and does not
    count), and ``\\d`` is every Unicode decimal digit, there as here.
    """
    return rf"{_DIGIT}(?:{_PHONE_SEPARATOR}{{0,4}}{_DIGIT}){{{digits - 1}}}"


class EntityFinder:
    """Presidio's recognizers for ``entities``, each behind its gate; no network, no logs."""

    def __init__(
        self,
        entities: tuple[str, ...],
        phone_regions: tuple[str, ...],
        min_scores: Mapping[str, float] | None = None,
    ) -> None:
        import logging

        from presidio_analyzer import EntityRecognizer
        from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

        # Its IBAN recognizer logs the very text it could not validate.
        logging.getLogger("presidio-analyzer").disabled = True
        stated = {name: each.min_score for name, each in NATIONAL_IDENTIFIERS.items()}
        self._min_scores = {**MIN_SCORES, **stated, **(min_scores or {})}
        self._detectors = list(_make_detectors(entities, phone_regions))
        self._recognizers = [detector.recognizer for detector in self._detectors]
        self._merge: Any = EntityRecognizer.remove_duplicates
        self._context: Any = LemmaContextAwareEnhancer()
        self._tokens = _BlankNlpEngine()

    def find(self, texts: pl.Series, *, gated: bool = True) -> dict[int, list[EntitySpan]]:
        """The spans of each row that has any, in reading order; as ``AnalyzerEngine`` has them."""
        long = texts.str.len_chars() > PIECE_CHARACTERS
        if long.any():
            return self._find_in_pieces(texts, long.arg_true().to_list(), gated)
        raw: defaultdict[int, list[Any]] = defaultdict(list)
        for entity, recognizer, gate in self._detectors:
            rows = texts.str.contains(gate if gated else "").arg_true()
            for row, text in zip(rows, texts.gather(rows).to_list(), strict=True):
                raw[row] += _analyze(recognizer, text, entity)
        found = ((row, self._score_hits(texts[row], raw[row])) for row in sorted(raw) if raw[row])
        return {row: spans for row, spans in found if spans}

    def _find_in_pieces(
        self, texts: pl.Series, long: list[int], gated: bool
    ) -> dict[int, list[EntitySpan]]:
        """As :meth:`find`; each long text is cut first: Presidio compares every hit with every.

        A piece owns what begins in it, and is shown with so much around it that what begins there
        also ends there and has its context words.
        """
        found = self.find(texts.clone().scatter(long, ""), gated=gated)
        for row in long:
            text, spans = texts[row], []
            begins = range(0, len(text), PIECE_CHARACTERS - 2 * CONTEXT_CHARACTERS)
            lows = [max(0, begin - CONTEXT_CHARACTERS) for begin in begins]
            shown = pl.Series([text[low : begin + PIECE_CHARACTERS - CONTEXT_CHARACTERS]
                               for low, begin in zip(lows, begins, strict=True)])  # fmt: skip
            for number, inside in self.find(shown, gated=gated).items():
                low, begin = lows[number], begins[number]
                for span in inside:
                    start = low + span.start
                    if begin <= start < begin + begins.step:
                        spans.append(span._replace(start=start, end=low + span.end))
            if spans:
                found[row] = spans
        return dict(sorted(found.items()))

    def _score_hits(self, text: str, hits: list[Any]) -> list[EntitySpan]:
        """Score the hits by their context; drop the weak and the repeated."""
        hits = self._merge(hits)  # the phone recognizers may agree on a number
        if any(hit.score < 1 for hit in hits):
            tokens = self._tokens(text)
            hits = self._context.enhance_using_context(text, hits, tokens, self._recognizers)
        hits = self._merge([hit for hit in hits if hit.score >= self._min_scores[hit.entity_type]])
        return sorted(EntitySpan(hit.start, hit.end, hit.entity_type, hit.score) for hit in hits)


def _analyze(recognizer: Any, text: str, entity: str) -> list[Any]:
    """One recognizer on one post."""
    try:
        return list(recognizer.analyze(text, [entity]))
    except (ValueError, KeyError):
        # Some checksums cannot read a digit of another script, one newer than this Python's
        # Unicode tables, or a letter that only ignoring case makes one of theirs, though the
        # pattern matched it; and the error would quote the post. Such a number is none of theirs,
        # but the next one may be.
        return list(recognizer.analyze(_compile_unreadable().sub("_", text), [entity]))


@cache
def _compile_unreadable() -> Any:
    import regex  # the recognizers' own, with Unicode tables of its own

    return regex.compile(r"(?![0-9])\d|(?![A-Za-z])[\u0130\u0131\u017F\u212A]")


def _make_detectors(
    entities: tuple[str, ...], phone_regions: tuple[str, ...]
) -> Iterator[_Detector]:
    from presidio_analyzer import predefined_recognizers as presidio

    made: dict[str, tuple[Any, str]] = {
        "EMAIL_ADDRESS": (_make_offline_email_recognizer, GATES["EMAIL_ADDRESS"]),
        "IP_ADDRESS": (presidio.IpRecognizer, GATES["IP_ADDRESS"]),
        "CREDIT_CARD": (presidio.CreditCardRecognizer, GATES["CREDIT_CARD"]),
        "IBAN_CODE": (presidio.IbanRecognizer, GATES["IBAN_CODE"]),
        "CRYPTO": (presidio.CryptoRecognizer, GATES["CRYPTO"]),
        "US_SSN": (presidio.UsSsnRecognizer, GATES["US_SSN"]),
        "MAC_ADDRESS": (presidio.MacAddressRecognizer, GATES["MAC_ADDRESS"]),
        **{
            name: (getattr(presidio, each.recognizer), each.gate)
            for name, each in sorted(NATIONAL_IDENTIFIERS.items())
        },
    }
    for entity, (make, gate) in made.items():
        if entity not in entities:
            continue
        recognizer = make()
        # What Presidio's registry sets on every pattern recognizer that it loads.
        recognizer.global_regex_flags = int(re.DOTALL | re.MULTILINE | re.IGNORECASE)
        yield _Detector(entity, recognizer, gate)
    if "PHONE_NUMBER" in entities:
        # Each region costs a pass over the post, so regions share a gate only with their equals:
        # German numbers can be four digits, and one tweet in sixteen holds four in a row.
        regions: defaultdict[int, list[str]] = defaultdict(list)
        for region in phone_regions:
            regions[compute_min_phone_digits(region)].append(region)
        for digits, alike in regions.items():
            phones: Any = presidio.PhoneRecognizer
            recognizer = phones(supported_regions=tuple(alike))
            yield _Detector("PHONE_NUMBER", recognizer, build_phone_gate(digits))


def _make_offline_email_recognizer() -> Any:
    """The e-mail recognizer on tldextract's bundled suffixes: by default it would fetch them."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer
    from tldextract import TLDExtract

    extract: Any = TLDExtract(suffix_list_urls=(), cache_dir=None)
    make: Any = EmailRecognizer
    recognizer = make()
    recognizer.validate_result = lambda found: extract(found).fqdn != ""
    return recognizer


class _BlankNlpEngine:
    """spaCy's English tokenizer as a Presidio NLP engine; no model, nothing to download.

    A blank pipeline leaves every lemma empty, which would switch context words off without a
    word; a token's lower-cased self stands in for its lemma.
    """

    def __init__(self) -> None:
        import spacy

        self._nlp = spacy.blank("en")

    def __call__(self, text: str) -> Any:
        from presidio_analyzer.nlp_engine import NlpArtifacts

        artifacts: Any = NlpArtifacts
        doc = self._nlp.tokenizer(text)
        lemmas = [token.lower_ for token in doc]
        return artifacts([], doc, [token.idx for token in doc], lemmas, self, "en")

    def is_stopword(self, word: str, language: str) -> bool:
        """Asked by Presidio of each word near a hit."""
        return bool(self._nlp.vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:
        """Asked by Presidio of each word near a hit."""
        return bool(self._nlp.vocab[word].is_punct)
