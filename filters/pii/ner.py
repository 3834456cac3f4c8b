"""Find people and places: our small model for posts, or any engine that Presidio knows, by name.

``posts`` are the models that come with this package: one finds people and places in English, and
those of ``ner_linear`` find people in their languages. ``spacy:NAME``, ``stanza:LANGUAGE``,
``transformers:FOLDER`` and ``gliner:FOLDER`` are Presidio's own engines on a model that is already
installed; nothing is downloaded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from filters.pii import ner_model
from filters.pii.spans import EntitySpan
from filters.text.languages import find_entry

ENTITIES = ("PERSON", "LOCATION")
ENGINE_KINDS = ("posts", "spacy", "stanza", "transformers", "gliner")
#: The languages that ``posts`` knows; it reads every other one as the first.
POSTS_LANGUAGES = ("en", *ner_model.LINEAR_LANGUAGES)
#: The score that Presidio's spaCy recognizer gives to a span of a model without scores.
DEFAULT_SCORE = 0.85
#: A longer text is read in pieces, cut at white space: a parser's memory grows with the text.
NER_PIECE_CHARACTERS = 20_000
_BATCH = 256

# No name: placeholders, Weibo's hashtags, handles, other hashtags, links, speakers of a thread.
# Chinese and Japanese have no spaces, so a handle or hashtag ends at their marks too.
_NOT_A_NAME = re.compile(
    r"<[A-Z][A-Z_]+(?:_[a-p]{12})?>|#[^#\s]*[\u3040-\u9fff][^#\s]*#"
    r"|[@#\uff03\uff20](?:[^\s:\u3001-\u3011\uff01\uff0c\uff1a\uff1b\uff1f]|:(?![\u3040-\u9fff]))+"
    r"|(?:https?://|www\.)\S+|\buser_\d+\b"
)
_LEADING_MARKS = re.compile(r"[\W_]*")
_TRAILING_MARKS = re.compile(r"(?:['\u2019][sS]|(?<![\W_]))[\W_]*+$")

#: Of each piece, the spans: start, end, label.
_PieceSpans = Iterator[list[tuple[int, int, str]]]


class NerEngine(Protocol):
    """Finds people and places."""

    def __call__(
        self, texts: list[str], languages: Sequence[str | None] = ()
    ) -> list[list[EntitySpan]]:
        """Return the spans in each text; ``languages`` has its code, null or () if unknown."""
        ...


def check_engine(name: str) -> None:
    """Raise ValueError if there is no such engine, or its model is not installed."""
    kind, _, model = name.partition(":")
    if kind not in ENGINE_KINDS or bool(model) == (kind == "posts"):
        raise ValueError(
            f"unknown ner '{name}'; give posts, spacy:NAME, stanza:LANGUAGE, transformers:FOLDER "
            "or gliner:FOLDER"
        )
    if kind == "spacy" and not _is_spacy_model(model):
        raise ValueError(f"the spaCy model '{model}' is not installed; pip install it")
    if kind in ("transformers", "gliner") and not Path(model).is_dir():
        raise ValueError(f"no folder '{model}' with a {kind} model; nothing is downloaded")


def load_engine(name: str) -> NerEngine:
    """Load the engine ``name``, as the module's docstring lists them.

    Raises ValueError as :func:`check_engine` does.
    """
    check_engine(name)
    kind, _, model = name.partition(":")
    if kind == "posts":
        return _PostsEngine()
    if kind == "spacy":
        import spacy

        return _SpacyEngine(spacy.load(model, disable=["tagger", "parser", "lemmatizer"]))
    return _GlinerEngine(model) if kind == "gliner" else _PresidioEngine(kind, model)


def nlp_engine() -> Any:
    """Return the model for posts as an NLP engine of Presidio, for your own ``AnalyzerEngine``."""
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    make_engine: Any = SpacyNlpEngine
    engine = make_engine()
    engine.nlp = {"en": ner_model.load_pipeline()}
    return engine


def _is_spacy_model(model: str) -> bool:
    import spacy

    return bool(spacy.util.is_package(model)) or Path(model).is_dir()


def trim_names(text: str, spans: list[EntitySpan]) -> list[EntitySpan]:
    """Remove spans that are no names, and the spaces and marks at the ends of the others."""
    excluded = [match.span() for match in _NOT_A_NAME.finditer(text)]
    names = []
    for span in spans:
        if any(span.start < end and begin < span.end for begin, end in excluded):
            continue
        content = text[span.start : span.end]
        leading, trailing = _LEADING_MARKS.match(content), _TRAILING_MARKS.search(content)
        start = span.start + (leading.end() if leading else 0)
        end = span.start + (trailing.start() if trailing else len(content))
        if end > start:
            names.append(span._replace(start=start, end=end))
    return names


class _PostsEngine:
    """The models for posts, each loaded when a post in its language comes."""

    def __init__(self) -> None:
        self._finders: dict[str, Callable[[list[str]], list[list[tuple[int, int, str]]]]] = {}

    def __call__(
        self, texts: list[str], languages: Sequence[str | None] = ()
    ) -> list[list[EntitySpan]]:
        rows_by_language: dict[str, list[int]] = defaultdict(list)
        for row, lang in enumerate(languages or [None] * len(texts)):
            rows_by_language[find_entry(lang or "", POSTS_LANGUAGES) or "en"].append(row)
        found: list[list[EntitySpan]] = [[] for _ in texts]
        for lang, rows in rows_by_language.items():
            spans = _find_in_pieces([texts[row] for row in rows], self._make_reader(lang))
            for row, each in zip(rows, spans, strict=True):
                found[row] = each
        return found

    def _make_reader(self, lang: str) -> Callable[[list[str]], _PieceSpans]:
        if lang not in self._finders:
            self._finders[lang] = _load_finder(lang)
        find = self._finders[lang]

        def find_spans(pieces: list[str]) -> _PieceSpans:
            for first in range(0, len(pieces), _BATCH):
                yield from find(pieces[first : first + _BATCH])

        return find_spans


def _load_finder(lang: str) -> Callable[[list[str]], list[list[tuple[int, int, str]]]]:
    # numba is imported only where names are looked for.
    if lang in ner_model.LINEAR_LANGUAGES:
        from filters.pii import ner_linear

        return ner_linear.PeopleFinder(ner_linear.load(ner_model.get_linear_path(lang)))
    from filters.pii.ner_kernel import TransitionParser

    return TransitionParser(ner_model.load_pipeline())


class _SpacyEngine:
    """A spaCy pipeline."""

    def __init__(self, nlp: Any) -> None:
        from presidio_analyzer.nlp_engine import NerModelConfiguration

        self._nlp = nlp
        make_configuration: Any = NerModelConfiguration
        self._labels: dict[str, str] = make_configuration().model_to_presidio_entity_mapping

    def __call__(
        self, texts: list[str], languages: Sequence[str | None] = ()
    ) -> list[list[EntitySpan]]:
        return _find_in_pieces(texts, self._find_spans)

    def _find_spans(self, pieces: list[str]) -> _PieceSpans:
        for doc in self._nlp.pipe(pieces, batch_size=_BATCH):
            yield [
                (ent.start_char, ent.end_char, self._labels.get(ent.label_, ent.label_))
                for ent in doc.ents
            ]


class _PresidioEngine:
    """One of Presidio's NLP engines."""

    def __init__(self, kind: str, model: str) -> None:
        self._language = model if kind == "stanza" else "en"
        if kind == "stanza":
            from presidio_analyzer.nlp_engine import StanzaNlpEngine

            make_stanza: Any = StanzaNlpEngine
            models = [{"lang_code": model, "model_name": model}]
            self._engine: Any = make_stanza(models=models, download_if_missing=False)
        else:
            from presidio_analyzer.nlp_engine import TransformersNlpEngine

            make_transformers: Any = TransformersNlpEngine
            names = {"spacy": "en_core_web_sm", "transformers": model}
            self._engine = make_transformers(models=[{"lang_code": "en", "model_name": names}])
        self._engine.load()

    def __call__(
        self, texts: list[str], languages: Sequence[str | None] = ()
    ) -> list[list[EntitySpan]]:
        found = []
        for text, artifacts in self._engine.process_batch(texts, language=self._language):
            scores = artifacts.scores or [DEFAULT_SCORE] * len(artifacts.entities)
            spans = [
                EntitySpan(ent.start_char, ent.end_char, ent.label_, float(score))
                for ent, score in zip(artifacts.entities, scores, strict=True)
                if ent.label_ in ENTITIES
            ]
            found.append(trim_names(text, spans))
        return found


