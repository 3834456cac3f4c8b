"""Keep one post of each group that says the same: by id, by exact text, then nearly.

Posts are compared in a folded form only (see ``fold``); what is kept keeps its own text.
Signatures equal datasketch 2.x ``MinHash(num_perm, scheme="affine32", hashfunc=hash32)`` bit for
bit. Every candidate that the LSH bands propose is verified by exact Jaccard similarity on
shingles with the post that stays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from corpus.dedup import campaigns, candidates, clusters, dedup_index
from corpus.dedup.normalize import FOLDS, normalize_to_bytes
from corpus.partition import partitions
from corpus.partition.hashing import hash_strings
from corpus.privacy import keys
from corpus.stages import BarrierInput
from corpus.tasks import array_store
from corpus.tasks.files import atomic_write
from corpus.tasks.receipts import load_receipt, save_receipt
from filters.contract import FilterConfig

READS = ("id", "text", "created_at", "score")
WRITES: dict[str, pl.DataType] = {"cluster": pl.String(), "cluster_size": pl.Int64()}
VERSION = 3

# Preferences are 64-bit numbers: the place in ``prefer_sources``, then what ``keep`` asks for.
_SOURCE_TIER = 1 << 56
_MIN_PRIORITY, _MAX_PRIORITY = -(1 << 54), 1 << 54
_EARLIER_CORPUS_PRIORITY = np.iinfo(np.int64).min


class Config(FilterConfig):
    """What counts as the same post, and which copy stays."""

    jaccard: float = Field(0.8, gt=0, le=1, description="similarity from which a post leaves")
    shingle_words: int = Field(2, ge=1, le=20, description="words to a shingle")
    shingle_chars: int = Field(
        0, ge=0, le=50, description="characters to a shingle instead of words, if not 0"
    )
    fold: tuple[str, ...] = Field(
        FOLDS, description="what of a post's writing does not count when it is compared"
    )
    permutations: int = Field(128, ge=16, le=1024, description="length of a signature")
    miss_weight: float = Field(
        0.99, gt=0, lt=1, description="how much a missed pair weighs in choosing bands and rows"
    )
    bands: int = Field(0, ge=0, le=512, description="bands of a signature; 0: chosen")
    rows: int = Field(0, ge=0, le=512, description="signature values to a band; 0: chosen")
    keep: Literal["earliest", "longest", "best_score"] = Field(
        "earliest", description="which copy stays; ties go to the one read first"
    )
    prefer_sources: tuple[str, ...] = Field(
        (),
        max_length=60,
        description="platforms or patterns of file names, the best first: a copy from an earlier "
        "one stays, whatever 'keep' says",
    )
    max_cluster: int = Field(
        1, ge=1, description="how many copies stay of texts that are the same, or nearly"
    )
    reposts: Literal["once", "by_text"] = Field(
        "once",
        description="once: of a post and all its reposts one stays, the post itself if it is "
        "there; by_text: a repost is a post like any other",
    )
    exact_only: bool = Field(False, description="compare whole folded texts only")
    campaign_posts: int = Field(
        50,
        ge=2,
        description="copies of one text within 'campaign_hours' that make a campaign: reason "
        "'campaign', and a table in the manifest",
    )
    campaign_authors: int = Field(20, ge=1, description="authors that a campaign has at least")
    campaign_hours: float = Field(24, gt=0, description="how long a campaign takes at most")
    campaign_words: int = Field(
        8, ge=1, description="words of a text from which many copies are no coincidence"
    )
    drop_campaigns: bool = Field(False, description="let the first post of a campaign go too")
    against: tuple[str, ...] = Field(
        (), description="finished corpora; a post that one of them holds leaves"
    )
    index: bool = Field(
        True, description="leave an index beside the corpus, so that later ones can be built "
        "'against' it; enciphered with the corpus's key"
    )  # fmt: skip

    @model_validator(mode="after")
    def _check_bands_and_rows(self) -> Config:
        if bool(self.bands) != bool(self.rows):
            raise ValueError("'bands' and 'rows' go together; give both or neither")
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} "
                f"permutations; raise 'permutations' from {self.permutations}"
            )
        return self

    @field_validator("fold")
    @classmethod
    def _check_folds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FOLDS:
                raise ValueError(f"unknown fold '{name}'; there are {', '.join(FOLDS)}")
        return tuple(name for name in FOLDS if name in value)

    reserve: bool = Field(
        True,
        description="keep the next best copy by another author of each text that has copies, "
        "enciphered, for the day the first is taken down; not behind 'conversations'",
    )

    def scheme(self) -> dict[str, Any]:
        """What two corpora must have in common to be compared."""
        return {
            "version": VERSION, "hash": "murmur3_32", "fold": list(self.fold),
            "shingle_words": self.shingle_words, "shingle_chars": self.shingle_chars,
        }  # fmt: skip


def models(config: Config) -> list[Path]:
    """The indexes of the corpora to compare with."""
    near = not config.exact_only
    scheme = config.scheme()
    return [
        dedup_index.find_compatible_index(Path(folder), scheme, shingles=near)
        for folder in config.against
    ]


def resolved(config: Config) -> Config:
    """The same with its bands and rows chosen, so that the plan shows them."""
    bands, rows = (0, 0) if config.exact_only else choose_bands(config)
    return config.model_copy(update={"bands": bands, "rows": rows})


# --------------------------------------------------------------------------- one part


def hash32(data: bytes) -> int:
    """The public shingle hash: MurmurHash3 x86 32 with seed 0."""
    from corpus.dedup import minhash_kernel

    return int(minhash_kernel.murmur3_32(np.frombuffer(data, np.uint8), 0, len(data)))


@cache
def affine_permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """datasketch's own permutations (seed 1) for ``affine32``."""
    from datasketch import MinHash

    a, b = MinHash(num_perm=count, seed=1, scheme="affine32").permutations
    return np.ascontiguousarray(a, np.uint32), np.ascontiguousarray(b, np.uint32)


