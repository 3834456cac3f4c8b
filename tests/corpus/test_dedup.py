"""Who duplicates whom: signatures, verification, short posts, who stays."""

from __future__ import annotations

import random
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import arrays, dedup, kernels

WIDE = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


def frame(texts: list[str], **columns: Any) -> pl.DataFrame:
    """Posts with ids 0, 1, 2 … written one day after another."""
    days = [datetime(2024, 1, 1, tzinfo=UTC).replace(day=1 + n % 28) for n in range(len(texts))]
    base = {
        "id": [str(n) for n in range(len(texts))],
        "text": texts,
        "created_at": days,
        "score": [0] * len(texts),
    }
    types = {"created_at": pl.Datetime("us", "UTC"), "score": pl.Int64(), "text": pl.String()}
    return pl.DataFrame(base | columns, schema_overrides=types)


def verdict(posts: pl.DataFrame, folder: Path, parts: int = 1, **config: Any) -> list[str]:
    """For each post: '' if it stays, else 'reason:id of the one that stays'."""
    chosen = dedup.Config(**config)
    size = -(-max(1, posts.height) // parts)
    folders = []
    for number in range(parts):
        folders.append(folder / f"{number}")
        arrays.save(dedup.measure(posts.slice(number * size, size), chosen), folders[-1])
    found = dedup.duplicates(folders, chosen)
    return [
        f"{dedup.REASONS[code]}:{posts['id'][int(keeper)]}" if code else ""
        for keeper, code in zip(found.keeper, found.reason, strict=True)
    ]


def reference_shingles(text: str, words: int = 2) -> list[bytes]:
    """The definition in plain Python: tokens between spaces, or one wide character each."""
    tokens = list(re.finditer(f"{WIDE}|(?:(?!{WIDE})[^ ])+", text))
    if len(tokens) <= words:
        return [text.encode()]
    return [
        text[tokens[n].start() : tokens[n + words - 1].end()].encode()
        for n in range(len(tokens) - words + 1)
    ]


def reference_signature(text: str) -> Any:
    sketch = MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=dedup.hash32)
    sketch.update_batch(reference_shingles(text))
    return sketch.hashvalues


def test_hash32_is_murmur3() -> None:
    known = {b"": 0, b"a": 0x3C2569B2, b"hello": 0x248BFA47, b"hello, world": 0x149BBB7F}
    assert {data: dedup.hash32(data) for data in known} == known


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=80))
def test_signatures_equal_datasketch_on_any_text(text: str) -> None:
    posts = frame([text])
    normal = posts.select(dedup.normalised(pl.col("text"))).item()
    found = dedup.signatures(posts, dedup.Config())
    assert np.array_equal(found[0], reference_signature(normal))


def test_signatures_equal_datasketch_on_words_and_scripts_without_spaces() -> None:
    texts = [
        "the quick brown fox jumps over the lazy dog again and again",
        "今日は天気がいいから散歩に行きましょう",
        "วันนี้อากาศดีมาก ไปเดินเล่นกันเถอะ",
        "mixed 東京 and words 大阪 here",
        "two words",
        "",
    ]
    found = dedup.signatures(frame(texts), dedup.Config())
    normal = frame(texts).select(dedup.normalised(pl.col("text"))).to_series()
    for row, text in zip(found, normal, strict=True):
        assert np.array_equal(row, reference_signature(text))


def test_signatures_equal_datasketch_on_real_posts(shared: Path) -> None:
    lines = (shared / "plain" / "gurez.10000").read_text(errors="replace").split("\n")[::97]
    found = dedup.signatures(frame(lines), dedup.Config())
    normal = frame(lines).select(dedup.normalised(pl.col("text"))).to_series()
    for row, text in zip(found, normal, strict=True):
        assert np.array_equal(row, reference_signature(text))


