"""Find contact details with Presidio's own recognizers, in the posts that could contain any.

Presidio takes most of a millisecond a post, and one post in a hundred contains something for it. So
every recognizer has a gate, a regular expression that polars runs over the whole batch, and sees
only the posts that match it. A gate is a *necessary condition* of a hit: it may let a harmless post
through, never stop one that Presidio would have marked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from copy import copy
from functools import cache, cached_property
from typing import Any, NamedTuple

import polars as pl

from filters.pii.national import DIGIT, LETTER, NATIONAL_IDENTIFIERS
from filters.pii.phone_matcher import PhoneMatcher
from filters.pii.spans import MIN_PHONE_DIGITS, EntitySpan

PHONE_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")  # Presidio's own default

# A hit below its entity's score is ignored. A phone number scores 0.4 by itself. Nine bare digits
# score 0.05 as a social security number and 0.4 near "ssn"; grouped 3-2-4 they score 0.5. E-mail,
# card and crypto hits score 1.0 if their checksum or suffix is valid; a lower-case IBAN with a
# valid checksum scores 0.5.
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

# What libphonenumber allows between two digits of one number, and a little more (the x).
_PHONE_SEPARATOR = (
    r"[xX./~\p{Pd}\p{Z}\p{Cf}\p{Ps}\p{Pe}"
    r"\u{2053}\u{2212}\u{223C}\u{30FC}\u{FF0E}\u{FF0F}\u{FF5E}]"
)
_HEX = "[0-9A-Fa-f]"

GATES = {
    "EMAIL_ADDRESS": r"\S@[^\s.]+\.\S",
    "IP_ADDRESS": rf"[0-9]\.[0-9]{{1,3}}\.[0-9]{{1,3}}\.[0-9]|::|(?:{_HEX}{{1,4}}:){{7}}",
    "CREDIT_CARD": rf"{DIGIT}(?:[- ]?{DIGIT}){{12}}",
    "IBAN_CODE": rf"[{LETTER}]{{2}}[0-9]{{2}}(?:[ -]?[{LETTER}0-9]{{4}}){{2}}",
    # The recognizer's pattern allows the Kelvin sign and similar letters, the checksum does not.
    "CRYPTO": r"[13][0-9A-Za-z]{25}",
    "US_SSN": r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}",
    "MAC_ADDRESS": rf"(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}|(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}",
}

# "+43 1234": the shortest valid number of any country is four digits, after a two-digit code.
MIN_INTERNATIONAL_DIGITS = 6

#: A recognizer gets this many characters at once, of them so many at each end only as context.
PIECE_CHARACTERS = 10_000
CONTEXT_CHARACTERS = 500


class _Detector(NamedTuple):
    """An entity, and the regular expression that is the gate of its recognizer.

    That of phone numbers has the ``regions`` in which it looks.
    """

    entity: str
    gate: str
    regions: tuple[str, ...] = ()

    def analyze(self, recognizer: Any, text: str, *, gated: bool) -> list[Any]:
        """Return Presidio's results in one post; with ``gated=False``, from its own code alone."""
        if self.regions:
            recognizer.supported_regions = self.regions
            recognizer.parses_all = not gated
        return _analyze(recognizer, text, self.entity)


