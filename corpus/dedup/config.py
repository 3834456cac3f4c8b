"""The settings of the barrier ``dedup``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from corpus.dedup.normalize import FOLDS
from filters.contract import FilterConfig

VERSION = 4
#: Raised when the same texts would have other shingles or hashes.
_SCHEME_VERSION = 3


class Config(FilterConfig):
    """Which posts are duplicates, and which copy is kept."""

    jaccard: float = Field(0.8, gt=0, le=1, description="similarity from which a post is dropped")
    shingle_words: int = Field(2, ge=1, le=20, description="words to a shingle")
    shingle_chars: int = Field(
        0, ge=0, le=50, description="characters to a shingle instead of words, if not 0"
    )
    fold: tuple[str, ...] = Field(
        FOLDS, description="what is normalized away before posts are compared"
    )
    permutations: int = Field(128, ge=16, le=1024, description="length of a signature")
    miss_weight: float = Field(
        0.99, gt=0, lt=1, description="weight of a missed pair in the choice of bands and rows"
    )
    bands: int = Field(0, ge=0, le=512, description="bands of a signature; 0: chosen")
    rows: int = Field(0, ge=0, le=512, description="signature values to a band; 0: chosen")
    keep: Literal["earliest", "longest", "best_score"] = Field(
        "earliest", description="which copy is kept; of equals the one read first"
    )
    prefer_sources: tuple[str, ...] = Field(
        (),
        max_length=60,
        description="platforms or patterns of the sources' files, the best first: a copy from an "
        "earlier one is kept, whatever 'keep' says",
    )
    max_cluster: int = Field(
        1, ge=1, description="how many posts of a cluster of equal or similar texts are kept"
    )
    reposts: Literal["once", "by_text"] = Field(
        "once",
        description="once: of a post and all its reposts one is kept, the post itself if it is "
        "in the input; by_text: a repost is a post like any other",
    )
    exact_only: bool = Field(False, description="compare whole normalized texts only")
    campaign_posts: int = Field(
        50,
        ge=2,
        description="copies of one text within 'campaign_hours' that make a campaign: reason "
        "'campaign', and a table in the manifest",
    )
    campaign_authors: int = Field(20, ge=1, description="authors that a campaign has at least")
    campaign_hours: float = Field(
        24, gt=0, description="hours between the first and the last post at most"
    )
    campaign_words: int = Field(
        8, ge=1, description="words of a text at least; many copies of a shorter one may be chance"
    )
    drop_campaigns: bool = Field(False, description="drop the representative of a campaign too")
    against: tuple[str, ...] = Field(
        (), description="finished corpora; a post that one of them contains is dropped"
    )
    index: bool = Field(
        True,
        description="write an index, so that later corpora can be built 'against' this one; "
        "encrypted with the corpus's key",
    )

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
        "encrypted: it replaces the first if that is taken down; not after 'conversations'",
    )

    def scheme(self) -> dict[str, Any]:
        """The settings that two corpora must share, or their shingles cannot be compared."""
        return {
            "version": _SCHEME_VERSION,
            "hash": "murmur3_32",
            "fold": list(self.fold),
            "shingle_words": self.shingle_words,
            "shingle_chars": self.shingle_chars,
        }
