"""Measure precision and recall of near-duplicate removal on real posts, against the peers.

    python -m bench.quality.dedup [--data ../shared/data] [--jaccard 0.8] [--peers-python PATH]
                                  [--show 10]

The posts are the tweets, YouTube comments and Reddit and Stack Exchange sentences of ``plain/``,
each normalized text once: every system finds exact copies, which would hide the differences.
The truth is exact Jaccard similarity on shingles of two words, all pairs, by brute force.

* precision: of the dropped posts, the share with a kept post at the threshold or above;
* recall: of the posts that have an earlier one at the threshold + 0.05 or above, the share that
  are dropped or have only dropped ones of that kind.

The second table adds edited copies of a third of the posts, because few real posts are near the
threshold.

Every system gets the same texts, shingles of two words, the same bands and rows. The buckets are
tokens of the normalized post.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.peers import environment
from bench.peers.minhash import run_peer, write_posts
from bench.sample import read_distinct_posts
from corpus import dedup
from corpus.dedup import minhash, minhash_kernel
from corpus.dedup.normalize import normalize_to_series
from corpus.stages import BarrierInput, MeasuredPart
from corpus.tasks import array_store
from corpus.tasks.task import run_inline

BUCKETS = ((1, 4), (5, 9), (10, 19), (20, 10**9))
MARGIN = 0.05


class Truth(NamedTuple):
    """Pairs of posts at or above a similarity, in both directions.

    Post ``i`` has the posts ``others[starts[i] : starts[i + 1]]``.
    """

    starts: NDArray[np.int64]
    others: NDArray[np.int64]
    similar: NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.dedup", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--jaccard", type=float, nargs="+", default=[0.8, 0.7])
    parser.add_argument("--peers-python", type=Path, default=environment.PYTHON)
    parser.add_argument("--show", type=int, default=0, help="clusters to print")
    options = parser.parse_args(arguments)
    texts = read_distinct_posts(options.data / "plain")
    python = environment.find_interpreter(options.peers_python)
    for jaccard in options.jaccard:
        _table("as they are", texts, jaccard, python, options.show)
        _table("with edited copies", with_edited_copies(texts), jaccard, python, 0)


def with_edited_copies(texts: pl.Series, seed: int = 1) -> pl.Series:
    """Return the posts, followed by copies of a third of them with a few words changed.

    Words are replaced, added or removed, as people and bots do. Real posts have too few pairs near
    the threshold to show differences between systems, above all short posts.
    """
    chance = random.Random(seed)
    lines = texts.to_list()
    words = [word for line in lines[::50] for word in line.split()]
    copies = []
    for line in chance.sample(lines, len(lines) // 3):
        tokens = line.split()
        for _ in range(1 + (len(tokens) > 12) * chance.randrange(3)):
            at = chance.choice((0, len(tokens), chance.randrange(len(tokens) + 1)))
            do = chance.randrange(3)
            if do == 0:
                tokens.insert(at, chance.choice(words))
            elif len(tokens) > 1:
                tokens[at - 1 : at] = [chance.choice(words)] if do == 1 else []
        copies.append(" ".join(tokens))
    posts = pl.DataFrame({"text": lines + copies})
    posts = posts.with_columns(normalize_to_series(posts["text"]).alias("folded"))
    return posts.unique("folded", keep="first", maintain_order=True)["text"]


def _table(title: str, texts: pl.Series, jaccard: float, python: Path | None, show: int) -> None:
    config = dedup.Config(jaccard=jaccard, index=False)
    bands, rows = minhash.choose_bands(config)
    found = minhash.shingle_and_sign(texts, config)
    began = time.perf_counter()
    truth = find_similar_pairs(found.hashes, found.offsets, jaccard)
    seconds = time.perf_counter() - began
    pairs = int((truth.similar >= jaccard).sum()) // 2
    print(
        f"\n{title}: Jaccard {jaccard}, {bands} bands of {rows}; {len(texts):,} different folded "
        f"posts, {pairs:,} pairs by brute force in {seconds:.0f} s\n"
    )
    heads = [f" {low}-{high} |" if high < 10**9 else f" {low}+ |" for low, high in BUCKETS]
    print("| system | dropped | precision | recall |" + "".join(heads))
    print("| --- | ---: | ---: | ---: |" + " ---: |" * len(BUCKETS))
    kept, representatives = _ours(texts, config)
    named = [
        minhash_kernel.jaccard(found.hashes, found.offsets, int(representative), row)
        for row, representative in enumerate(representatives)
        if not kept[row]
    ]
    _row("ours", kept, truth, found.token_counts, jaccard)
    precision = np.mean(np.array(named) >= jaccard)
    print(f"| ours, with the representative it names | | {precision:.4f} | |" + " |" * len(BUCKETS))
    for name in ("datatrove", "datasketch", "rensa") if python else ():
        peer_kept = _peer(str(python), name, texts, jaccard, bands, rows)
        _row(name, peer_kept, truth, found.token_counts, jaccard)
    if show:
        _show(texts, kept, representatives, show)


def _ours(texts: pl.Series, config: dedup.Config) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which posts are kept, and the representative of each post."""
    posts = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts}).with_columns(
        created_at=pl.lit(None, pl.Datetime("us", "UTC")), score=pl.lit(None, pl.Int64)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        array_store.save_arrays(dedup.measure(posts, config), folder / "0")
        posts.write_parquet(folder / "0.parquet")
        part = MeasuredPart(
            folder / "0.parquet", folder / "0", folder / "verdict.parquet", folder / "runner-ups"
        )
        dedup.decide(BarrierInput([part], folder / "work", folder, run_inline), config)
        verdict = pl.read_parquet(part.verdict)
    kept = verdict["reject"].is_null().to_numpy()
    return kept, verdict["cluster"].cast(pl.Int64).to_numpy()


def _peer(
    python: str, name: str, texts: pl.Series, jaccard: float, bands: int, rows: int
) -> NDArray[np.bool_]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = write_posts(texts, Path(folder) / "posts.jsonl")
        answer = run_peer(python, name, file, Path(folder), jaccard, bands, rows)
    kept = np.zeros(len(texts), bool)
    kept[np.array(answer["kept"], np.int64) - 1] = True
    return kept


def _row(
    name: str,
    kept: NDArray[np.bool_],
    truth: Truth,
    tokens: NDArray[np.uint32],
    jaccard: float,
) -> None:
    right, wanted, missed = count_correct(kept, truth, jaccard)
    dropped = int((~kept).sum())
    cells = []
    for low, high in BUCKETS:
        inside = (tokens >= low) & (tokens <= high)
        count = int((wanted & inside).sum())
        cells.append(f"{1 - (missed & inside).sum() / count:.4f} of {count:,}" if count else "none")
    recall = 1 - missed.sum() / max(1, wanted.sum())
    row = [name, f"{dropped:,}", f"{right / max(1, dropped):.4f}", f"{recall:.4f}", *cells]
    print(f"| {' | '.join(row)} |", flush=True)


def count_correct(
    kept: NDArray[np.bool_], truth: Truth, jaccard: float
) -> tuple[int, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return how many posts were dropped correctly, and two masks of posts.

    The first mask has the posts with an earlier one that they should be dropped for, the second
    those of them that were missed.
    """
    count = kept.size
    post = np.repeat(np.arange(count), np.diff(truth.starts))
    other_kept = kept[truth.others]
    right = np.zeros(count, bool)
    right[post[other_kept & (truth.similar >= jaccard)]] = True
    close = (truth.similar >= jaccard + MARGIN - 1e-9) & (truth.others < post)
    wanted = np.zeros(count, bool)
    wanted[post[close]] = True
    missed = np.zeros(count, bool)
    missed[post[close & other_kept & kept[post]]] = True
    return int((right & ~kept).sum()), wanted, missed


def find_similar_pairs(
    hashes: NDArray[np.uint32], offsets: NDArray[np.int64], jaccard: float
) -> Truth:
    """Return all pairs at or above a similarity, by brute force.

    A pair is skipped if it cannot reach the similarity: by the sizes of its sets, or by the
    elements that a hash of 64 bits shows to be in one set alone.
    """
    left, right, similar = _find_similar_pairs(hashes, offsets, jaccard)
    post, other = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.lexsort((other, post))
    starts = np.searchsorted(post[order], np.arange(offsets.size))
    return Truth(starts, other[order], np.concatenate([similar, similar])[order])


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _find_similar_pairs(hashes, offsets, jaccard):  # type: ignore[no-untyped-def]
    count = offsets.size - 1
    size = np.diff(offsets)
    order = np.argsort(size)
    bits = np.zeros(count, np.uint64)
    for post in range(count):
        for at in range(offsets[post], offsets[post + 1]):
            bits[post] |= np.uint64(1) << np.uint64(hashes[at] >> np.uint32(26))
    left, right, similar = [0], [0], [0.0]
    for one in range(count):
        a = order[one]
        for two in range(one + 1, count):
            b = order[two]
            if size[a] < jaccard * size[b]:
                break
            least = jaccard / (1 + jaccard) * (size[a] + size[b])
            lone = bits[a] & ~bits[b]
            missing = 0
            while lone:
                lone &= lone - np.uint64(1)
                missing += 1
            if size[a] - missing < least - 1e-9:
                continue
            found = minhash_kernel.jaccard(hashes, offsets, a, b)
            if found >= jaccard:
                left.append(a)
                right.append(b)
                similar.append(found)
    return np.array(left[1:]), np.array(right[1:]), np.array(similar[1:])


def _show(
    texts: pl.Series, kept: NDArray[np.bool_], representatives: NDArray[np.int64], count: int
) -> None:
    """Print clusters: the post that is kept, and some that are dropped for it."""
    sizes = np.bincount(representatives, minlength=kept.size)
    for one in np.argsort(-sizes, kind="stable")[:count]:
        print(f"\nkept: {texts[int(one)]}")
        for row in np.flatnonzero((representatives == one) & ~kept)[:4]:
            print(f"   dropped: {texts[int(row)]}")


if __name__ == "__main__":
    main()
