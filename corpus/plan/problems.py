"""Collect the errors of a plan, each with its line in the YAML, and raise them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from corpus.errors import PlanError
from corpus.plurals import pluralize

#: The keys from the top of a plan to a value, such as ``("stages", 0, "language", "keep")``; an
#: item of a list is named by its number from 0.
KeyPath = tuple[str | int, ...]
#: The line of the YAML, from 1, of the values of a plan.
Lines = Mapping[KeyPath, int]

_SECTIONS = ("sources", "stages", "output", "run", "code")
#: So many errors are shown: a plan may repeat a mistake twenty thousand times.
_MAX_SHOWN = 100


class Problems:
    """Collects the errors of a plan, so that the user can mend them all in one go."""

    def __init__(self, name: str, lines: Lines | None = None) -> None:
        """``name`` is the plan's, or what stands in front of each message in its place."""
        self._name = name
        self._lines = lines or {}
        self._found: dict[str, int] = {}  # the line of each message; 0 if it has none
        self._paths: set[KeyPath] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, message: str, path: KeyPath = ()) -> None:
        """Add an error in what the plan has at ``path``; of an entry or a section, it says which.

        The message ends with the remedy.
        """
        self._paths.add(path)
        line = self._find_line(path)
        name = f"{self._name} line {line}" if line else self._name
        label = _label(path)
        self._found.setdefault(
            f"{name}: {label}: {message}" if label else f"{name}: {message}", line
        )

    @contextmanager
    def collected(self, path: KeyPath = ()) -> Iterator[None]:
        """Add the PlanError that is raised inside, about ``path``, and go on after it."""
        try:
            yield
        except PlanError as error:
            for message in error.messages:
                self.add(message, path)

    def has(self, *path: str | int) -> bool:
        """Whether there is an error in what the plan has at ``path``, or around it."""
        return any(path[: len(found)] == found for found in self._paths if found)

    def has_inside(self, *path: str | int) -> bool:
        """Whether there is an error in what the plan has at ``path``, or in a part of it."""
        return any(found[: len(path)] == path for found in self._paths)

    def raise_all(self) -> None:
        """PlanError with a line for each error, in the order of the file, if there is one."""
        if not self._found:
            return
        messages = sorted(self._found, key=lambda message: self._found[message] or 1 << 30)
        shown = messages[:_MAX_SHOWN]
        if len(messages) > len(shown):
            shown.append(f"{self._name}: and {pluralize(len(messages) - len(shown), 'more error')}")
        raise PlanError(*shown)

    def _find_line(self, path: KeyPath) -> int:
        """The line of a value, or of the nearest one around it; 0 if none is known."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 0


def _label(path: KeyPath) -> str:
    """The entry or the section of a plan that a path leads into, such as ``stages[0] language``."""
    if not path or path[0] not in _SECTIONS:
        return ""
    if path[0] not in ("sources", "stages") or len(path) == 1:
        return str(path[0])
    return f"{path[0]}[{path[1]}]" + (f" {path[2]}" if len(path) > 2 else "")
