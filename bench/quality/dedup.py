"""Precision and recall of near-duplicate removal on real posts, beside the peers.

    python -m bench.quality.dedup [--data ../shared/data] [--jaccard 0.8] [--peers-python PATH] [--show 10]

The posts are the tweets, YouTube comments and Reddit and Stack Exchange sentences of ``plain/``,
folded, and each folded text once: exact copies are everybody's easy part and would hide the rest.
The truth is exact Jaccard similarity on shingles of two words, all pairs, brute force.

* precision: of the posts that leave, the share with a post that stays at the threshold or above;
* recall: of the posts that have an earlier one at the threshold + 0.05 or above, the share that
  leave or whose every such neighbour left.

The second table has edited copies of a third of the posts among them, for in so few posts hardly
two are near the threshold.

Every system gets the same texts, shingles of two words, the same bands and rows. The buckets are
tokens of the folded post.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.peers import environment
from corpus.dedup import barrier as dedup
from corpus.dedup import minhash_kernel
from corpus.dedup.normalize import normalize_to_series
from corpus.gathered import BarrierInput, run_inline
from corpus.tasks import array_store

FILES = ("gurez.10000", "ile.10000", "youtube_first_20000", "redd.tok.uniq", "stacko-src")
BUCKETS = ((1, 4), (5, 9), (10, 19), (20, 10**9))
MARGIN = 0.05


class Truth(NamedTuple):
    """Every pair of posts at or above a similarity, both ways: a post's are a slice."""

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
    texts = load_posts(options.data / "plain")
    python = environment.find_interpreter(options.peers_python)
    for jaccard in options.jaccard:
        _table("as they are", texts, jaccard, python, options.show)
        _table("with edited copies", with_edited_copies(texts), jaccard, python, 0)


def load_posts(folder: Path) -> pl.Series:
    """The real posts, each folded text once."""
    found: list[str] = []
    for name in FILES:
        lines = (folder / name).read_text(encoding="utf-8", errors="replace").split("\n")
        found += [line.strip() for line in lines if line.strip()]
    known = pl.DataFrame({"text": found}).with_columns(
        normalize_to_series(pl.Series(found)).alias("folded")
    )
    return known.unique("folded", keep="first", maintain_order=True)["text"]


def with_edited_copies(texts: pl.Series, seed: int = 1) -> pl.Series:
    """The posts and, behind them, copies of a third of them with a word or a few changed, added
    or left out, as people and bots do: real posts hold too few pairs near the threshold to tell
    systems apart, of short ones above all."""
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
    bands, rows = dedup.choose_bands(config)
    found = dedup.shingle_and_sign(texts, config)
    began = time.perf_counter()
    truth = find_similar_pairs(found.hashes, found.offsets, jaccard)
    seconds = time.perf_counter() - began
    pairs = int((truth.similar >= jaccard).sum()) // 2
    print(
        f"\n{title}: Jaccard {jaccard}, {bands} bands of {rows}; {len(texts):,} different folded "
        f"posts, {pairs:,} pairs by brute force in {seconds:.0f} s\n"
    )
    heads = [f" {low}-{high} |" if high < 10**9 else f" {low}+ |" for low, high in BUCKETS]
    print("| system | leave | precision | recall |" + "".join(heads))
    print("| --- | ---: | ---: | ---: |" + " ---: |" * len(BUCKETS))
    verdicts, keepers = _ours(texts, config)
    named = [
        minhash_kernel.jaccard(found.hashes, found.offsets, int(keeper), row)
        for row, keeper in enumerate(keepers)
        if not verdicts[row]
    ]
    _row("ours", verdicts, truth, found.token_counts, jaccard)
    print(f"| ours, with the very post it names | | {np.mean(np.array(named) >= jaccard):.4f} | |"
          + " |" * len(BUCKETS))  # fmt: skip
    for name in ("datatrove", "datasketch", "rensa") if python else ():
        kept = _peer(str(python), name, texts, jaccard, bands, rows)
        _row(name, kept, truth, found.token_counts, jaccard)
    if show:
        _show(texts, verdicts, keepers, show)


