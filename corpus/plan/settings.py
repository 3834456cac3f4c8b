"""The plan's ``output`` and ``run``: where and how the corpus is written, how the work is done."""

from __future__ import annotations

import os
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from corpus.output.parquet_options import Codec, ParquetOptions
from corpus.privacy.pseudonyms import IdStyle
from corpus.schema import REQUIRED_COLUMNS


def count_cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Output(BaseModel):
    """The output folder or URL, and how the kept posts are cut into files."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    path: str = Field(
        "", description="the folder to build, or a URL to upload it to; --out gives another"
    )
    local: str = Field(
        "",
        description="for a URL: the folder to build in before the upload; '' is the URL's last "
        "name, under corpus-work/",
    )
    shard_mb: float = Field(256, gt=0, description="text to a shard, in MB before compression")
    row_group_mb: float = Field(4, gt=0, description="text to a row group, in MB")
    keep_work: bool = Field(
        False, description="keep work/ (unredacted!) so that thresholds can be moved cheaply"
    )
    key: str = Field(
        "",
        description="file or URL with the pseudonym key; '' is corpus.key beside the output folder",
    )
    suppressed: str = Field(
        "",
        description="file with requests ('id platform:id', 'author platform:name', 'name First "
        "Last' a line) to add to the key's suppression list; 'none' if a corpus of another key, "
        "which the build replaces, has none",
    )
    canaries: int = Field(
        0, ge=0, le=100_000, description="planted posts, for 'corpus audit' to look for"
    )
    ids: IdStyle = Field(
        "keyed", description="post ids as keyed pseudonyms; 'original' keeps the platform's"
    )
    source_columns: bool = Field(
        True,
        description="source_file and source_row in the shards; the ledger has them in any case",
    )
    columns: tuple[str, ...] = Field(
        (),
        description="the columns of the shards; those that takedowns and the report need are there "
        "in any case: " + ", ".join(REQUIRED_COLUMNS) + ", and those of conversations; [] is all",
    )
    turns: bool = Field(
        False,
        description="with conversations: a column of the turns, each with its post, author and "
        "text, beside the text of the document",
    )
    compression: Codec = Field(
        "zstd", description="of the shards: zstd, or lz4, which is read faster"
    )
    zstd_level: int = Field(3, ge=1, le=22, description="1 to 22; more is smaller and slower")
    content_defined_chunking: bool = Field(
        False, description="pages end by content, for stores that keep equal chunks once"
    )

    shuffle: bool = Field(False, description="put the documents of all sources in one random order")
    shuffle_seed: int = Field(0, description="another seed, another order")

    validation: float = Field(
        0,
        ge=0,
        le=0.5,
        description="share to set aside; no author, thread or cluster of it is in the rest",
    )
    validation_seed: int = Field(0, description="another seed, others set aside")

    validation_after: str = Field(
        "",
        pattern=r"^(\d{4}-\d\d-\d\d)?$",
        description="set aside only what was written on this day (UTC) or later",
    )

    report_samples: int = Field(
        25, ge=0, le=25, description="redacted posts to show in the report for each reason; 0 none"
    )
    title: str = Field("", description="the dataset's name, for the dataset card")
    license: str = Field(
        "", description="its licence, for the dataset card: an SPDX name, or a name of yours"
    )
    contact: str = Field("", description="whom to write to for a takedown, for the dataset card")

    @field_validator("validation_after")
    @classmethod
    def _check_day(cls, day: str) -> str:
        if day:
            date.fromisoformat(day)
        return day

    @property
    def split_settings(self) -> tuple[float, int, str]:
        """The settings that choose the validation set."""
        return self.validation, self.validation_seed, self.validation_after

    @property
    def parquet_options(self) -> ParquetOptions:
        """The Parquet settings of the shards."""
        return ParquetOptions(self.compression, self.zstd_level, self.content_defined_chunking)

    @field_validator("path", "key", "suppressed")
    @classmethod
    def _check_path(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a path cannot hold a zero character")
        return value


class Run(BaseModel):
    """The runner and the size of its tasks; none of it changes the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    runner: Literal["serial", "processes", "ray"] = "processes"
    address: str = Field(
        "",
        description="of a running Ray cluster, such as 'auto' or 'head:6379'; with '' the "
        "runner 'ray' starts a Ray here",
    )
    workers: int = Field(
        default_factory=count_cores,
        ge=1,
        le=1024,
        description="processes here; on a Ray cluster the most tasks at one time, and if it is "
        "not given, all of its CPUs",
    )
    part_posts: int = Field(
        20_000, ge=1, le=1_000_000, description="posts to a part, the unit of work and of resuming"
    )

    @property
    def max_tasks(self) -> int:
        """The largest number of tasks at one time on a Ray cluster; 0 for one for each CPU."""
        return self.workers if "workers" in self.model_fields_set else 0
