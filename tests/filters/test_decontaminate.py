"""The filter ``decontaminate`` drops posts that contain an evaluation item, and names the item."""

from __future__ import annotations

import gzip
import json
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.errors import PlanError
from corpus.pipeline.filter_part import filter_posts
from corpus.plan.model import Plan
from filters import decontaminate
from filters.decontaminate import evaluation_sets, ngram_index
from tests.support.examples import examples

LONG = "Which gas makes up most of the air that people breathe at sea level every single day?"
SHORT = "Name the smallest prime above one hundred, please."


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def quiz(tmp_path: Path) -> str:
    return write(tmp_path / "quiz.jsonl", [{"question": LONG}, {"question": SHORT}])


def match_posts(texts: list[str | None], *against: str, **config: Any) -> list[tuple[Any, ...]]:
    posts = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    settings = decontaminate.Config.model_validate({"against": against, **config})
    return decontaminate.build(settings)(posts).drop("text").rows()


def match_names(texts: list[str | None], *against: str, **config: Any) -> list[str | None]:
    return [row[0] for row in match_posts(texts, *against, **config)]


# --------------------------------------------------------------------------- what matches


def test_a_post_that_equals_an_item_is_dropped_and_the_item_is_named(quiz: str) -> None:
    assert match_posts([LONG, SHORT, "good morning all"], quiz) == [
        ("quiz:1", 1.0, "contaminated"),
        ("quiz:2", 1.0, "contaminated"),
        (None, 0.0, None),
    ]


def test_an_item_is_found_inside_a_longer_post(quiz: str) -> None:
    assert match_names([f"lol they asked us: {SHORT} no idea", f"{'x ' * 500}{LONG} hm"], quiz) == [
        "quiz:2",
        "quiz:1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        SHORT.upper(),
        SHORT.replace(" ", "\n\t "),
        SHORT.replace(",", " --- ").replace(".", "!!!"),
        "“Name”(the)smallest/prime_above one—hundred…please",
        "Ｎａｍｅ the smallest 𝐩𝐫𝐢𝐦𝐞 above one hundred please",
        "Na\u200bme the small\u00adest prime above one hundred please",
        "Name ❤️ the smallest prime 👍🏽 above one hundred please 1",
    ],
)
def test_case_punctuation_and_spaces_do_not_count(quiz: str, text: str) -> None:
    assert match_names([text], quiz) == ["quiz:2"]


@pytest.mark.parametrize(
    "text",
    [
        "Name the smallest prime above one thousand, please.",
        "Name the smallest prime above one hundred",  # all its tokens but one
        "Rename the smallest prime above one hundred, please.",
        "Name the smallest prime above one hundred, pleased",
        " ".join(LONG.split()[:12]),  # a token less than an n-gram
        "",
        None,
        "😀😀 🎉",
    ],
)
def test_a_post_that_only_resembles_an_item_is_kept(quiz: str, text: str | None) -> None:
    assert match_posts([text], quiz) == [(None, 0.0, None)]


def test_thirteen_tokens_of_a_long_item_match_and_the_share_is_written(quiz: str) -> None:
    words = LONG.split()  # 17 tokens, 5 n-grams
    part = [" ".join(words[:13]), " ".join(words[3:]), " ".join(words[:13] * 2)]
    assert [row[1] for row in match_posts(part, quiz)] == [0.2, 0.4, 0.2]
    assert [row[2] for row in match_posts(part, quiz, min_share=0.4)] == [
        None,
        "contaminated",
        None,
    ]
    assert match_names(part, quiz, min_share=0.4) == ["quiz:1"] * 3


def test_annotate_keeps_every_post(quiz: str) -> None:
    assert match_posts([LONG], quiz, action="annotate") == [("quiz:1", 1.0, None)]


