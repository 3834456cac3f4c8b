"""The two formats of a batch: polars frames and Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class BatchFormat(Protocol):
    """Operations on batches of one format, which have a length and can be sliced."""

    def from_table(self, table: pa.Table) -> Any:
        """Return a table as a batch of this format."""
        ...

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """Return the rows ``order`` of a batch, in that order."""
        ...

    def concatenate(self, batches: list[Any]) -> Any:
        """Return the rows of all batches as one batch."""
        ...


class PolarsBatches:
    """Batches as ``polars.DataFrame``."""

    def from_table(self, table: pa.Table) -> Any:
        """Return a table as a frame."""
        import polars as pl

        return pl.from_arrow(table)

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """Return the rows ``order`` of a frame, in that order."""
        import numpy as np
        import polars as pl

        return batch.select(pl.all().gather(pl.Series(order.astype(np.uint32))))

    def concatenate(self, batches: list[Any]) -> Any:
        """Return the rows of all frames as one frame."""
        import polars as pl

        return batches[0] if len(batches) == 1 else pl.concat(batches)


class ArrowBatches:
    """Batches as ``pyarrow.Table``. They need no threads, so a forked process can use them."""

    def from_table(self, table: pa.Table) -> Any:
        """Return the table itself."""
        return table

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """Return the rows ``order`` of a table, in that order."""
        return batch.take(order)

    def concatenate(self, batches: list[Any]) -> Any:
        """Return the rows of all tables as one table."""
        import pyarrow as pa

        return batches[0] if len(batches) == 1 else pa.concat_tables(batches)