@cache
def choose_bands(config: Config) -> tuple[int, int]:
    """The split of a signature into bands, by datasketch's optimiser unless the plan says.

    Candidates are verified, so a false one costs a comparison and a missed one costs a
    duplicate in the corpus: hence the weight on misses.
    """
    from datasketch.lsh import _optimal_param

    if config.bands and config.rows:
        return config.bands, config.rows
    weight = config.miss_weight
    bands, rows = _optimal_param(config.jaccard, config.permutations, 1 - weight, weight)
    return int(bands), int(rows)


class ShinglesAndSignatures(NamedTuple):
    """The shingles of some texts and what is computed of them."""

    hashes: NDArray[np.uint32]  # flat, sorted within a post
    offsets: NDArray[np.int64]  # (n + 1,)
    token_counts: NDArray[np.uint32]  # (n,)
    signatures: NDArray[np.uint32]  # (n, permutations)


def shingle_and_sign(texts: pl.Series, config: Config) -> ShinglesAndSignatures:
    """Fold, shingle, hash, permute: all in compiled kernels on flat arrays."""
    data, offsets = normalize_to_bytes(texts, config.fold)
    return _shingle_and_sign(data, offsets, config)


def _shingle_and_sign(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], config: Config
) -> ShinglesAndSignatures:
    from corpus.dedup import minhash_kernel

    width = config.shingle_chars or config.shingle_words
    found = minhash_kernel.hash_shingles(data, offsets, width, config.shingle_chars > 0)
    a, b = affine_permutations(config.permutations)
    return ShinglesAndSignatures(*found, minhash_kernel.minhash_signatures(*found[:2], a, b))


def compute_signatures(posts: pl.DataFrame, config: Config) -> NDArray[np.uint32]:
    """The MinHash signatures of ``posts``, shape (n, permutations), as datasketch has them."""
    return shingle_and_sign(posts["text"], config).signatures


def compute_band_keys(texts: pl.Series, config: Config) -> NDArray[np.uint64]:
    """A key for each band of each text's signature, shape (n, bands)."""
    from corpus.dedup import minhash_kernel

    return minhash_kernel.hash_bands(
        shingle_and_sign(texts, config).signatures, *choose_bands(config)
    )


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """What dedup knows of a part: numbers of each post, no text."""
    from corpus.dedup import minhash_kernel
    from corpus.partition import key_kernel

    data, offsets = normalize_to_bytes(posts["text"], config.fold)
    again = _mark_reposts(posts, config)
    original = posts["parent_id"] if again.any() else posts["id"]
    ids = hash_strings(posts["id"].zip_with(~again, original))
    exact = key_kernel.hash128(data, offsets)
    found = _shingle_and_sign(data, offsets, config)
    return {
        **partitions.partition_keys("ids", ids),
        **partitions.partition_keys("exact", exact),
        **({} if config.exact_only else partition_band_keys(found, config)),
        "prefer": posts.select(_priority(posts, config)).to_series().to_numpy(),
        "again": again.to_numpy(),
        "sketch": minhash_kernel.sketch_signatures(found.signatures),
        **campaigns.measure(posts, found.token_counts),
        **({"exact": exact} if config.index or config.reserve else {}),
    }


def partition_band_keys(signed: ShinglesAndSignatures, config: Config) -> dict[str, NDArray[Any]]:
    """The band keys of signatures, ordered likewise, and the shingles."""
    from corpus.dedup import minhash_kernel
    from corpus.partition import key_kernel

    bands = minhash_kernel.hash_bands(signed.signatures, *choose_bands(config))
    keys, rows, cuts = key_kernel.partition_by_first_byte(bands)
    return {
        "bands_keys": keys, "bands_rows": rows, "bands_cuts": cuts,
        "hashes": signed.hashes, "places": signed.offsets,
    }  # fmt: skip


