"""The two forms in which rows are handed out: polars frames and Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class BatchFormat(Protocol):
    """What is done with rows of one form. Both have a length and can be sliced."""

    def from_table(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        ...

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        ...

    def concatenate(self, batches: list[Any]) -> Any:
        """Frames end to end."""
        ...


class PolarsBatches:
    """Rows as ``polars.DataFrame``."""

    def from_table(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        import polars as pl

        return pl.from_arrow(table)

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        import numpy as np
        import polars as pl

        return batch.select(pl.all().gather(pl.Series(order.astype(np.uint32))))

    def concatenate(self, batches: list[Any]) -> Any:
        """Frames end to end."""
        import polars as pl

        return batches[0] if len(batches) == 1 else pl.concat(batches)


class ArrowBatches:
    """Rows as ``pyarrow.Table``. Nothing here needs a thread, so a forked process may use it."""

    def from_table(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        return table

    def reorder(self, batch: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        return batch.take(order)

    def concatenate(self, batches: list[Any]) -> Any:
        """Frames end to end."""
        import pyarrow as pa

        return batches[0] if len(batches) == 1 else pa.concat_tables(batches)