def test_what_is_folded_for_comparison() -> None:
    same = [
        "RT @joe: Look at THIS  great thing!! https://t.co/abc",
        "look at this great #thing 😀 https://example.org/other?x=1",
        "Look at this, @ann.b great thing…",
    ]
    normal = frame(same).select(dedup.normalised(pl.col("text"))).to_series().to_list()
    assert normal == ["look at this great thing"] * 3


def test_what_carries_meaning_is_not_folded() -> None:
    texts = ["I love C++", "I love C#", "2 > 1", "2 < 1", "joe@example.org", "5 $", "5 €"]
    normal = frame(texts).select(dedup.normalised(pl.col("text"))).to_series().to_list()
    assert len(set(normal)) == len(texts)


def test_a_post_of_which_nothing_is_left_is_compared_as_it_stands(tmp_path: Path) -> None:
    posts = frame(["😀😀", "😀😀", "🎉", "https://a.example/1", "https://a.example/2", "", ""])
    assert verdict(posts, tmp_path) == [
        "",
        "exact_duplicate:0",
        "",
        "",
        "",
        "",
        "exact_duplicate:5",
    ]


def test_posts_of_three_words_are_compared(tmp_path: Path) -> None:
    posts = frame(["good morning all", "Good morning, all!", "good evening all", "same"])
    assert verdict(posts, tmp_path) == ["", "exact_duplicate:0", "", ""]


LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
LONG += "sixteen seventeen eighteen nineteen twenty and some more words to make it rather long"


def test_a_near_duplicate_leaves_and_a_cousin_stays(tmp_path: Path) -> None:
    posts = frame([LONG, LONG + " indeed", LONG.replace("five", "v").replace("ten", "x")])
    assert verdict(posts, tmp_path) == ["", "near_duplicate:0", ""]


def test_exact_only_keeps_near_duplicates(tmp_path: Path) -> None:
    posts = frame([LONG, LONG + " indeed", LONG.upper()])
    assert verdict(posts, tmp_path, exact_only=True) == ["", "", "exact_duplicate:0"]


def test_the_same_id_leaves_first(tmp_path: Path) -> None:
    posts = frame(["first text here", "other text there"], id=["7", "7"])
    assert verdict(posts, tmp_path) == ["", "same_id:7"]


@pytest.mark.parametrize(("keep", "stays"), [("earliest", 1), ("longest", 2), ("best_score", 0)])
def test_which_copy_stays_is_a_policy(tmp_path: Path, keep: str, stays: int) -> None:
    posts = frame(
        [LONG, LONG, LONG + " !!!"],
        created_at=[datetime(2024, 1, day, tzinfo=UTC) for day in (2, 1, 3)],
        score=[9, None, 3],
    )
    found = verdict(posts, tmp_path, keep=keep)
    assert [n for n, why in enumerate(found) if not why] == [stays]


def test_ties_go_to_the_post_read_first_and_missing_times_come_last(tmp_path: Path) -> None:
    same = datetime(2024, 1, 1, tzinfo=UTC)
    posts = frame([LONG] * 3, created_at=[None, same, same])
    assert verdict(posts, tmp_path) == ["exact_duplicate:1", "", "exact_duplicate:1"]


def test_a_chain_of_small_changes_does_not_swallow_unlike_posts(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(60)]
    texts = []
    for step in range(12):  # each text changes three words of the one before
        for at in range(3):
            words[step * 5 + at] = f"x{step}{at}"
        texts.append(" ".join(words))
    posts = frame(texts)
    found = verdict(posts, tmp_path, jaccard=0.75)
    hashes, places = kernels.shingles(*arrays.flat(posts["text"]), 2)
    for row, why in enumerate(found):
        if why:
            keeper = int(why.split(":")[1])
            assert found[keeper] == ""
            assert kernels.jaccard(hashes, places, keeper, row) >= 0.75
    assert sum(not why for why in found) >= 3