def _mark_reposts(posts: pl.DataFrame, config: Config) -> pl.Series:
    """Which rows only repeat a post that they name."""
    if config.reposts == "by_text" or not {"kind", "parent_id"} <= set(posts.columns):
        return pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
    told = (pl.col("kind") == "repost") & pl.col("parent_id").is_not_null()
    return posts.select(told.fill_null(False)).to_series()


def _priority(posts: pl.DataFrame, config: Config) -> pl.Expr:
    """Smaller stays."""
    if config.keep == "longest":
        wish = -pl.col("text").str.len_chars().cast(pl.Int64)
    elif config.keep == "best_score":
        wish = -pl.col("score").clip(-_MAX_PRIORITY, _MAX_PRIORITY)
    else:
        wish = pl.col("created_at").cast(pl.Int64)
    wish = wish.fill_null(_MAX_PRIORITY).clip(_MIN_PRIORITY, _MAX_PRIORITY)
    tier = pl.lit(len(config.prefer_sources), pl.Int64)
    for place, pattern in reversed(list(enumerate(config.prefer_sources))):
        tier = (
            pl.when(_is_from_source(posts, pattern)).then(pl.lit(place, pl.Int64)).otherwise(tier)
        )
    return (wish + tier * _SOURCE_TIER).alias("prefer")


def _is_from_source(posts: pl.DataFrame, pattern: str) -> pl.Expr:
    """Whether a post is of a platform, or of a file that fits a pattern."""
    hit = pl.lit(False)
    if "platform" in posts.columns:
        hit = hit | (pl.col("platform") == pattern)
    if "source_file" in posts.columns:
        files = posts["source_file"].unique().drop_nulls()
        fits = [file for file in files if fnmatch(file, pattern)]
        hit = hit | pl.col("source_file").is_in(fits)
    return hit


# --------------------------------------------------------------------------- all parts

REASONS = clusters.REASONS


def decide(inputs: BarrierInput, config: Config) -> dict[str, Any]:
    """Write the verdict on each part; return what the manifest tells of clusters."""
    room = inputs.work_dir
    earlier = [
        MeasureIndexPiece(
            path, room / "earlier" / f"{index:06d}", inputs.key_path, config.model_dump_json()
        )
        for index, path in enumerate(_index_pieces(config))
    ]
    for _ in inputs.run(earlier, "recalling earlier corpora"):
        pass
    folders = [*(task.folder for task in earlier), *(part.measures for part in inputs.parts)]
    near = None if config.exact_only else config.jaccard
    candidates.find_duplicates(room / "all", folders, inputs.run, near)
    names = {field.name for field in fields(clusters.ClusterSettings)} - {"near"}
    wanted = clusters.ClusterSettings(near=near is not None, **config.model_dump(include=names))
    ids = [*(task.ids_file for task in earlier), *(part.posts for part in inputs.parts)]
    verdicts = [part.verdict for part in inputs.parts]
    runners = [part.runner_ups for part in inputs.parts]
    return clusters.write_verdicts(room / "all", ids, verdicts, runners, wanted, inputs.run)


def list_earlier_corpora(config: Config) -> list[Path]:
    """The folders of the finished corpora that posts are compared with."""
    return [Path(path) for path in config.against]


def _index_pieces(config: Config) -> list[Path]:
    """The files of the earlier corpora's indexes."""
    return [
        path for corpus in config.against for path in dedup_index.list_index_pieces(Path(corpus))
    ]


@dataclass(frozen=True)
class MeasureIndexPiece:
    """The task of measuring the posts of an earlier corpus, as if they were a part of this one."""

    piece: Path
    folder: Path
    key: Path | str
    config: str

    @property
    def ids_file(self) -> Path:
        """Where the posts' ids go."""
        return self.folder / "ids.parquet"

    def __call__(self) -> MeasureIndexPiece:
        """Measure them unless the receipt is there."""
        from corpus.dedup import minhash_kernel

        receipt = self.folder / "receipt.json"
        if load_receipt(receipt) is not None:
            return self
        config = Config.model_validate_json(self.config)
        known = dedup_index.load_piece(self.piece, keys.load_key(self.key))
        count = len(known.ids)
        a, b = affine_permutations(config.permutations)
        shingles = (known.shingle_hashes, known.shingle_offsets)
        signed = minhash_kernel.minhash_signatures(*shingles, a, b)
        found = ShinglesAndSignatures(*shingles, np.zeros(count, np.uint32), signed)
        written = array_store.save_arrays(
            {
                **partitions.partition_keys("ids", hash_strings(known.ids)),
                **partitions.partition_keys("exact", known.text_hashes),
                **({} if config.exact_only else partition_band_keys(found, config)),
                "prefer": np.full(count, _EARLIER_CORPUS_PRIORITY),
                "again": np.zeros(count, bool),
                "sketch": minhash_kernel.sketch_signatures(signed),
                **campaigns.empty_measures(count),
            },
            self.folder,
        )
        with atomic_write(self.ids_file) as temporary:
            known.ids.to_frame("id").write_parquet(temporary)
        save_receipt(receipt, {}, [*written, self.ids_file])
        return self