class _GlinerEngine:
    """Presidio's recognizer for GLiNER models."""

    def __init__(self, model: str) -> None:
        from presidio_analyzer.predefined_recognizers import GLiNERRecognizer

        make_recognizer: Any = GLiNERRecognizer
        mapping = {"person": "PERSON", "location": "LOCATION"}
        self._recognizer: Any = make_recognizer(model_name=model, entity_mapping=mapping)

    def __call__(
        self, texts: list[str], languages: Sequence[str | None] = ()
    ) -> list[list[EntitySpan]]:
        found = []
        for text in texts:
            hits = self._recognizer.analyze(text, list(ENTITIES))
            spans = [EntitySpan(hit.start, hit.end, hit.entity_type, hit.score) for hit in hits]
            found.append(trim_names(text, sorted(spans)))
        return found


def split_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield the pieces of a text with their offsets; a piece ends after white space if it can."""
    begin = 0
    while len(text) - begin > NER_PIECE_CHARACTERS:
        end = begin + NER_PIECE_CHARACTERS
        space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
        end = space + 1 if space > begin else end
        yield begin, text[begin:end]
        begin = end
    yield begin, text[begin:]


def _find_in_pieces(
    texts: list[str], find_spans: Callable[[list[str]], _PieceSpans]
) -> list[list[EntitySpan]]:
    """Return the people and places of each text; ``find_spans`` reads it piece by piece."""
    pieces = [(row, *piece) for row, text in enumerate(texts) for piece in split_text(text)]
    found: list[list[EntitySpan]] = [[] for _ in texts]
    piece_spans = find_spans([text for *_, text in pieces])
    for (row, begin, _), spans in zip(pieces, piece_spans, strict=True):
        found[row] += [
            EntitySpan(begin + start, begin + end, label, DEFAULT_SCORE)
            for start, end, label in spans
            if label in ENTITIES
        ]
    return [trim_names(text, spans) for text, spans in zip(texts, found, strict=True)]