@pytest.mark.parametrize(
    ("item", "post"),
    [
        ("东京塔的高度是多少米请告诉我", "问题：东京塔的 高度是多少米？请告诉我！"),
        ("東京タワーの高さは何ですか", "えっと、東京ﾀﾜｰの高さは何ですか？笑"),
        ("เมืองหลวงของประเทศไทยคืออะไร", "ถาม: เมืองหลวงของประเทศไทยคืออะไร?"),
        ("ນະຄອນຫຼວງຂອງລາວແມ່ນຫຍັງ", "«ນະຄອນຫຼວງຂອງລາວແມ່ນຫຍັງ»"),
        ("តើរាជធានីរបស់កម្ពុជាជាអ្វី", "តើរាជធានីរបស់កម្ពុជាជាអ្វី ?"),
        ("မြန်မာနိုင်ငံ၏မြို့တော်", "ok မြန်မာနိုင်ငံ၏မြို့တော် ok"),
        (
            "대한민국의 수도는 어디이며 인구는 몇 명인지 말해 보세요",
            "Q) 대한민국의 수도는 어디이며, 인구는 몇 명인지 말해 보세요",
        ),
        (
            "ما هي عاصمة مصر وكم عدد سكانها في هذا العام",
            "ما هي عاصمة مصر؟ وكم عدد سكانها في هذا العام؟",
        ),
        (
            "भारत की राजधानी क्या है और वहाँ कितने लोग रहते हैं",
            "भारत की राजधानी क्या है, और वहाँ कितने लोग रहते हैं?",
        ),
        (
            "ΠΟΙΟΣ ΕΙΝΑΙ Ο ΠΡΩΤΟΣ ΝΟΜΟΣ ΤΟΥ ΝΕΥΤΩΝΑ ΠΕΣ",
            "ποιος ειναι ο πρωτος νομος του νευτωνα; πες",
        ),
        (
            "İstanbul kaç yılında alındı ve onu kim aldı",
            "istanbul kaç yılında alındı ve onu kim aldı",
        ),
        (
            "Cafe\u0301 a\u0300 la carte pour nous deux s'il vous plait",
            "café à la carte pour nous deux: s’il vous plait",
        ),
    ],
)
def test_items_are_found_in_every_script(tmp_path: Path, item: str, post: str) -> None:
    against = write(tmp_path / "set.jsonl", [{"q": item}])
    assert match_names([post, post[:12]], against) == ["set:1", None]


def test_posts_of_a_megabyte_are_searched(quiz: str) -> None:
    posts = ["a " * 500_000 + SHORT, "語" * 333_000, "x" * 1_000_000, LONG + " " + "é" * 500_000]
    assert match_names([*posts, (LONG + " ") * 12_000], quiz) == [
        "quiz:2",
        None,
        None,
        "quiz:1",
        "quiz:1",
    ]


def test_without_sets_no_post_is_dropped() -> None:
    assert match_posts([LONG, None]) == [(None, 0.0, None)] * 2
    assert decontaminate.models(decontaminate.Config()) == []


# --------------------------------------------------------------------------- which item


def test_the_item_with_the_largest_share_is_named_then_the_earliest(tmp_path: Path) -> None:
    both = f"{SHORT} {' '.join(LONG.split()[:13])}"
    one = write(tmp_path / "one.jsonl", [{"q": LONG}, {"q": SHORT}])
    two = write(tmp_path / "two.jsonl", [{"q": SHORT}, {"q": "  " + SHORT.upper()}])
    assert match_names([both, SHORT], one, two) == ["one:2", "one:2"]
    assert match_names([both, SHORT], two, one) == ["two:1", "two:1"]


def test_files_with_the_same_name_get_the_name_of_their_folder(tmp_path: Path) -> None:
    write(tmp_path / "arc" / "test.jsonl", [{"q": SHORT}])
    write(tmp_path / "mmlu" / "test.jsonl", [{"q": LONG}])
    pattern = str(tmp_path / "*" / "test.jsonl")
    assert match_names([SHORT, LONG], pattern) == ["arc/test:1", "mmlu/test:1"]
    assert match_names([SHORT], pattern, str(tmp_path / "arc" / "test.jsonl")) == ["arc/test:1"]


def test_a_row_is_one_item_only_if_each_of_its_texts_is_too_short(tmp_path: Path) -> None:
    rows = [
        {"question": "Who wrote it first?", "choices": ["Ann the baker", "Bob the smith"]},
        {"question": SHORT, "choices": ["a hundred and one", "ninety seven"]},
        {"question": "Tiny, is it not?", "choices": ["yes", "no", "perhaps"]},
        {"question": "Is it tiny or not?", "choices": ["yes", "no", "perhaps"]},
    ]
    against = write(tmp_path / "set.jsonl", rows)
    texts = [
        "Who wrote it first? Ann the baker or Bob the smith",
        "Who wrote it first? Ann the baker, Bob the smith",
        SHORT,
        "Tiny, is it not? Yes. No. Perhaps.",
        "Is it tiny or not? Yes. No. Perhaps.",
    ]
    assert match_posts(texts, against) == [
        (None, 0.0, None),
        ("set:1", 1.0, "contaminated"),
        ("set:2", 1.0, "contaminated"),
        (None, 0.0, None),
        ("set:4", 1.0, "contaminated"),
    ]
    config = decontaminate.Config(against=(against,))
    assert decontaminate.count_items(config).rows() == [("set", 4, 3, 0, 1)]


