"""How a shard is laid out as Parquet: codec, pages, checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

SHARD_VERSION = 3  # raised when the same posts would make other bytes

# A page to a column of a row group packs a tenth better than pyarrow's own 1 MB and 20,000 rows.
_MAX_PAGE_BYTES = 1 << 30
_MAX_PAGE_ROWS = 1 << 30

Codec = Literal["zstd", "lz4"]


@dataclass(frozen=True)
class ParquetOptions:
    """The settings of a plan that decide a shard's bytes, but not its rows.

    Every page has a CRC-32, so that a flipped bit is noticed by whoever reads it, and there is a
    page index. With ``content_defined_chunking`` pages end where the content says, so that a
    store that knows chunks keeps only once what two versions of a corpus share.
    """

    compression: Codec = "zstd"
    zstd_level: int = 3
    content_defined_chunking: bool = False

    def open_writer(
        self, path: Path, schema: pa.Schema, dictionary_columns: Sequence[str]
    ) -> pq.ParquetWriter:
        """Open a file to write row groups of ``schema`` to."""
        chunked = self.content_defined_chunking
        pages = (
            {}
            if chunked
            else {"data_page_size": _MAX_PAGE_BYTES, "max_rows_per_page": _MAX_PAGE_ROWS}
        )
        return pq.ParquetWriter(
            path,
            schema,
            compression=self.compression,
            compression_level=self.zstd_level if self.compression == "zstd" else None,
            use_dictionary=list(dictionary_columns),
            write_page_index=True,
            write_page_checksum=True,
            use_content_defined_chunking=chunked,
            **pages,
        )
