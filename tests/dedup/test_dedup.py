"""Duplicates: signatures, verification, short posts, and which copy is kept."""

from __future__ import annotations

import json
import random
import re
import string
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import dedup
from corpus.dedup import candidates, clusters, minhash, minhash_kernel, normalize
from corpus.partition import partitions
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import run_inline
from tests.support.examples import examples

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


def decide_verdicts(
    posts: pl.DataFrame, folder: Path, parts: int = 1, **config: Any
) -> pl.DataFrame:
    """The verdicts on all posts, which are divided into parts."""
    chosen = dedup.Config(**{"index": False} | config)
    size = -(-max(1, posts.height) // parts)
    folders, files = [], []
    for number in range(parts):
        part = posts.slice(number * size, size)
        folders.append(folder / f"{number}")
        array_store.save_arrays(dedup.measure(part, chosen), folders[-1])
        files.append(folder / f"{number}.parquet")
        part.write_parquet(files[-1])
    measured = [
        MeasuredPart(
            posts,
            measures,
            folder / f"{number}.verdict.parquet",
            folder / "work" / "runner-ups" / f"{number:06d}",
        )
        for number, (posts, measures) in enumerate(zip(files, folders, strict=True))
    ]
    inputs = BarrierInput(measured, folder / "work", folder / "key", run_inline)
    facts = dedup.decide(inputs, chosen)
    (folder / "facts.json").write_text(json.dumps(facts))
    return pl.concat(pl.read_parquet(part.verdict) for part in measured)


def decide_reasons(posts: pl.DataFrame, folder: Path, parts: int = 1, **config: Any) -> list[str]:
    """For each post: '' if it is kept, else 'reason:id of its representative'."""
    found = decide_verdicts(posts, folder, parts, **config)
    return [
        f"{reason}:{cluster}" if reason else ""
        for cluster, reason in found.select("cluster", "reject").iter_rows()
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


@settings(max_examples=examples(200))
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=80))
def test_signatures_equal_datasketch_on_any_text(text: str) -> None:
    posts = frame([text])
    normal = normalize.normalize_to_series(posts["text"]).item()
    found = minhash.compute_signatures(posts, dedup.Config())
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
    found = minhash.compute_signatures(frame(texts), dedup.Config())
    normal = normalize.normalize_to_series(frame(texts)["text"])
    for row, text in zip(found, normal, strict=True):
        assert np.array_equal(row, reference_signature(text))


def test_signatures_equal_datasketch_on_real_posts(shared: Path) -> None:
    lines = (shared / "plain" / "gurez.10000").read_text(errors="replace").split("\n")[::97]
    found = minhash.compute_signatures(frame(lines), dedup.Config())
    normal = normalize.normalize_to_series(frame(lines)["text"])
    for row, text in zip(found, normal, strict=True):
        assert np.array_equal(row, reference_signature(text))


