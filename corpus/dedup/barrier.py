"""Keep one post of each cluster of duplicates: the same id, the same text, or nearly the same text.

Posts are compared in a normal form (see ``fold``); a kept post keeps its own text. Every candidate
that the LSH bands propose is verified by exact Jaccard similarity with the representative of its
cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup import (
    campaigns,
    candidates,
    clusters,
    dedup_index,
    listed_entries,
    output_texts,
)
from corpus.dedup.config import Config
from corpus.dedup.minhash import choose_bands, partition_band_keys, shingle_and_sign_bytes
from corpus.dedup.normalize import normalize_to_bytes
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import partition_keys
from corpus.privacy import keys, suppression
from corpus.privacy.pseudonyms import Pseudonymizer
from corpus.stages import BarrierInput
from corpus.storage.parquet_columns import read_present_columns
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.task import (
    Arrays,
    ArrayTask,
    ResumableTask,
    Written,
    numbered_folder,
    run_tasks,
)

READS = ("id", "text", "created_at", "score")
WRITES: dict[str, pl.DataType] = {"cluster": pl.String(), "cluster_size": pl.Int64()}
REASONS = clusters.REASONS
TURN_REASONS = ("exact_duplicate", "near_duplicate")

# A priority is a 64-bit number: the index of the source in ``prefer_sources``, then the value that
# ``keep`` compares. The smallest is preferred.
_MIN_PRIORITY, _MAX_PRIORITY = -(1 << 54), 1 << 54
_NEVER_SEEN = -(1 << 62)  # before every time that a post was recorded


def models(config: Config) -> list[Path]:
    """The index files of the corpora to compare with; PlanError if one is not comparable."""
    near = not config.exact_only
    scheme = config.scheme()
    return [
        dedup_index.find_compatible_index(folder, scheme, shingles=near)
        for folder in list_earlier_corpora(config)
    ]


def resolved(config: Config) -> Config:
    """The same settings with bands and rows chosen, so that the plan shows them."""
    bands, rows = (0, 0) if config.exact_only else choose_bands(config)
    return config.model_copy(update={"bands": bands, "rows": rows})


# --------------------------------------------------------------------------- one part


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """The arrays of a part: keys, shingles and numbers of each post, and no text."""
    from corpus.dedup import minhash_kernel
    from corpus.partition import key_kernel

    data, offsets = normalize_to_bytes(posts["text"], config.fold)
    is_repost = _mark_reposts(posts, config)
    ids = hash_strings(_select_ids(posts, is_repost))
    text_hashes = key_kernel.hash128(data, offsets)
    signed = shingle_and_sign_bytes(data, offsets, config)
    return {
        **partition_keys("ids", ids),
        **partition_keys("exact", text_hashes),
        **({} if config.exact_only else partition_band_keys(signed, config)),
        "priority": posts.select(_priority(posts, config)).to_series().to_numpy(),
        "is_repost": is_repost.to_numpy(),
        "version": _rank_versions(posts, is_repost),
        "sketch": minhash_kernel.sketch_signatures(signed.signatures),
        **campaigns.measure(posts, signed.token_counts),
        **({"text_hashes": text_hashes} if config.index or config.reserve else {}),
    }


def _select_ids(posts: pl.DataFrame, is_repost: pl.Series) -> pl.Series:
    """The ids that are compared: a repost has that of its original, so that both have one key."""
    original = posts["parent_id"] if is_repost.any() else posts["id"]
    return posts["id"].zip_with(~is_repost, original)


def _mark_reposts(posts: pl.DataFrame, config: Config) -> pl.Series:
    """A mask of the posts that repeat a post which they name in ``parent_id``."""
    if config.reposts == "by_text" or not {"kind", "parent_id"} <= set(posts.columns):
        return pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
    is_repost = (pl.col("kind") == "repost") & pl.col("parent_id").is_not_null()
    return posts.select(is_repost.fill_null(False)).to_series()


def _priority(posts: pl.DataFrame, config: Config) -> pl.Expr:
    """A number for each post; of duplicates the one with the smallest number is kept."""
    if config.keep == "longest":
        value = -pl.col("text").str.len_chars().cast(pl.Int64)
    elif config.keep == "best_score":
        value = -pl.col("score").clip(-_MAX_PRIORITY, _MAX_PRIORITY)
    else:
        value = pl.col("created_at").cast(pl.Int64)
    value = value.fill_null(_MAX_PRIORITY).clip(_MIN_PRIORITY, _MAX_PRIORITY)
    tier = pl.lit(len(config.prefer_sources), pl.Int64)
    for index, pattern in reversed(list(enumerate(config.prefer_sources))):
        index_value = pl.lit(index, pl.Int64)
        tier = pl.when(_is_from_source(posts, pattern)).then(index_value).otherwise(tier)
    if "_turn_reason" in posts.columns:
        is_turn = pl.col("_turn_reason").is_not_null()
        tier = pl.when(is_turn).then(pl.lit(candidates.TURN_TIER, pl.Int64)).otherwise(tier)
    return (value + tier * candidates.SOURCE_TIER).alias("priority")


def _rank_versions(posts: pl.DataFrame, is_repost: pl.Series) -> NDArray[np.int64]:
    """A number for each post; of copies with one id the one with the smallest was recorded last."""
    if "seen_at" not in posts.columns:
        return np.zeros(posts.height, np.int64)
    times = posts["seen_at"].zip_with(~is_repost, pl.Series([None], dtype=pl.Int64))
    return -times.fill_null(_NEVER_SEEN).to_numpy()


def _is_from_source(posts: pl.DataFrame, pattern: str) -> pl.Expr:
    """Whether a post's platform equals ``pattern``, or the name of its file matches it.

    A build gives several patterns, one a line: of the names that the output has.
    """
    matches = pl.lit(False)
    if "platform" in posts.columns:
        matches = matches | pl.col("platform").is_in(pattern.split("\n"))
    if "source_file" in posts.columns:
        files = posts["source_file"].unique().drop_nulls()
        patterns = pattern.split("\n")  # of a build: the names of files, one a line
        matching = [file for file in files if any(fnmatch(file, each) for each in patterns)]
        matches = matches | pl.col("source_file").is_in(matching)
    return matches


# --------------------------------------------------------------------------- all parts


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; return the facts about clusters for the manifest."""
    folder, run = inputs.work_dir, inputs.run
    earlier = _make_earlier_tasks(inputs, config)
    for _ in run(earlier, "measuring earlier corpora"):
        pass
    earlier_folders = [task.folder for task in earlier]
    near = None if config.exact_only else config.jaccard
    rewritten = _compare_rewritten_texts(inputs, config, earlier_folders) if earlier else None
    measures = [*earlier_folders, *(part.measures for part in inputs.parts)]
    if earlier:
        keying = [
            MeasureKeyedIds(part.posts, part.measures, inputs.key_path, config.model_dump_json())
            for part in inputs.parts
        ]
        run_tasks(run, keying, "measuring keyed ids")
    candidates.find_duplicates(
        folder / "all", measures, run, near, rewritten, keyed_ids=bool(earlier)
    )
    names = {field.name for field in fields(clusters.ClusterSettings)} - {"near"}
    return clusters.write_verdicts(
        folder / "all",
        [*(task.ids_file for task in earlier), *(part.posts for part in inputs.parts)],
        [part.verdict for part in inputs.parts],
        [part.runner_ups for part in inputs.parts],
        clusters.ClusterSettings(near=near is not None, **config.model_dump(include=names)),
        run,
    )