def compute_min_phone_digits(region: str) -> int:
    """Return the fewest digits that libphonenumber can take for a valid number in ``region``.

    A valid national number has a length that its country code allows in some region (two islands
    may share a code). Dialling prefixes are stripped from what is written, so they only add digits,
    but the transform rule of a few regions prepends an area code that is not written.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    load_metadata: Any = PhoneMetadata.metadata_for_region
    home = load_metadata(region)
    sharing = (load_metadata(other) for other in COUNTRY_CODE_TO_REGION_CODE[home.country_code])
    shortest = min(length for each in sharing for length in each.general_desc.possible_length)
    prepended = len(re.sub(r"\\\d", "", home.national_prefix_transform_rule or ""))
    fewest: int = min(shortest - prepended, MIN_INTERNATIONAL_DIGITS)
    return max(1, fewest)


def build_phone_gate(digits: int) -> str:
    """Return a pattern of that many digits in a row, with up to four separators between two.

    A match of libphonenumber is one such run (its extension comes after the number and does not
    count), and ``\\d`` is every Unicode decimal digit, there as here.
    """
    return rf"{DIGIT}(?:{_PHONE_SEPARATOR}{{0,4}}{DIGIT}){{{digits - 1}}}"


# What libphonenumber takes for the beginning of an extension, whose digits count as well.
_EXTENSION = (
    r"(?:;?(?i:ext|xt|x|int|anexo|доб)|[\x{FF45}\x{FF58}\x{FF49}#\x{FF03}~\x{FF5E},;])[^0-9\n]{0,12}"
    rf"{DIGIT}"
)


def build_reachable_phone_gate(digits: int) -> str:
    """Return a pattern of what ``spans.is_unreachable`` may keep of numbers of ``digits`` or more.

    Seven digits, or a plus, or an extension that may make them seven.
    """
    if digits >= MIN_PHONE_DIGITS:
        return build_phone_gate(digits)
    return (
        rf"{build_phone_gate(MIN_PHONE_DIGITS)}"
        rf"|[+\x{{FF0B}}]{_PHONE_SEPARATOR}{{0,4}}{build_phone_gate(digits)}"
        rf"|{build_phone_gate(digits)}[ \x{{A0}}\t,.:-]{{0,4}}(?:{_EXTENSION})"
    )


class EntityFinder:
    """Presidio's recognizers for ``entities``, each with its gate; no network, no logs.

    ``reachable_only`` lets the gates stop phone numbers that ``spans.is_unreachable`` discards.
    """

    def __init__(
        self,
        entities: tuple[str, ...],
        phone_regions: tuple[str, ...],
        min_scores: Mapping[str, float] | None = None,
        *,
        reachable_only: bool = False,
    ) -> None:
        national = {name: each.min_score for name, each in NATIONAL_IDENTIFIERS.items()}
        self._min_scores = {**MIN_SCORES, **national, **(min_scores or {})}
        self._detectors = list(_list_detectors(entities, phone_regions, reachable_only))
        self._presidio = _Presidio(tuple(each.entity for each in self._detectors))

    def find(self, texts: pl.Series, *, gated: bool = True) -> dict[int, list[EntitySpan]]:
        """Return by row the spans that ``AnalyzerEngine`` would find, in the order of the text.

        Rows without a span are not in the result. ``gated=False`` shows every text to every
        recognizer.
        """
        return self.find_and_list_gated(texts, gated=gated)[0]

    def find_and_list_gated(
        self, texts: pl.Series, *, gated: bool = True
    ) -> tuple[dict[int, list[EntitySpan]], set[int]]:
        """Return what ``find`` returns, and the rows that match a gate."""
        if texts.is_empty():
            return {}, set()
        long = texts.str.len_chars() > PIECE_CHARACTERS
        if long.any():
            return self._find_in_pieces(texts, long.arg_true().to_list(), gated)
        gates = [detector.gate if gated else "" for detector in self._detectors]
        found: dict[int, list[EntitySpan]] = {}
        gate_rows: set[int] = set()
        for row, text, matched in list_matches(texts, gates):
            gate_rows.add(row)
            hits: list[Any] = []
            recognizers = self._presidio.recognizers
            for detector, is_match in zip(self._detectors, matched, strict=True):
                if is_match:
                    hits += detector.analyze(recognizers[detector.entity], text, gated=gated)
            spans = self._score_hits(text, hits) if hits else []
            if spans:
                found[row] = spans
        return found, gate_rows

    @property
    def recognizers(self) -> list[Any]:
        """Presidio's recognizers."""
        return list(self._presidio.recognizers.values())

    def restrict(self, entities: tuple[str, ...]) -> EntityFinder:
        """Return a finder of some of the entities with the same recognizers."""
        finder = copy(self)
        finder._detectors = [each for each in self._detectors if each.entity in entities]
        return finder

    def _find_in_pieces(
        self, texts: pl.Series, long: list[int], gated: bool
    ) -> tuple[dict[int, list[EntitySpan]], set[int]]:
        """Find spans in texts of which those in ``long`` are cut into pieces first.

        Presidio compares every hit with every other, so a long text takes quadratic time. A span
        belongs to the piece that it begins in. A piece is analyzed with so much text around it that
        such a span is complete and has its context words.
        """
        found, gate_rows = self.find_and_list_gated(texts.clone().scatter(long, ""), gated=gated)
        for row in long:
            text, spans = texts[row], []
            begins = range(0, len(text), PIECE_CHARACTERS - 2 * CONTEXT_CHARACTERS)
            starts = [max(0, begin - CONTEXT_CHARACTERS) for begin in begins]
            ends = [begin + PIECE_CHARACTERS - CONTEXT_CHARACTERS for begin in begins]
            pieces = pl.Series([text[low:high] for low, high in zip(starts, ends, strict=True)])
            for number, piece_spans in self.find(pieces, gated=gated).items():
                piece_start, begin = starts[number], begins[number]
                for span in piece_spans:
                    start = piece_start + span.start
                    if begin <= start < begin + begins.step:
                        spans.append(span._replace(start=start, end=piece_start + span.end))
            if spans:
                found[row] = spans
        return dict(sorted(found.items())), gate_rows.union(long)

    def _score_hits(self, text: str, hits: list[Any]) -> list[EntitySpan]:
        """Score the hits by their context; remove weak and repeated ones."""
        presidio = self._presidio
        hits = presidio.remove_duplicates(hits)  # the phone recognizers may agree on a number
        hits = presidio.enhance_using_context(text, hits)
        strong = [hit for hit in hits if hit.score >= self._min_scores[hit.entity_type]]
        hits = presidio.remove_duplicates(strong)
        return sorted(EntitySpan(hit.start, hit.end, hit.entity_type, hit.score) for hit in hits)


