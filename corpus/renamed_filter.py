"""A filter under another name, so that a plan may have it twice: other columns, same decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from filters import contract
from filters.contract import Filter, FilterConfig, FilterModule, Threshold


class RenamedFilter:
    """The module of a filter, whose columns begin with another name than its own.

    ``quality_words`` of ``quality`` is ``strict_words`` under the name ``strict``. Columns that do
    not begin with the filter's own name, such as ``text`` and ``lang``, are not renamed.
    """

    def __init__(self, module: FilterModule, own_name: str, name: str) -> None:
        self._module = module
        self._own_name, self._name = own_name, name
        self.WRITES = self._rename_keys(module.WRITES)

    def __getattr__(self, attribute: str) -> Any:
        """What the filter's module has; hooks that name columns have the new names."""
        found = getattr(self._module, attribute)
        wrap: Mapping[str, Callable[[Any], Any]] = {
            "writes": lambda hook: lambda config: self._rename_keys(hook(config)),
            "thresholds": lambda hook: lambda config: tuple(map(self._rename_bound, hook(config))),
            "verdict": lambda hook: lambda config: self._rename_verdict(hook(config)),
            "MOVABLE": self._rename_values,
            "movable": lambda hook: lambda config: self._rename_values(hook(config)),
        }
        return wrap[attribute](found) if attribute in wrap else found

    def build(self, config: FilterConfig, **more: Any) -> Filter:
        """Return the filter; it does not change what the filter under its own name has written."""
        run = self._module.build(config, **more)
        written = contract.writes(self._module, config)
        names = {name: new for name in written if (new := self.rename(name)) != name}

        def renamed(posts: pl.DataFrame) -> pl.DataFrame:
            others = posts.select(name for name in names if name in posts.columns)
            judged = run(posts.drop([*others.columns, *names.values()], strict=False))
            return judged.rename(names, strict=False).with_columns(others.get_columns())

        return renamed

    def rename(self, column: str) -> str:
        """Return a column's name under the new name of the filter."""
        is_own = column == self._own_name or column.startswith(f"{self._own_name}_")
        return self._name + column[len(self._own_name) :] if is_own else column

    def _rename_keys(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        return {self.rename(column): value for column, value in columns.items()}

    def _rename_values(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {setting: self.rename(column) for setting, column in settings.items()}

    def _rename_bound(self, bound: Threshold) -> Threshold:
        return bound._replace(column=self.rename(bound.column))

    def _rename_verdict(self, verdict: pl.Expr | None) -> pl.Expr | None:
        """The verdict over the renamed columns."""
        if verdict is None:
            return None
        columns = list(dict.fromkeys(verdict.meta.root_names()))
        if not columns:
            return verdict

        def judge(stored: pl.Series) -> pl.Series:
            return stored.struct.unnest().select(verdict.cast(pl.String)).to_series()

        stored = pl.struct(pl.col(self.rename(column)).alias(column) for column in columns)
        return stored.map_batches(judge, return_dtype=pl.String(), is_elementwise=True)