def noisy_posts(count: int = 900) -> list[str]:
    chance = random.Random(5)
    words = [f"word{n}" for n in range(300)]
    texts: list[str] = []
    for _ in range(count):
        if texts and chance.random() < 0.4:
            tokens = chance.choice(texts).split()
            tokens[chance.randrange(len(tokens))] = chance.choice(words)
            texts.append(" ".join(tokens))
        else:
            texts.append(" ".join(chance.choices(words, k=chance.choice([2, 4, 9, 20, 40]))))
    return texts


def test_against_brute_force_every_drop_is_right_and_few_are_missed(tmp_path: Path) -> None:
    posts = frame(noisy_posts())
    found = verdict(posts, tmp_path)
    hashes, places = kernels.shingles(*arrays.flat(posts["text"]), 2)
    kept = [n for n, why in enumerate(found) if not why]
    for row, why in enumerate(found):
        if why:  # precision: the very post it is said to duplicate is similar enough
            assert kernels.jaccard(hashes, places, int(why.split(":")[1]), row) >= 0.8
    close = [
        (a, b)
        for n, a in enumerate(kept)
        for b in kept[n + 1 :]
        if kernels.jaccard(hashes, places, a, b) >= 0.85
    ]
    dropped = len(found) - len(kept)
    assert dropped > 50
    assert len(close) <= dropped // 50


def test_the_cut_into_parts_changes_nothing(tmp_path: Path) -> None:
    posts = frame(noisy_posts())
    assert verdict(posts, tmp_path / "a", parts=1) == verdict(posts, tmp_path / "b", parts=7)


def test_no_posts_and_one_post(tmp_path: Path) -> None:
    assert verdict(frame([]), tmp_path / "none") == []
    assert verdict(frame(["hello there"]), tmp_path / "one") == [""]


def test_a_crowd_of_equal_posts_is_no_trouble(tmp_path: Path) -> None:
    found = verdict(frame(["buy now, cheap cheap"] * 50_000), tmp_path)
    assert found.count("") == 1


def test_bands_and_rows_are_those_of_datasketch_s_optimiser() -> None:
    from datasketch.lsh import _optimal_param

    config = dedup.Config(jaccard=0.7, permutations=64, miss_weight=0.9)
    assert dedup.bands_and_rows(config) == _optimal_param(0.7, 64, 1 - 0.9, 0.9)


def test_a_verdict_names_the_cluster_and_the_reason() -> None:
    ids = pl.Series("id", ["a", "a", "c"])
    rows = dedup.verdict_frame(ids, np.array([2, 2, 1]), np.array([0, 2, 0], np.uint8))
    assert rows.rows() == [("a", 2, None), ("a", 2, "exact_duplicate"), ("c", 1, None)]


def test_of_a_post_and_its_reposts_the_post_stays_or_else_one_repost() -> None:
    posts = pl.DataFrame(
        {
            "id": ["r1", "o", "r2", "r3", "r4"],
            "kind": ["repost", "post", "repost", "repost", "repost"],
            "parent_id": ["o", None, "o", "gone", "gone"],
            "text": [
                "RT @ann: the kettle sings in the morn…",
                "the kettle sings in the morning and again at night",
                "entirely other words about it",
                "RT @bob: a boat",
                "bob's boat, as others would put it",
            ],
            "created_at": [None] * 5,
            "score": [9, 0, 7, 1, 8],
        },
        schema_overrides={"created_at": pl.Datetime("us", "UTC")},
    )
    for size in (1, 2, 5):
        folders = []
        config = dedup.Config(keep="best_score")
        with tempfile.TemporaryDirectory() as folder:
            for number in range(-(-5 // size)):
                folders.append(Path(folder) / str(number))
                part = posts.slice(number * size, size)
                arrays.save(dedup.measure(part, config), folders[-1])
            found = dedup.duplicates(folders, config)
        reasons = [dedup.REASONS[code] for code in found.reason]
        assert reasons == ["repost", "", "repost", "repost", ""]
        assert found.keeper.tolist() == [1, 1, 1, 4, 4]
    assert not dedup.measure(posts, dedup.Config(reposts="by_text"))["reposts"].any()