class _Presidio:
    """Presidio's recognizers of entities, and how it scores their hits.

    It is imported (a second, most of it for spaCy) when the first text has passed a gate.
    """

    def __init__(self, entities: tuple[str, ...]) -> None:
        self._entities = entities

    @cached_property
    def recognizers(self) -> dict[str, Any]:
        """The recognizer of each entity."""
        import logging

        # Its IBAN recognizer logs the very text it could not validate.
        logging.getLogger("presidio-analyzer").disabled = True
        return {entity: _make_recognizer(entity) for entity in self._entities}

    @cached_property
    def remove_duplicates(self) -> Any:
        """The function that removes hits inside other hits."""
        from presidio_analyzer import EntityRecognizer

        return EntityRecognizer.remove_duplicates

    def enhance_using_context(self, text: str, hits: list[Any]) -> list[Any]:
        """Raise the scores of the hits that have a context word near them.

        Presidio copies every hit and makes tokens of the text before it looks for the words. Here
        only the hits whose words occur anywhere in the text are shown to it.
        """
        lowered = text.lower()
        words = self._context_words
        with_words = {
            entity
            for entity in {hit.entity_type for hit in hits if hit.score < 1}
            if any(word in lowered for word in words[entity])
        }
        if not with_words:
            return hits
        enhancer, nlp_engine = self._context_enhancer
        recognizers = list(self.recognizers.values())
        shown = [hit for hit in hits if hit.entity_type in with_words]
        enhanced = iter(enhancer.enhance_using_context(text, shown, nlp_engine(text), recognizers))
        return [next(enhanced) if hit.entity_type in with_words else hit for hit in hits]

    @cached_property
    def _context_words(self) -> dict[str, tuple[str, ...]]:
        return {
            entity: tuple(word.lower() for word in recognizer.context or ())
            for entity, recognizer in self.recognizers.items()
        }

    @cached_property
    def _context_enhancer(self) -> tuple[Any, _BlankNlpEngine]:
        return _make_context_enhancer(), _BlankNlpEngine()


def list_matches(
    texts: pl.Series, patterns: list[str]
) -> Iterator[tuple[int, str, tuple[bool, ...]]]:
    """Yield the row, the text, and which patterns match it, of each text that any of them matches.

    All patterns run in one query of polars, whose own time counts where there are few texts.
    """
    if not patterns:
        return
    each = [
        pl.col("text").str.contains(pattern).alias(f"{n}") for n, pattern in enumerate(patterns)
    ]
    matches = texts.rename("text").to_frame().with_row_index().select("index", "text", *each)
    for row, text, *matched in matches.filter(
        pl.any_horizontal(pl.exclude("index", "text"))
    ).rows():
        yield row, text, tuple(matched)


def _analyze(recognizer: Any, text: str, entity: str) -> list[Any]:
    """Run one recognizer on one post."""
    try:
        return list(recognizer.analyze(text, [entity]))
    except (ValueError, KeyError):
        # Some checksums cannot read a digit of another script, one newer than this Python's
        # Unicode tables, or a letter that equals one of theirs only if case is ignored, though the
        # pattern matched it; and the error would quote the post. Such a number is not valid, but
        # another number in the text may be.
        return list(recognizer.analyze(_compile_unreadable().sub("_", text), [entity]))


@cache
def _load_phone_recognizer() -> Any:
    """Return Presidio's recognizer of phone numbers, which finds the same in less time.

    With ``parses_all`` the recognizer is Presidio's.
    """
    from presidio_analyzer import predefined_recognizers

    base_recognizer: Any = predefined_recognizers.PhoneRecognizer

    class PhoneRecognizer(base_recognizer):  # type: ignore[misc]
        parses_all = False

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            if self.parses_all:
                return list(super().analyze(text, entities, nlp_artifacts))
            matcher = PhoneMatcher(text, tuple(self.supported_regions), self.leniency)
            results = [
                self._get_recognizer_result(match, text, region, nlp_artifacts)
                for region in self.supported_regions
                for match in matcher.find(region)
            ]
            return list(self.remove_duplicates(results))

    return PhoneRecognizer