def _make_earlier_tasks(inputs: BarrierInput, config: Config) -> list[MeasureIndexPiece]:
    """The tasks of measuring the indexes of all earlier corpora."""
    suppressed = suppression.State(*inputs.suppressed) if inputs.suppressed else None
    folder, tasks = inputs.work_dir, list[MeasureIndexPiece]()
    for number, corpus in enumerate(list_earlier_corpora(config)):
        ids_file = None
        if suppressed:
            target = folder / "listed" / f"{number:06d}.parquet"
            finding = listed_entries.FindListedPosts(corpus, target, inputs.key_path, suppressed)
            run_tasks(inputs.run, [finding], "looking up the suppression list")
            ids_file = target
        tasks += [
            MeasureIndexPiece(
                path,
                numbered_folder(folder, "earlier", len(tasks) + index),
                inputs.key_path,
                config.model_dump_json(),
                suppressed,
                ids_file,
            )
            for index, path in enumerate(dedup_index.list_index_pieces(corpus))
        ]
    return tasks


def _compare_rewritten_texts(
    inputs: BarrierInput, config: Config, earlier_folders: list[Path]
) -> candidates.RewrittenTexts | None:
    """Compare the posts that later filters rewrite with the earlier corpora, by the new texts.

    The index of a corpus has the texts after redaction. None if no filter rewrites any.
    """
    chain = output_texts.select_text_stages(inputs.later_filters)
    folder = inputs.work_dir / "rewritten"
    measuring = [
        output_texts.MeasureRewrittenTexts(
            part.posts, folder, number, chain, inputs.key_path, config.model_dump_json()
        )
        for number, part in enumerate(inputs.parts if chain else ())
    ]
    counts = [
        facts["posts"] for facts in run_tasks(inputs.run, measuring, "measuring redacted texts")
    ]
    if not any(counts):
        return None
    folders = [task.folder for task in measuring]
    near = None if config.exact_only else config.jaccard
    compared = [*earlier_folders, *folders]
    candidates.find_duplicates(folder / "all", compared, inputs.run, near, keyed_ids=True)
    return candidates.RewrittenTexts(folder / "all", tuple(folders), len(earlier_folders))


