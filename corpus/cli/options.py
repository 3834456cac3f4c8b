"""Arguments and options that several commands have, and the files that options name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpus.errors import PlanError


def _require_local(out: str) -> str:
    """Return the path of a local corpus; PlanError for a URL."""
    from corpus.storage.filesystem import is_url

    if is_url(out):
        raise PlanError(
            f"'{out}' is a URL; give the local folder that it was built in, or a copy (to upload "
            "what changed there: 'corpus publish OUT URL --replace')"
        )
    return out


PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="a YAML plan")]
CorpusArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="a finished corpus: a folder or a URL")
]
LocalCorpusArgument = Annotated[
    str, typer.Argument(metavar="OUT", help="a folder that a build wrote", callback=_require_local)
]
OutOption = Annotated[str | None, typer.Option("--out", help="the folder to build")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="the corpus's key; default: corpus.key in OUT's parent folder"),
]
DumpsOption = Annotated[
    str | None, typer.Option("--dumps", help="with --text: the folder that has the dumps now")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]


def read_lines(path: str | None) -> list[str]:
    """Return the lines of a file that are not blank."""
    if path is None:
        return []
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(f"cannot read '{path}': {reason}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