@cache
def _compile_unreadable() -> Any:
    """Return the pattern of characters that a checksum may not be able to read."""
    import regex  # as in the recognizers, with Unicode tables of its own

    return regex.compile(r"(?![0-9])\d|(?![A-Za-z])[\u0130\u0131\u017F\u212A]")


_RECOGNIZERS = {
    "IP_ADDRESS": "IpRecognizer",
    "CREDIT_CARD": "CreditCardRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "CRYPTO": "CryptoRecognizer",
    "US_SSN": "UsSsnRecognizer",
    "MAC_ADDRESS": "MacAddressRecognizer",
    **{name: each.recognizer for name, each in NATIONAL_IDENTIFIERS.items()},
}


def _make_recognizer(entity: str) -> Any:
    """Return Presidio's recognizer of an entity, which downloads nothing."""
    from presidio_analyzer import predefined_recognizers as presidio

    if entity == "PHONE_NUMBER":
        _keep_compiled_phone_patterns()
        return _load_phone_recognizer()()
    is_email = entity == "EMAIL_ADDRESS"
    make: Any = None if is_email else getattr(presidio, _RECOGNIZERS[entity])
    recognizer = _make_offline_email_recognizer() if is_email else make()
    # What Presidio's registry sets on every pattern recognizer that it loads.
    recognizer.global_regex_flags = int(re.DOTALL | re.MULTILINE | re.IGNORECASE)
    return recognizer


def _list_detectors(
    entities: tuple[str, ...], phone_regions: tuple[str, ...], reachable_only: bool
) -> Iterator[_Detector]:
    national = {name: each.gate for name, each in sorted(NATIONAL_IDENTIFIERS.items())}
    for entity, gate in (GATES | national).items():
        if entity in entities:
            yield _Detector(entity, gate)
    if "PHONE_NUMBER" in entities and phone_regions:
        digits = min(map(compute_min_phone_digits, phone_regions))
        build_gate = build_reachable_phone_gate if reachable_only else build_phone_gate
        yield _Detector("PHONE_NUMBER", build_gate(digits), phone_regions)


def _keep_compiled_phone_patterns() -> None:
    """Let libphonenumber keep its compiled patterns, which are more than ``re`` itself keeps."""
    from phonenumbers import re_util

    if hasattr(re_util, "enable_pattern_cache"):  # since 9.0
        re_util.enable_pattern_cache()


@cache
def load_suffix_list() -> Any:
    """Return tldextract's ``TLDExtract`` with its bundled suffixes: nothing is downloaded."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def _make_offline_email_recognizer() -> Any:
    """Return the e-mail recognizer with tldextract's bundled suffixes: nothing is downloaded."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    extract = load_suffix_list()
    make_recognizer: Any = EmailRecognizer
    recognizer = make_recognizer()
    recognizer.validate_result = lambda address: extract(address).fqdn != ""
    return recognizer


@cache
def _load_blank_english() -> Any:
    """Return spaCy's tokenizer, made once a process and only if a context word could matter."""
    import spacy

    return spacy.blank("en")


def _make_context_enhancer() -> Any:
    """Return Presidio's enhancer, which finds a hit's token by bisection, not from the start."""
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

    enhancer: Any = LemmaContextAwareEnhancer
    stock = enhancer._find_index_of_match_token

    def find_index(word: str, start: int, tokens: Any, offsets: list[int]) -> int:
        index = bisect_right(offsets, start) - 1
        if index >= 0 and start < offsets[index] + len(tokens[index]):
            return index
        if 0 <= index + 1 < len(offsets):
            return index + 1
        found: int = stock(word, start, tokens, offsets)  # raises Presidio's error
        return found

    made = enhancer()
    made._find_index_of_match_token = find_index
    return made


class _BlankNlpEngine:
    """spaCy's English tokenizer as a Presidio NLP engine; no model, nothing to download.

    A blank pipeline has empty lemmas, and Presidio would ignore context words without a warning; so
    a token's lower-case form is used as its lemma.
    """

    def __call__(self, text: str) -> Any:
        from presidio_analyzer.nlp_engine import NlpArtifacts

        make_artifacts: Any = NlpArtifacts
        doc = _load_blank_english().tokenizer(text)
        lemmas = [token.lower_ for token in doc]
        artifacts = make_artifacts([], doc, [token.idx for token in doc], lemmas, self, "en")
        artifacts.keywords = frozenset(artifacts.keywords)  # looked up for each word near a hit
        return artifacts

    def is_stopword(self, word: str, language: str) -> bool:
        """Return whether a word near a hit is a stop word; Presidio calls this."""
        return bool(_load_blank_english().vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:
        """Return whether a word near a hit is punctuation; Presidio calls this."""
        return bool(_load_blank_english().vocab[word].is_punct)