def test_a_post_that_would_normalize_to_nothing_is_compared_by_all_its_characters(
    tmp_path: Path,
) -> None:
    posts = frame(["😀😀", "😀😀", "🎉", "https://a.example/1", "https://a.example/2", "", ""])
    assert decide_reasons(posts, tmp_path) == [
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
    assert decide_reasons(posts, tmp_path) == ["", "exact_duplicate:0", "", ""]


LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
LONG += "sixteen seventeen eighteen nineteen twenty and some more words to make it rather long"


def test_a_near_duplicate_is_dropped_and_a_less_similar_post_is_kept(tmp_path: Path) -> None:
    posts = frame([LONG, LONG + " indeed", LONG.replace("five", "v").replace("ten", "x")])
    assert decide_reasons(posts, tmp_path) == ["", "near_duplicate:0", ""]


def test_exact_only_keeps_near_duplicates(tmp_path: Path) -> None:
    posts = frame([LONG, LONG + " indeed", LONG.upper()])
    assert decide_reasons(posts, tmp_path, exact_only=True) == ["", "", "exact_duplicate:0"]


def test_posts_with_the_same_id_are_dropped_before_texts_are_compared(tmp_path: Path) -> None:
    posts = frame(["first text here", "other text there"], id=["7", "7"])
    assert decide_reasons(posts, tmp_path) == ["", "same_id:7"]


@pytest.mark.parametrize(("keep", "kept"), [("earliest", 1), ("longest", 2), ("best_score", 0)])
def test_which_copy_is_kept_is_a_setting(tmp_path: Path, keep: str, kept: int) -> None:
    posts = frame(
        [LONG, LONG, LONG + " !!!"],
        created_at=[datetime(2024, 1, day, tzinfo=UTC) for day in (2, 1, 3)],
        score=[9, None, 3],
    )
    found = decide_reasons(posts, tmp_path, keep=keep)
    assert [n for n, why in enumerate(found) if not why] == [kept]


def test_of_equals_the_post_read_first_is_kept_and_missing_times_are_last(tmp_path: Path) -> None:
    same = datetime(2024, 1, 1, tzinfo=UTC)
    posts = frame([LONG] * 3, created_at=[None, same, same])
    assert decide_reasons(posts, tmp_path) == ["exact_duplicate:1", "", "exact_duplicate:1"]


def test_a_chain_of_small_changes_does_not_join_posts_that_differ(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(60)]
    texts = []
    for step in range(12):  # each text changes three words of the one before
        for at in range(3):
            words[step * 5 + at] = f"x{step}{at}"
        texts.append(" ".join(words))
    posts = frame(texts)
    found = decide_reasons(posts, tmp_path, jaccard=0.75)
    hashes, offsets, _ = minhash_kernel.hash_shingles(
        *array_store.flatten_strings(posts["text"]), 2, False
    )
    for row, why in enumerate(found):
        if why:
            representative = int(why.split(":")[1])
            assert found[representative] == ""
            assert minhash_kernel.jaccard(hashes, offsets, representative, row) >= 0.75
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
    found = decide_reasons(posts, tmp_path)
    hashes, offsets, _ = minhash_kernel.hash_shingles(
        *array_store.flatten_strings(posts["text"]), 2, False
    )
    kept = [n for n, why in enumerate(found) if not why]
    for row, why in enumerate(found):
        if why:  # precision: its representative is similar enough
            assert minhash_kernel.jaccard(hashes, offsets, int(why.split(":")[1]), row) >= 0.8
    close = [
        (a, b)
        for n, a in enumerate(kept)
        for b in kept[n + 1 :]
        if minhash_kernel.jaccard(hashes, offsets, a, b) >= 0.85
    ]
    dropped = len(found) - len(kept)
    assert dropped > 50
    assert len(close) <= dropped // 50


def test_the_division_into_parts_changes_nothing(tmp_path: Path) -> None:
    posts = frame(noisy_posts())
    assert decide_reasons(posts, tmp_path / "a", parts=1) == decide_reasons(
        posts, tmp_path / "b", parts=7
    )


def test_no_posts_and_one_post(tmp_path: Path) -> None:
    assert decide_reasons(frame([]), tmp_path / "none") == []
    assert decide_reasons(frame(["hello there"]), tmp_path / "one") == [""]


def test_many_equal_posts_are_one_cluster(tmp_path: Path) -> None:
    found = decide_reasons(frame(["buy now, cheap cheap"] * 50_000), tmp_path)
    assert found.count("") == 1


@pytest.mark.parametrize("count", [1, 7, 64, 128, 513])
def test_permutations_are_those_that_datasketch_draws(count: int) -> None:
    a, b = MinHash(num_perm=count, seed=1, scheme="affine32").permutations
    own_a, own_b = minhash.affine_permutations(count)
    assert own_a.dtype == own_b.dtype == np.uint32
    assert (own_a.tolist(), own_b.tolist()) == (a.tolist(), b.tolist())


@pytest.mark.parametrize(
    ("jaccard", "permutations", "miss_weight"),
    [(0.7, 64, 0.9), (0.8, 128, 0.99), (0.05, 16, 0.5), (0.999, 100, 0.1), (1.0, 17, 0.9)],
)
def test_bands_and_rows_are_those_of_datasketch_s_optimizer(
    jaccard: float, permutations: int, miss_weight: float
) -> None:
    from datasketch.lsh import _optimal_param

    config = dedup.Config(jaccard=jaccard, permutations=permutations, miss_weight=miss_weight)
    expected = _optimal_param(jaccard, permutations, 1 - miss_weight, miss_weight)
    assert minhash.choose_bands(config) == expected


def test_a_verdict_names_the_cluster_and_the_reason() -> None:
    ids = pl.Series("id", ["a", "a", "c"])
    rows = clusters.make_cluster_verdict_frame(
        ids, np.array([2, 2, 1]), np.array([0, 2, 0], np.uint8)
    )
    assert rows.rows() == [("a", 2, None), ("a", 2, "exact_duplicate"), ("c", 1, None)]


def test_of_a_post_and_its_reposts_the_post_is_kept_or_else_one_repost() -> None:
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
    for parts in (1, 3, 5):
        with tempfile.TemporaryDirectory() as folder:
            found = decide_reasons(posts, Path(folder), parts, keep="best_score")
        assert found == ["repost:o", "", "repost:o", "repost:r4", ""]
    assert not dedup.measure(posts, dedup.Config(reposts="by_text"))["is_repost"].any()


def test_any_division_into_ranges_blocks_and_batches_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = frame(noisy_posts(2_000))
    plain = decide_verdicts(posts, tmp_path / "a")
    assert plain["reject"].value_counts().sort("reject")["count"].to_list()[-1] > 100
    monkeypatch.setattr(partitions, "RANGE_KEYS", 800)
    monkeypatch.setattr(partitions, "BLOCK_POSTS", 300)
    monkeypatch.setattr(candidates, "BATCH_BYTES", 5_000)
    assert decide_verdicts(posts, tmp_path / "b", parts=9).equals(plain)
    assert len(list((tmp_path / "b" / "work" / "all" / "verified").iterdir())) > 3
    assert len(list((tmp_path / "b" / "work" / "all").glob("bands-*"))) > 3


def test_tasks_that_are_done_are_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = frame(noisy_posts(300))
    first = decide_verdicts(posts, tmp_path)

    def refuse(task: object) -> None:
        raise AssertionError("done twice")

    for kind in (
        candidates.MatchEqualKeys,
        candidates.ProposeCandidates,
        candidates.VerifyCandidates,
    ):
        monkeypatch.setattr(kind, "compute", refuse)
    assert decide_verdicts(posts, tmp_path).equals(first)


def test_max_cluster_keeps_the_preferred_copies(tmp_path: Path) -> None:
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (4, 1, 3, 2, 5)]
    posts = frame([LONG, LONG, LONG + " indeed", LONG, "other"], created_at=days)
    found = decide_verdicts(posts, tmp_path, max_cluster=2)
    assert found["reject"].to_list() == ["exact_duplicate", None, "near_duplicate", None, None]
    assert found["cluster"].to_list() == ["1", "1", "1", "1", "4"]
    assert found["cluster_size"].to_list() == [4, 4, 4, 4, 1]


