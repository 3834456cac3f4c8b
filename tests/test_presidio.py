"""``corpus.presidio``: redaction of columns without a corpus."""

from __future__ import annotations

import doctest
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from corpus import presidio
from corpus.presidio import BatchRedactor
from filters import pii
from tests.conftest import ROOT
from tests.filters.test_pii import REPLACED, SEEDS, find_with_presidio, make_edge_strings

TEXTS = [
    "write to joe@example.org, phone 415-555-2671, @joe and x.com/joe/status/1",
    None,
    "",
    "nothing here",
    "\U0001f600 anna&#64;posteo.de or snap: anna_12, not at 10.0.0.1",
]
REDACTED = [
    "write to <EMAIL_ADDRESS>, phone <PHONE_NUMBER>, <HANDLE> and x.com/<HANDLE>",
    None,
    "",
    "nothing here",
    "\U0001f600 <EMAIL_ADDRESS> or snap: <HANDLE>, not at 10.0.0.1",
]
SPANS = [
    (0, 9, 24, "EMAIL_ADDRESS", 1.0),
    (0, 32, 44, "PHONE_NUMBER", 0.75),
    (0, 46, 50, "HANDLE", 1.0),
    (0, 61, 73, "HANDLE", 1.0),
    (4, 2, 20, "EMAIL_ADDRESS", 1.0),
    (4, 30, 37, "HANDLE", 1.0),
]
KEY = b"0123456789abcdef0123456789abcdef"


def put_tags(text: str, spans: list[tuple[Any, ...]]) -> str:
    for _, start, end, entity, _ in reversed(spans):
        text = f"{text[:start]}<{entity}>{text[end:]}"
    return text


def test_a_list_becomes_a_list_with_tags_and_its_nulls() -> None:
    assert BatchRedactor().redact(TEXTS) == REDACTED


def test_a_series_keeps_its_name_and_an_arrow_array_its_type_and_chunks() -> None:
    redact = BatchRedactor().redact
    series = redact(pl.Series("body", TEXTS))
    assert (series.name, series.to_list()) == ("body", REDACTED)
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        assert redact(pa.array(TEXTS, kind)).equals(pa.array(REDACTED, kind))
        chunked = pa.chunked_array([TEXTS[:2], [], TEXTS[2:]], kind)
        found = redact(chunked)
        assert found.equals(pa.chunked_array([REDACTED[:2], [], REDACTED[2:]], kind))
        assert [len(chunk) for chunk in found.chunks] == [2, 0, 3]
    assert redact([]) == []
    assert redact([None]) == [None]
    assert redact(pa.array([None, None])).equals(pa.array([None, None]))


def test_spans_have_the_offsets_of_the_given_text_in_code_points() -> None:
    assert BatchRedactor().find(TEXTS).rows() == SPANS
    assert BatchRedactor().find([]).schema == presidio.SPAN_COLUMNS


@pytest.mark.parametrize("profile", ["contact", "strict"])
def test_tags_in_place_of_the_spans_found_are_what_is_redacted(profile: Any) -> None:
    texts = [*SEEDS, *make_edge_strings(40, seed=7), *filter(None, TEXTS)]
    texts += [f"{one} {two}" for one, two in zip(texts, texts[7:], strict=False)]
    texts += [f"{one}{two}" for one, two in zip(texts[:40], texts[9:], strict=False)]
    texts += ["@ann told Barack Obama that joe@example.org is Ann Smith of Chicago 415-555-2671"]
    redactor = BatchRedactor(profile)
    found = redactor.find(texts).rows()
    tagged = [
        put_tags(text, [each for each in found if each[0] == row]) for row, text in enumerate(texts)
    ]
    assert tagged == redactor.redact(texts)
    assert {"HANDLE", "EMAIL_ADDRESS"} < {each[3] for each in found}
    assert ("PERSON" in {each[3] for each in found}) == (profile == "strict")


def test_a_redactor_replaces_what_the_stage_pii_replaces() -> None:
    texts = [*SEEDS, *REPLACED, *make_edge_strings(60, seed=3)]
    posts = pl.DataFrame({"id": [str(row) for row in range(len(texts))], "text": texts})
    assert BatchRedactor().redact(texts) == pii.build(pii.Config())(posts)["text"].to_list()
    surrogates = pii.build(pii.Config(style="surrogate", handles="pseudonym"), key=KEY)
    redactor = BatchRedactor(style="pseudonym", key=KEY)
    assert redactor.redact(texts) == surrogates(posts)["text"].to_list()


def test_with_presidio_only_the_spans_are_those_of_the_analyzer_engine() -> None:
    texts = [text for text in [*SEEDS, *make_edge_strings(300, seed=5)] if "\U0001e4f1" not in text]
    found = BatchRedactor(presidio_only=True).find(texts)
    theirs = [(row, *span) for row, text in enumerate(texts) for span in find_with_presidio(text)]
    assert found.rows() == theirs
    assert len(theirs) > 50


def test_with_presidio_only_an_address_that_reaches_nobody_is_replaced_too() -> None:
    texts = ["ask 10.0.0.1 or anna&#64;posteo.de or @ann"]
    assert BatchRedactor(presidio_only=True).redact(texts) == [
        "ask <IP_ADDRESS> or anna&#64;posteo.de or @ann"
    ]


