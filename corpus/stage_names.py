"""The names of a plan's stages: what a stage is, what the plan calls it, and both together.

``- {classifier: {model: spam.ftz}, as: spam}`` is a stage of the *kind* ``classifier`` with the
*name* ``spam``. The kind finds the code; the name is that of the stage in the ledger and in the
report, and begins the names of its columns. Without ``as`` a stage has the name of its kind; of a
kind in a module of the user's own, such as ``my_pkg.emoji_count``, that is the last part.

A task holds the *address* of a stage: its kind; for code of the user's own then ``@`` and the
beginning of the digest of its source; and for a stage of another name then ``as`` and the name:
``my_pkg.emoji_count@0123456789abcdef as emoji``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

#: The key of a stage's entry in a plan that gives the stage's name.
NAME_KEY = "as"
#: What a stage may be called: a part of the names of files and columns.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
#: Names of ledgers that are not of stages.
RESERVED = ("read", "takedown", "kept", "absent")
_AS, _AT = " as ", "@"
_DIGEST_LENGTH = 16


class Entry(NamedTuple):
    """A stage of a plan as plain data."""

    kind: str
    name: str
    settings: dict[str, Any]

    @property
    def address(self) -> str:
        """The stage's address, whatever the source of its code is now."""
        return make_address(self.kind, self.name)


def parse_entry(entry: Mapping[str, Any]) -> Entry:
    """Read a stage of a plan that was checked; ValueError if it is none."""
    kinds = [kind for kind in entry if kind != NAME_KEY]
    if len(kinds) != 1:
        raise ValueError(f"a stage has one kind; found {len(kinds)}")
    kind = str(kinds[0])
    return Entry(kind, str(entry.get(NAME_KEY) or default_name(kind)), dict(entry[kinds[0]] or {}))


def format_entry(kind: str, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage of a plan as plain data; ``as`` only where it is needed."""
    own = {} if name == default_name(kind) else {NAME_KEY: name}
    return {kind: dict(settings), **own}


def default_name(kind: str) -> str:
    """Return the name of a stage that the plan gives no name."""
    return kind.rpartition(".")[2]


def make_address(kind: str, name: str, digest: str = "") -> str:
    """Return the address of a stage; ``digest`` is that of the source, of the user's own code."""
    source = f"{_AT}{digest[:_DIGEST_LENGTH]}" if digest else ""
    return f"{kind}{source}" + ("" if name == default_name(kind) else f"{_AS}{name}")


def split_address(address: str) -> tuple[str, str, str]:
    """Return kind, name and the beginning of the digest, or '', of the stage at an address."""
    kind, _, name = address.partition(_AS)
    kind, _, digest = kind.partition(_AT)
    return kind, name or default_name(kind), digest


def get_name(address: str) -> str:
    """Return the name of the stage with this address."""
    return split_address(address)[1]