def test_a_post_is_never_kept_twice_whatever_max_cluster_is(tmp_path: Path) -> None:
    posts = frame([LONG, LONG, LONG], id=["a", "a", "b"])
    assert decide_reasons(posts, tmp_path, max_cluster=9) == ["", "same_id:a", ""]


def test_a_copy_from_a_preferred_source_is_kept(tmp_path: Path) -> None:
    posts = frame(
        [LONG, LONG, LONG, "one", "one"],
        platform=["x", "reddit", "x", "x", "x"],
        source_file=["a/1.json", "b/2.zst", "good/3.json", "a/1.json", "good/3.json"],
    )
    chosen = {"prefer_sources": ["good/*", "reddit"]}
    found = decide_reasons(posts, tmp_path, **chosen)
    assert [n for n, why in enumerate(found) if not why] == [2, 4]


def test_texts_without_spaces_are_compared_too(tmp_path: Path) -> None:
    chinese = "今天天气很好我们一起去公园散步吧然后吃一顿好吃的晚饭再回家看电影怎么样朋友们"
    posts = frame([chinese, chinese + "呢", "完全不同的一句话没有任何关系"])
    assert decide_reasons(posts, tmp_path) == ["", "near_duplicate:0", ""]


def test_with_shingles_of_characters_a_changed_letter_is_a_small_difference(tmp_path: Path) -> None:
    posts = frame(["the kettle sings in the morning light", "the kettle sings in the mornin light"])
    assert decide_reasons(posts, tmp_path / "words") == ["", ""]
    assert decide_reasons(posts, tmp_path / "chars", shingle_chars=3) == ["", "near_duplicate:0"]