def test_entities_are_chosen_by_name() -> None:
    text = "joe@example.org, 415-555-2671, @joe of NHS 943 476 5919, Barack Obama"
    email = BatchRedactor(entities=("EMAIL_ADDRESS",))
    assert email.redact([text])[0] == text.replace("joe@example.org", "<EMAIL_ADDRESS>")
    some = BatchRedactor(entities=("PERSON", "UK_NHS"))
    assert set(some.find([text])["entity"]) == {"PERSON", "UK_NHS"}
    assert some.entities == ("PERSON", "UK_NHS")


def test_names_are_found_in_texts_of_the_wanted_languages_only() -> None:
    text = "Barack Obama lives in Chicago"
    redactor = BatchRedactor("strict", languages=("en",))
    assert redactor.redact([text, text], lang=["en", "pt"]) == [
        "<PERSON> lives in <LOCATION>",
        text,
    ]
    assert redactor.redact([text], lang="pt") == [text]
    # Without lang, the languages are identified.
    german = "Angela Merkel war gestern in Berlin und hat dort mit den Leuten gesprochen"
    assert redactor.redact([german]) == [german]
    assert BatchRedactor("strict", languages=("de",)).redact([german])[0].startswith("<PERSON>")


def test_a_number_is_read_in_the_regions_of_its_language() -> None:
    text = "030 90172390"
    assert BatchRedactor().redact([text], lang="de") != [text]
    assert BatchRedactor(phone_regions=("US",)).redact([text], lang="de") == [text]


def test_masks_keep_the_shape_and_pseudonyms_depend_on_the_key() -> None:
    assert BatchRedactor(style="mask").redact(["to joe@example.org"]) == ["to ***@*******.***"]
    one, two = (BatchRedactor(style="pseudonym", key=KEY[:31] + bytes([n])) for n in (1, 2))
    [first, again] = one.redact(["to joe@example.org @joe", "to joe@example.org @joe"])
    assert first == again != two.redact(["to joe@example.org @joe"])[0]
    assert re.fullmatch(r"to [a-z]{3}@[a-z]+\.example <HANDLE_[a-p]{12}>", str(first))


def test_batches_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*SEEDS, *make_edge_strings(20, seed=4)]
    whole, spans = BatchRedactor().redact(texts), BatchRedactor().find(texts)
    monkeypatch.setattr(presidio, "_BATCH_TEXTS", 7)
    redactor = BatchRedactor()
    assert redactor.redact(texts) == whole
    assert redactor.find(texts).equals(spans)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(redactor.redact, [texts] * 4)) == [whole] * 4


def test_a_redactor_can_be_sent_to_another_process() -> None:
    redactor = BatchRedactor(style="pseudonym", key=KEY, entities=("EMAIL_ADDRESS", "HANDLE"))
    copy = pickle.loads(pickle.dumps(redactor))
    assert copy.redact(TEXTS) == redactor.redact(TEXTS)


def test_wrong_arguments_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="unknown entity 'EMAIL_ADRESS'; did you mean 'EMAIL_ADDRESS'"
    ):
        BatchRedactor(entities=("EMAIL_ADRESS",))
    with pytest.raises(ValueError, match="unknown entity with presidio_only 'HANDLE'"):
        BatchRedactor(entities=("HANDLE",), presidio_only=True)
    with pytest.raises(ValueError, match="unknown style 'stars'; known: mask, pseudonym, tag"):
        BatchRedactor(style="stars")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs key=: at least 32"):
        BatchRedactor(style="pseudonym", key=b"short")
    with pytest.raises(ValueError, match="unknown profile"):
        BatchRedactor("everything")  # type: ignore[arg-type]


def test_what_is_no_column_of_texts_is_refused_without_its_content() -> None:
    redact = BatchRedactor().redact
    for texts in ("joe@example.org", iter(["joe@example.org"]), {"joe@example.org": 1}):
        with pytest.raises(TypeError, match=r"a list of str, .* not (str|list_iterator|dict)$"):
            redact(texts)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^texts\[1\] is bytes; a str or None is needed$"):
        redact(["a", b"joe@example.org"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a Series of strings is needed, not of Int64"):
        redact(pl.Series([1]))
    with pytest.raises(TypeError, match="an array of strings is needed, not of int64"):
        redact(pa.array([1]))
    with pytest.raises(ValueError, match=r"^lang has 2 codes for 1 texts$"):
        redact(["a"], lang=["en", "de"])


def test_half_a_surrogate_pair_is_refused_and_the_error_holds_no_text() -> None:
    with pytest.raises(ValueError, match=r"^texts\[1\] contains half of a surrogate") as caught:
        BatchRedactor().redact(["a", "joe@example.org \ud83d"])
    assert type(caught.value) is ValueError  # a UnicodeError has the text in it
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_examples_of_the_page_give_what_the_page_says() -> None:
    page = (ROOT / "docs/redaction-library.md").read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"```pycon\n(.*?)```", page, re.DOTALL))
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(examples, {}, "the page", None, 0)
    result = doctest.DocTestRunner().run(test, out=told.append)
    assert result.failed == 0, "".join(told)
    assert result.attempted > 10