def _ours(texts: pl.Series, config: dedup.Config) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which posts stay, and which stays for each."""
    posts = pl.DataFrame({"id": [str(n) for n in range(len(texts))], "text": texts}).with_columns(
        created_at=pl.lit(None, pl.Datetime("us", "UTC")), score=pl.lit(None, pl.Int64)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        array_store.save_arrays(dedup.measure(posts, config), folder / "0")
        posts.write_parquet(folder / "0.parquet")
        parts, targets = [folder / "0.parquet"], [folder / "verdict.parquet"]
        gathered = BarrierInput([folder / "0"], parts, folder / "room", folder, run_inline, targets)
        verdict = pl.concat(pl.read_parquet(path) for path in dedup.decide(gathered, config))
    kept = verdict["reject"].is_null().to_numpy()
    return kept, verdict["cluster"].cast(pl.Int64).to_numpy()


def _peer(
    python: str, name: str, texts: pl.Series, jaccard: float, bands: int, rows: int
) -> NDArray[np.bool_]:
    with tempfile.TemporaryDirectory(prefix="eval-") as folder:
        file = write_posts(texts, Path(folder) / "posts.jsonl")
        answer = run_peer(python, name, file, Path(folder), jaccard, bands, rows)
    kept = np.zeros(len(texts), bool)
    kept[np.array(answer["kept"], np.int64) - 1] = True
    return kept


def write_posts(texts: pl.Series, target: Path, *, raw: bool = False) -> Path:
    """Write what ``bench/dedup_peers.py`` reads; ``raw``: shingles folded, but not the text."""
    with open(target, "w", encoding="utf-8") as file:
        for number, (text, own) in enumerate(zip(normalize_to_series(texts), texts, strict=True)):
            words = text.split(" ")
            shingles = [f"{a} {b}" for a, b in itertools.pairwise(words)] or [text]
            text = own if raw else text
            row = {"id": number + 1, "text": text, "shingles": shingles}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return target


def run_peer(
    python: str, name: str, file: Path, folder: Path, jaccard: float, bands: int, rows: int
) -> dict[str, Any]:
    """Run a peer in a process of its own; its answer."""
    script = Path(environment.__file__).with_name("dedup_peers.py")
    command = [python, str(script), name, str(file), str(folder)]
    done = subprocess.run(
        [*command, str(jaccard), str(bands), str(rows)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-1500:]}")
    answer: dict[str, Any] = json.loads((folder / "kept.json").read_text(encoding="utf-8"))
    return answer


def _row(
    name: str,
    kept: NDArray[np.bool_],
    truth: Truth,
    tokens: NDArray[np.uint32],
    jaccard: float,
) -> None:
    right, wanted, missed = count_correct(kept, truth, jaccard)
    leave = int((~kept).sum())
    cells = []
    for low, high in BUCKETS:
        inside = (tokens >= low) & (tokens <= high)
        count = int((wanted & inside).sum())
        cells.append(f"{1 - (missed & inside).sum() / count:.4f} of {count:,}" if count else "none")
    recall = 1 - missed.sum() / max(1, wanted.sum())
    print(f"| {name} | {leave:,} | {right / max(1, leave):.4f} | {recall:.4f} |"
          + "".join(f" {cell} |" for cell in cells), flush=True)  # fmt: skip


def count_correct(
    kept: NDArray[np.bool_], truth: Truth, jaccard: float
) -> tuple[int, NDArray[np.bool_], NDArray[np.bool_]]:
    """How many left rightly; which posts should have an answer; which of them have none."""
    count = kept.size
    post = np.repeat(np.arange(count), np.diff(truth.starts))
    stays = kept[truth.others]
    right = np.zeros(count, bool)
    right[post[stays & (truth.similar >= jaccard)]] = True
    close = (truth.similar >= jaccard + MARGIN - 1e-9) & (truth.others < post)
    wanted = np.zeros(count, bool)
    wanted[post[close]] = True
    missed = np.zeros(count, bool)
    missed[post[close & stays & kept[post]]] = True
    return int((right & ~kept).sum()), wanted, missed


def find_similar_pairs(
    hashes: NDArray[np.uint32], places: NDArray[np.int64], jaccard: float
) -> Truth:
    """All pairs at or above a similarity. What is passed over cannot reach it, by set sizes and
    by the count of elements that one has in 64 bits and the other has not."""
    left, right, similar = _find_similar_pairs(hashes, places, jaccard)
    post, other = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.lexsort((other, post))
    starts = np.searchsorted(post[order], np.arange(places.size))
    return Truth(starts, other[order], np.concatenate([similar, similar])[order])


@numba.njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _find_similar_pairs(hashes, places, jaccard):  # type: ignore[no-untyped-def]
    count = places.size - 1
    size = np.diff(places)
    order = np.argsort(size)
    bits = np.zeros(count, np.uint64)
    for post in range(count):
        for at in range(places[post], places[post + 1]):
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
            found = minhash_kernel.jaccard(hashes, places, a, b)
            if found >= jaccard:
                left.append(a)
                right.append(b)
                similar.append(found)
    return np.array(left[1:]), np.array(right[1:]), np.array(similar[1:])


def _show(
    texts: pl.Series, kept: NDArray[np.bool_], keepers: NDArray[np.int64], count: int
) -> None:
    """Print clusters: what stays, and what leaves for it."""
    sizes = np.bincount(keepers, minlength=kept.size)
    for keeper in np.argsort(-sizes, kind="stable")[:count]:
        print(f"\nstays: {texts[int(keeper)]}")
        for row in np.flatnonzero((keepers == keeper) & ~kept)[:4]:
            print(f"   left: {texts[int(row)]}")


if __name__ == "__main__":
    main()