@settings(max_examples=examples(60))
@given(st.text(max_size=60), st.integers(1, 6))
def test_shingles_of_characters_are_those_of_datasketch(text: str, width: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    normal = normalize.normalize_to_series(pl.Series([text])).item()
    pieces = [normal[at : at + width] for at in range(max(1, len(normal) - width + 1))]
    sketch = MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=dedup.hash32)
    sketch.update_batch([piece.encode() for piece in pieces])
    found = minhash.compute_signatures(frame([text]), dedup.Config(shingle_chars=width))
    assert np.array_equal(found[0], sketch.hashvalues)


def campaign(count: int, authors: int, hours: float, text: str = LONG) -> pl.DataFrame:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    step = timedelta(hours=hours) / count
    return frame(
        [f"{text} #{n % 3}" for n in range(count)],
        platform=["x"] * count,
        author=[f"a{n % authors}" for n in range(count)],
        created_at=[begin + step * n for n in range(count)],
    )


@pytest.mark.parametrize(
    ("posts", "reason"),
    [
        (campaign(30, 10, 2), "campaign"),
        (campaign(30, 2, 2), "exact_duplicate"),  # two people who repeat themselves
        (campaign(30, 10, 900), "exact_duplicate"),  # a saying, over the months
        (campaign(30, 10, 2, "good morning to you"), "exact_duplicate"),
        (campaign(30, 10, 2, "RT @ann: " + LONG), "exact_duplicate"),  # carried on, with credit
    ],
)
def test_a_campaign_is_one_text_of_many_authors_in_a_short_time(
    tmp_path: Path, posts: pl.DataFrame, reason: str
) -> None:
    found = decide_verdicts(posts, tmp_path, campaign_posts=20, campaign_authors=5)
    left = found["reject"].drop_nulls().to_list()
    assert set(left) - {"near_duplicate"} == {reason}
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert len(facts["campaigns"]) == (reason == "campaign")
    if reason == "campaign":
        assert facts["campaigns"] == [
            {"cluster": "0", "posts": 30, "authors": 10, "first": "2024-01-01T00:00:00Z"}
        ]


def test_drop_campaigns_drops_the_first_post_of_a_campaign_too(tmp_path: Path) -> None:
    posts = campaign(30, 10, 2)
    chosen = {"campaign_posts": 20, "campaign_authors": 5}
    assert decide_reasons(posts, tmp_path / "a", **chosen).count("") == 1
    assert decide_reasons(posts, tmp_path / "b", **chosen, drop_campaigns=True).count("") == 0


def test_the_facts_count_clusters_and_list_the_largest(tmp_path: Path) -> None:
    decide_verdicts(frame([LONG] * 5 + ["one", "one", "two"]), tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["clusters"] == 2
    assert facts["clusters_by_size"] == {"2-3": 1, "4-7": 1}
    assert facts["largest"][0] == {"cluster": "0", "size": 5, "earlier": False}


def test_strange_input_is_no_error(tmp_path: Path) -> None:
    huge = "a stitch in time saves nine, they say and say again " * 20_000
    texts = ["", " ", "x", "😀" * 5_000, "😀" * 5_000, huge, huge + "so", None, "\0", "é" * 100_000]
    found = decide_reasons(frame(texts), tmp_path)
    assert found[4] == "exact_duplicate:3"
    assert found[6] == "near_duplicate:5"


def test_a_bucket_of_different_posts_has_a_bounded_number_of_leaders(tmp_path: Path) -> None:
    # One band, one row, and texts with the same smallest hash: every post in one bucket.
    chance = random.Random(1)
    texts = [
        " ".join(["same start"] * 1 + chance.choices(string.ascii_lowercase, k=9))
        for _ in range(20_000)
    ]
    config = {"bands": 1, "rows": 1, "permutations": 16, "jaccard": 0.9}
    assert len(decide_reasons(frame(texts), tmp_path, **config)) == 20_000


def test_bands_and_rows_can_be_given_and_are_shown_in_the_plan() -> None:
    chosen = dedup.resolved(dedup.Config())
    assert (chosen.bands, chosen.rows) == minhash.choose_bands(dedup.Config())
    assert dedup.resolved(chosen) == chosen
    given = dedup.Config(bands=20, rows=5)
    assert minhash.choose_bands(given) == (20, 5)
    assert dedup.resolved(given) == given


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 5}, "go together"),
        ({"bands": 30, "rows": 5}, "need 150 permutations"),
        ({"fold": ["cases"]}, "unknown fold 'cases'"),
    ],
)
def test_contradictory_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dedup.Config(**settings)
