"""Hash posts by the texts that the corpus has, in which personal details are replaced already.

The index and the replacement copies of a corpus are stored, and whoever has the key can decrypt
them. A hash of a text before redaction would let them try out what was redacted: all telephone
numbers in seconds. So what is stored is computed from the texts after the last stage. A build that
is compared with an index rewrites its own posts in the same way, by the stages that its plan has
after ``dedup``, and compares the texts that change with the index too. What these stages wrote is
kept, so that none of them runs twice on a post.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus import stages
from corpus.dedup import campaigns
from corpus.dedup.config import Config
from corpus.dedup.minhash import ShinglesAndSignatures, partition_band_keys, sign_shingles
from corpus.dedup.normalize import normalize_to_bytes
from corpus.errors import BuildError
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import partition_keys
from corpus.privacy import keys
from corpus.storage.parquet_columns import read_present_columns
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.task import Arrays, ResumableTask, Written, numbered_folder
from filters import contract
from filters.contract import UNJUDGED

StageChain = tuple[tuple[str, str], ...]  # (stage name, its Config as JSON), in order

#: The columns besides ``text`` that decide how a text is rewritten.
_COLUMNS = ("id", "text", "platform", "mentions", "lang")
_EARLIER_CORPUS_PRIORITY = np.iinfo(np.int64).min


class TextHashes(NamedTuple):
    """What dedup compares of n texts."""

    text_hashes: NDArray[np.uint64]  # (n, 2)
    shingle_hashes: NDArray[np.uint32]  # flat; none if only whole texts are compared
    shingle_counts: NDArray[np.int64]  # (n,)


def hash_texts(texts: pl.Series, config: Config) -> TextHashes:
    """The hashes of ``texts``, as :func:`corpus.dedup.measure` computes them."""
    from corpus.dedup import minhash_kernel
    from corpus.partition import key_kernel

    data, offsets = normalize_to_bytes(texts, config.fold)
    text_hashes = key_kernel.hash128(data, offsets)
    if config.exact_only:
        return TextHashes(text_hashes, np.empty(0, np.uint32), np.zeros(len(texts), np.int64))
    width = config.shingle_chars or config.shingle_words
    hashes, starts, _ = minhash_kernel.hash_shingles(data, offsets, width, config.shingle_chars > 0)
    return TextHashes(text_hashes, hashes, np.diff(starts))


def replace_hashes(
    measured: TextHashes, before: pl.Series, after: pl.Series, config: Config
) -> TextHashes:
    """The hashes of the texts ``after``; ``measured`` has those of ``before``."""
    from corpus.dedup import candidates_kernel

    changed = np.flatnonzero((after != before).to_numpy())
    if not changed.size:
        return measured
    new = hash_texts(after.gather(changed), config)
    text_hashes = measured.text_hashes.copy()
    text_hashes[changed] = new.text_hashes
    rows = np.arange(len(before))
    rows[changed] = rows.size + np.arange(changed.size)
    counts = np.concatenate([measured.shingle_counts, new.shingle_counts])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    flat = np.concatenate([measured.shingle_hashes, new.shingle_hashes])
    return TextHashes(text_hashes, *candidates_kernel.gather_shingles(flat, offsets, rows))


def no_text(ids: pl.Series) -> TextHashes:
    """Hashes for posts whose texts are not compared: that of the id, and no shingle."""
    count = len(ids)
    return TextHashes(hash_strings(ids), np.empty(0, np.uint32), np.zeros(count, np.int64))


# --------------------------------------------------------------------------- the texts


def select_text_stages(chain: StageChain) -> StageChain:
    """The filters of a chain that may rewrite texts."""
    return tuple(stage for stage in chain if _rewrites_texts(*stage))


def _rewrites_texts(name: str, settings: str) -> bool:
    return not stages.is_barrier(name) and "text" in _list_written(name, settings)


def knows_texts(later_stages: StageChain) -> bool:
    """Whether the text of each post in the output depends on that post alone.

    ``later_stages`` are those after dedup. If ``conversations`` is one of them, and names are
    replaced in the documents, it depends on the rest of the document which names are found.
    """
    is_document = False
    for name, settings in later_stages:
        if is_document and name == "pii" and json.loads(settings).get("profile") == "strict":
            return False
        is_document |= stages.is_barrier(name) and stages.reshapes(name)
    return True


def read_posts(path: Path) -> pl.DataFrame:
    """The columns of a part that decide how its texts are rewritten."""
    return read_present_columns(path, _COLUMNS)


def rewrite_texts(posts: pl.DataFrame, chain: StageChain, key_path: Path | str) -> pl.Series:
    """The texts of ``posts`` after the filters of ``chain``."""
    for judged in _judge_texts(posts, chain, key_path):
        posts = judged
    return posts["text"].fill_null("")


def _judge_texts(
    posts: pl.DataFrame, chain: StageChain, key_path: Path | str
) -> Iterator[pl.DataFrame]:
    """The posts as each filter of ``chain`` returns them."""
    for name, settings in chain:
        try:
            judge = stages.build_filter(name, settings, partial(keys.load_key, key_path))
            posts = judge(posts.drop("reject", strict=False))
        except Exception as error:
            # The type only, and no chain: a library's message may quote the post.
            raise BuildError(
                f"dedup: {type(error).__name__} in stage '{name}', which rewrites the texts that "
                "are compared with earlier corpora"
            ) from None
        yield posts


# --------------------------------------------------------------------------- comparing them


def measure_hashes(ids: pl.Series, hashes: TextHashes, config: Config) -> Arrays:
    """The arrays of :func:`corpus.dedup.measure` for posts of which only the hashes are known.

    ``ids`` are keyed, as a corpus may have them in no other form. The priority is that of an
    earlier corpus: these posts represent all others.
    """
    from corpus.dedup import minhash_kernel

    count = len(hashes.text_hashes)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(hashes.shingle_counts)])
    signatures = sign_shingles(hashes.shingle_hashes, offsets, config)
    signed = ShinglesAndSignatures(
        hashes.shingle_hashes, offsets, np.zeros(count, np.uint32), signatures
    )
    rows = np.arange(len(ids))
    return {
        **partition_keys("keyed_ids", hash_strings(ids), rows),
        **partition_keys("exact", hashes.text_hashes),
        **({} if config.exact_only else partition_band_keys(signed, config)),
        "priority": np.full(count, _EARLIER_CORPUS_PRIORITY),
        "is_repost": np.zeros(count, bool),
        "version": np.zeros(count, np.int64),
        "sketch": minhash_kernel.sketch_signatures(signatures),
        **campaigns.empty_measures(count),
    }


@dataclass(frozen=True)
class MeasureRewrittenTexts(ResumableTask):
    """Measure the posts of a part whose texts the later stages would change, by the new texts.

    Reads the posts. Writes the arrays of :func:`corpus.dedup.measure`, without ids, and ``rows``,
    the rows of these posts in the part; and what each filter wrote of all posts of the part.
    """

    posts: Path
    work_dir: Path
    part: int
    chain: StageChain
    key_path: Path | str
    config: str

    @property
    def folder(self) -> Path:
        """The folder of the arrays."""
        return numbered_folder(self.work_dir, "texts", self.part)

    @property
    def receipt(self) -> Path:
        """The receipt in the folder of the arrays."""
        return self.folder / "receipt.json"

    def write(self) -> Written:
        """Write the arrays and the filters' columns; the fact is the number of these posts."""
        config = Config.model_validate_json(self.config)
        posts = read_posts(self.posts)
        after, files = posts["text"], []
        for number, judged in enumerate(_judge_texts(posts, self.chain, self.key_path)):
            columns = [*_list_written(*self.chain[number]), "reject"]
            columns += [UNJUDGED] if UNJUDGED in judged.columns else []
            files.append(self.folder / f"judged-{number}.parquet")
            with atomic_write(files[-1]) as temporary:
                judged.select(columns).write_parquet(
                    temporary, compression="zstd", compression_level=1
                )
            after = judged["text"]
        after = after.fill_null("")
        rows = np.flatnonzero((after != posts["text"].fill_null("")).to_numpy())
        hashes = hash_texts(after.gather(rows), config)
        arrays = measure_hashes(pl.Series([], dtype=pl.String), hashes, config)
        # Any post of an earlier corpus is preferred.
        own = {"priority": np.zeros(rows.size, np.int64), "rows": rows}
        files += array_store.save_arrays({**arrays, **own}, self.folder)
        return Written(files, {"posts": rows.size})


def find_judged(work_dir: Path, part: int, filters: StageChain) -> dict[int, Path]:
    """The files of what filters have written of a part, for those that see the same texts again.

    ``work_dir`` is that of the barrier, ``filters`` what runs on the part after it; the keys are
    indices in it. Empty if the posts were not compared by their rewritten texts.
    """
    folder = numbered_folder(work_dir / "rewritten", "texts", part)
    found: dict[int, Path] = {}
    for index, (name, settings) in enumerate(filters):
        columns = set(_list_written(name, settings))
        if "text" in columns:
            path = folder / f"judged-{len(found)}.parquet"
            if not path.exists() or not set(_list_read(name, settings)) <= set(_COLUMNS):
                break
            found[index] = path
        if columns & set(_COLUMNS) - {"text"}:
            break  # the later filters see other posts than when the texts were compared
    return found


def _list_read(name: str, settings: str) -> tuple[str, ...]:
    """The columns that a filter needs."""
    module = stages.find(name)
    return contract.reads(module, module.Config.model_validate_json(settings))


def _list_written(name: str, settings: str) -> list[str]:
    """The columns that a filter writes."""
    module = stages.find(name)
    return list(contract.writes(module, module.Config.model_validate_json(settings)))