def test_an_n_gram_that_many_items_share_does_not_match(tmp_path: Path) -> None:
    stem = "Which of the following is the best answer to the question that is asked here"
    rows = [{"q": f"{stem} {animal} with nothing more"} for animal in ("cat", "dog", "owl")]
    against = write(tmp_path / "set.jsonl", rows)
    assert match_names([stem], against) == ["set:1"]
    texts = [stem, f"{stem} cat with nothing more"]
    assert match_posts(texts, against, max_items=2) == [
        (None, 0.0, None),
        ("set:1", 1.0, "contaminated"),
    ]


def test_a_text_in_several_rows_is_one_item_and_in_many_rows_an_instruction(tmp_path: Path) -> None:
    rows = [{"passage": LONG, "q": f"number {n}"} for n in range(20)] + [
        {"passage": SHORT, "q": ""}
    ]
    against = write(tmp_path / "set.jsonl", rows)
    assert match_names([LONG, SHORT], against, max_repeats=20) == ["set:1", "set:21"]
    assert match_names([LONG, SHORT], against, max_repeats=19) == [None, "set:21"]
    config = decontaminate.Config(against=(against,), max_repeats=19)
    assert decontaminate.count_items(config).rows() == [("set", 21, 1, 20, 0)]


def test_equal_hashes_of_different_words_are_no_match() -> None:
    tokens = ngram_index.tokenize_words(pl.Series(["a b c", "d e f"]))
    index = ngram_index.build_index(tokens, np.array([0]), np.array([3]), 3, 10)
    other_hash = ngram_index._hash_ngram(tokens.prefix_hashes, index.powers, 3, 3)
    slots = np.full_like(index.table.slots, -1)
    slots[int(other_hash) & (slots.size - 1)] = 0
    forged = index._replace(
        table=index.table._replace(slots=slots, hashes=np.array([other_hash], np.uint64)),
        bloom_filter=np.full_like(index.bloom_filter, 2**64 - 1),
    )
    texts = pl.Series(["d e f", "a b c"])
    assert ngram_index.find_matches(texts, forged)[0].tolist() == [-1, -1]
    assert ngram_index.find_matches(texts, index)[0].tolist() == [-1, 0]


# --------------------------------------------------------------------------- reading sets


ROWS: list[dict[str, Any]] = [
    {"id": 1, "question": LONG, "choices": ["no", "yes"], "more": {"hint": "none"}},
    {"id": 2, "question": "x", "choices": ["y", SHORT], "more": {"hint": None}},
    {"id": 3, "question": "z", "choices": [], "more": {"hint": "It is " + SHORT.upper() + " Now"}},
]


def make_json_lines() -> bytes:
    return b"\xef\xbb\xbf" + "\r\n".join(json.dumps(row) for row in ROWS).encode()


def make_table(separator: str) -> bytes:
    rows = [
        {**row, "choices": "".join(row["choices"][-1:]), "more": row["more"]["hint"]}
        for row in ROWS
    ]
    return pl.DataFrame(rows).write_csv(separator=separator).encode()


FILES: dict[str, Callable[[], bytes]] = {
    "set.jsonl": make_json_lines,
    "set.ndjson": make_json_lines,
    "set.json": lambda: json.dumps(ROWS, indent=1).encode(),
    "set.jsonl.gz": lambda: gzip.compress(make_json_lines()),
    "set.jsonl.zst": lambda: b"".join(
        zstandard.compress(piece) for piece in (make_json_lines()[:99], make_json_lines()[99:])
    ),
    "set.csv": lambda: make_table(","),
    "set.csv.gz": lambda: gzip.compress(make_table(",")),
    "set.TSV": lambda: make_table("\t"),
}


@pytest.mark.parametrize("name", [*FILES, "set.parquet"])
def test_every_kind_of_file_is_read_with_all_its_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "set.parquet":
        pl.DataFrame(ROWS).write_parquet(path)
    else:
        path.write_bytes(FILES[name]())
    texts: list[str | None] = [LONG, SHORT, "it is " + SHORT + " now"]
    # The last post contains the items of two rows completely; the earlier row is named.
    assert match_names(texts, str(path)) == ["set:1", "set:2", "set:2"]
    assert match_names(texts, str(path), columns=["more"]) == [None, None, "set:3"]
    assert match_names(texts, str(path), columns=["id", "question"]) == ["set:1", None, None]


