"""The two forms in which rows are handed out: polars frames and Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class Frames(Protocol):
    """What is done with rows of one form. Both have a length and can be sliced."""

    def made(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        ...

    def gathered(self, frame: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        ...

    def joined(self, frames: list[Any]) -> Any:
        """Frames end to end."""
        ...


class Polars:
    """Rows as ``polars.DataFrame``."""

    def made(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        import polars as pl

        return pl.from_arrow(table)

    def gathered(self, frame: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        import numpy as np
        import polars as pl

        return frame.select(pl.all().gather(pl.Series(order.astype(np.uint32))))

    def joined(self, frames: list[Any]) -> Any:
        """Frames end to end."""
        import polars as pl

        return frames[0] if len(frames) == 1 else pl.concat(frames)


class Arrow:
    """Rows as ``pyarrow.Table``. Nothing here needs a thread, so a forked process may use it."""

    def made(self, table: pa.Table) -> Any:
        """The rows that were read as a table."""
        return table

    def gathered(self, frame: Any, order: NDArray[np.int64]) -> Any:
        """The rows in another order."""
        return frame.take(order)

    def joined(self, frames: list[Any]) -> Any:
        """Frames end to end."""
        import pyarrow as pa

        return frames[0] if len(frames) == 1 else pa.concat_tables(frames)