def list_earlier_corpora(config: Config) -> list[Path]:
    """The folders of the finished corpora that posts are compared with."""
    return [Path(folder) for folder in config.against]


@dataclass(frozen=True)
class MeasureKeyedIds(ArrayTask):
    """Measure the ids of the posts of a part in keyed form, which an earlier corpus may have alone.

    Reads the posts. Writes the keys beside the other arrays of the part.
    """

    posts: Path
    folder: Path
    key_path: Path | str
    config: str

    @property
    def receipt(self) -> Path:
        """A receipt beside that of the other arrays."""
        return self.folder / "keyed-ids.json"

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The keys."""
        posts = read_present_columns(self.posts, ("id", "kind", "parent_id"))
        is_repost = _mark_reposts(posts, Config.model_validate_json(self.config))
        pseudonymizer = Pseudonymizer(keys.load_key(self.key_path), "keyed")
        ids = pseudonymizer.pseudonymize_ids(_select_ids(posts, is_repost))
        return partition_keys("keyed_ids", hash_strings(ids)), {}


@dataclass(frozen=True)
class MeasureIndexPiece(ResumableTask):
    """Measure the posts of a piece of an earlier corpus' index as if they were a part of this one.

    Reads the encrypted piece. Writes the arrays of :func:`measure` and the ids of the posts.
    """

    piece: Path
    folder: Path
    key: Path | str
    config: str
    suppressed: suppression.State | None = None
    listed_ids: Path | None = None  # what FindListedPosts wrote of the corpus

    @property
    def receipt(self) -> Path:
        """The receipt in the folder of the arrays."""
        return self.folder / "receipt.json"

    @property
    def ids_file(self) -> Path:
        """The file of the ids: the column ``id``."""
        return self.folder / "ids.parquet"

    def write(self) -> Written:
        """Write the arrays and the ids."""
        config = Config.model_validate_json(self.config)
        piece = dedup_index.load_piece(self.piece, keys.load_key(self.key))
        if self.suppressed and self.listed_ids:
            listed = suppression.load_state(self.key, self.suppressed)
            piece = listed_entries.drop_listed_entries(piece, listed, self.listed_ids)
        hashes = output_texts.TextHashes(
            piece.text_hashes, piece.shingle_hashes, np.diff(piece.shingle_offsets)
        )
        keyed = Pseudonymizer(keys.load_key(self.key), "keyed").pseudonymize_ids(piece.ids)
        arrays = output_texts.measure_hashes(keyed, hashes, config)
        files = array_store.save_arrays(arrays, self.folder)
        with atomic_write(self.ids_file) as temporary:
            piece.ids.to_frame("id").write_parquet(temporary)
        return Written([*files, self.ids_file])