def test_columns_may_be_in_different_sets(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", [{"question": LONG}])
    two = write(
        tmp_path / "two.jsonl", [{"ctx": SHORT, "note": "ten words that are not to be looked for"}]
    )
    texts: list[str | None] = [LONG, SHORT, "ten words that are not to be looked for"]
    assert match_names(texts, one, two, columns=["question", "ctx"]) == ["one:1", "two:1", None]


@pytest.mark.parametrize(
    ("name", "content", "config", "message"),
    [
        ("a.jsonl", b'{"q": "secret"}\n{"q": "secret\n', {}, "a.jsonl, line 2: broken JSON"),
        ("a.jsonl", b'{"q": "caf\xe9 secret"}\n', {}, "a.jsonl, line 1: broken JSON"),
        ("a.jsonl", b"[" * 100_000, {}, "a.jsonl, line 1: broken JSON"),
        ("a.jsonl", b'"secret"\n', {}, "a.jsonl, line 1: expected an object"),
        ("a.json", b'[{"q": "secret"}, 3]', {}, "a.json, item 2: expected an object"),
        ("a.jsonl", b"\n\n", {}, "a.jsonl is empty"),
        ("a.csv", b"", {}, "a.csv is empty"),
        ("a.csv", b"q,r\n", {}, "a.csv is empty"),
        ("a.csv", b'q,r\n"secret,1\n', {}, "a.csv is not valid CSV"),
        ("a.csv", b"q,r\ncaf\xe9 secret,1\n", {}, "a.csv is not valid CSV"),
        ("a.parquet", b"PAR1" + b"\0" * 40, {}, "a.parquet is not valid Parquet"),
        ("a.jsonl.gz", gzip.compress(b"{}\n" * 999, mtime=0)[:-9], {}, "a.jsonl.gz is cut"),
        ("a.jsonl.zst", zstandard.compress(b"{}\n" * 999)[:-3], {}, "a.jsonl.zst is cut"),
        ("a.jsonl.zst", b"secret", {}, "a.jsonl.zst is cut"),
        ("a.txt", b"secret", {}, "a.txt is of an unknown kind; known: .jsonl"),
        ("a.jsonl", b'{"n": 1}\n', {}, "a.jsonl has no text"),
        ("a.jsonl", b'{"q": "secret"}\n', {"columns": ["x"]}, "none of the columns x; it has: q"),
        ("a.jsonl", b'{"q": "secret"}\n', {"columns": ["q", "x"]}, "no set has a column 'x'"),
        (
            "a.jsonl",
            b'{"q": "secret"}\n',
            {},
            "of 1 items none can be searched for: 1 are too short",
        ),
    ],
)
def test_an_unusable_set_is_an_error_that_quotes_no_text(
    tmp_path: Path, name: str, content: bytes, config: dict[str, Any], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="decontaminate: ") as caught:
        match_posts(["x"], str(tmp_path / name), **config)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    pattern = str(tmp_path / "*.jsonl")
    with pytest.raises(FileNotFoundError, match="decontaminate: no file at"):
        match_posts(["x"], pattern)
    plan = {
        "sources": [{"table": {"path": "x.csv", "fields": {"id": "id", "text": "text"}}}],
        "stages": [{"decontaminate": {"against": [pattern]}}],
        "output": {"path": str(tmp_path / "out")},
    }
    with pytest.raises(PlanError, match=r"cannot read .*\*\.jsonl"):
        Plan.parse(plan).check_paths()


def test_the_content_of_the_sets_is_part_of_the_fingerprint(quiz: str) -> None:
    plan: dict[str, Any] = {
        "sources": [{"table": {"path": "x.csv", "fields": {"id": "id", "text": "text"}}}],
        "stages": [{"decontaminate": {"against": [quiz.replace("quiz", "*")]}}],
    }
    before = Plan.parse(plan).fingerprint()
    assert before == Plan.parse(plan).fingerprint()
    Path(quiz).write_text(json.dumps({"q": LONG}))
    changed = Plan.parse(plan).fingerprint()
    write(Path(quiz).with_name("new.jsonl"), [{"q": SHORT}])
    assert len({before, changed, Plan.parse(plan).fingerprint()}) == 3


def test_the_ledger_names_the_match(quiz: str) -> None:
    posts = pl.DataFrame(
        {"id": ["a", "b"], "text": [SHORT, "hi"], "source_file": ["f", "f"], "source_row": [1, 2]}
    )
    config = decontaminate.Config(against=(quiz,)).model_dump_json()
    kept, dropped, _ = filter_posts(posts, (("decontaminate", config),), "parts/0")
    assert kept["id"].to_list() == ["b"]
    ledger = dropped.select("id", "stage", "reason", *decontaminate.WRITES).rows()
    assert ledger == [("a", "decontaminate", "contaminated", "quiz:2", 1.0)]


# --------------------------------------------------------------------------- a plain implementation

UNSPACED = ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def plain_tokens(text: str) -> list[str]:
    out, word = list[str](), ""
    for character in unicodedata.normalize("NFKC", text) + " ":
        kind = unicodedata.category(character)
        if kind in ("Cf", "Me") or 0xFE00 <= ord(character) <= 0xFE0F:
            continue
        alone = kind[0] in "LMN" and unicodedata.name(character, "").startswith(UNSPACED)
        if not alone and (kind[0] in "LN" or (kind[0] == "M" and word)):
            word += {"ς": "σ", "İ": "i"}.get(character, character.lower())
            continue
        out += [word] if word else []
        word = ""
        out += [character] if alone else []
    return out


def make_ngrams(tokens: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(tokens[n : n + size]) for n in range(len(tokens) - size + 1))


def match_by_definition(
    post: str, items: list[str], ngram: int, least: int, most: int
) -> tuple[str | None, float]:
    """Return the best item of a post and its share, by the definitions, without an index."""
    wanted: dict[tuple[str, ...], tuple[int, set[tuple[str, ...]]]] = {}
    for row, item in enumerate(items, 1):
        tokens = plain_tokens(item)
        if len(tokens) >= least:
            wanted.setdefault(
                tuple(tokens), (row, set(make_ngrams(tokens, min(ngram, len(tokens)))))
            )
    read = plain_tokens(post)
    best: tuple[float, int, int] = (0, 0, 0)
    for row, own in wanted.values():
        kept = {g for g in own if sum(g in other for _, other in wanted.values()) <= most}
        matched = {g for g in kept if g in set(make_ngrams(read, len(g)))}
        if matched:
            best = max(best, (len(matched) / len(kept), len(matched), -row))
    return (f"set:{-best[2]}", best[0]) if best[1] else (None, 0.0)


WORDS = st.sampled_from(["a", "B", "c", "c", "東", "京", "ไ", "é", "e\u0301", "İ", "Σ", "ﬁ", "ー"])
GAPS = st.sampled_from([" ", " ", " ", ", ", "\n", "\u200b", "", " ❤️ ", "_", "\u0301", "。"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=12).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)


@settings(max_examples=examples(300), suppress_health_check=list(HealthCheck))
@given(
    items=st.lists(TEXTS, min_size=1, max_size=6),
    posts=st.lists(TEXTS, min_size=1, max_size=8),
    ngram=st.integers(1, 5),
    least=st.integers(1, 5),
    most=st.integers(1, 3),
)
def test_matches_equal_those_of_a_plain_implementation(
    items: list[str], posts: list[str], ngram: int, least: int, most: int
) -> None:
    expected = [match_by_definition(post, items, ngram, least, most) for post in posts]
    with tempfile.TemporaryDirectory() as folder:
        against = write(Path(folder) / "set.jsonl", [{"q": item} for item in items])
        config = decontaminate.Config(
            against=(against,), ngram=ngram, min_tokens=least, max_items=most
        )
        try:
            run = decontaminate.build(config)
        except ValueError as error:
            assert "none can be searched for" in str(error)
            assert expected == [(None, 0.0)] * len(posts)
            return
    together = run(pl.DataFrame({"text": posts}))
    alone = pl.concat([run(pl.DataFrame({"text": [post]})) for post in posts])
    assert together.select(*decontaminate.WRITES).rows() == expected
    assert together.equals(alone)
    assert together.schema == {"text": pl.String, **decontaminate.WRITES, "reject": pl.String}


def test_every_character_is_tokenized_as_in_the_plain_implementation() -> None:
    characters = [
        chr(code)
        for code in (*range(0x20, 0x3000), *range(0x3041, 0x3100))
        if unicodedata.category(chr(code)) != "Cn"
    ]
    read = ngram_index.tokenize_words(pl.Series([f"a{character}b" for character in characters]))
    data = read.data.tobytes()
    different = [
        character
        for row, character in enumerate(characters)
        if data[
            read.token_offsets[read.text_offsets[row]] : read.token_offsets[
                read.text_offsets[row + 1]
            ]
        ].decode()
        != "".join(f"{token} " for token in plain_tokens(f"a{character}b"))
    ]
    assert different == []


def test_a_pattern_expands_to_each_file_once_and_no_folder(tmp_path: Path) -> None:
    one = write(tmp_path / "b" / "one.jsonl", [{"q": LONG}])
    two = write(tmp_path / "a.jsonl", [{"q": LONG}])
    pattern = str(tmp_path / "**")
    assert [str(path) for path in evaluation_sets.expand_patterns((one, pattern, one))] == [
        one,
        two,
    ]
