"""Write a document as the YAML that people read: in its own order, with every letter as it is."""

from __future__ import annotations

from typing import Any

import yaml

# The same text either way; libyaml, which PyYAML's wheels contain, writes it ten times faster.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dump_yaml(document: Any, *, width: int | None = None) -> str:
    """Return a document of plain values as YAML, in lines of at most about ``width`` characters.

    ``None`` is PyYAML's width, 80. Raises ``yaml.YAMLError`` for a value that YAML does not have.
    """
    text: str = yaml.dump(
        document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=width
    )
    return text
