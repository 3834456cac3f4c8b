"""Print messages and records. What is printed cannot act on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_log_as_json = False


def use_json_log() -> None:
    """Print messages as JSON lines from now on."""
    global _log_as_json
    _log_as_json = True


def print_message(message: str) -> None:
    """Print a warning or an error to standard error."""
    from corpus.report.terminal import make_printable
    from corpus.tasks.progress import write_json_event

    if _log_as_json:
        write_json_event(sys.stderr, "said", text=message)
    else:
        print(f"corpus: {make_printable(message)}", file=sys.stderr)


def print_post(text: str | None, facts: Iterable[object]) -> None:
    """Print a text and a line of what is known of it."""
    from corpus.report.terminal import make_printable

    if text is not None:
        print(make_printable(text))
    print("  " + make_printable(" · ".join(str(fact) for fact in facts if fact is not None)))
    print()


def print_record(record: Mapping[str, Any], skip: Collection[str] = ()) -> None:
    """Print a post or a ledger row: its text, then each other column that has a value."""
    from corpus.report.terminal import make_printable

    if (text := record.get("text")) is not None:
        print(make_printable(text))
    for name, value in record.items():
        if value is not None and name != "text" and name not in skip:
            shown = f"{value:.4g}" if isinstance(value, float) else make_printable(str(value))
            print(f"  {name}: {shown}")
    print()
