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


#: The plan that ``corpus init`` writes if no other name is given, and that is used if none is.
DEFAULT_PLAN = "corpus.yaml"


def _require_default_plan(plan: str) -> str:
    """Return the plan's path; PlanError that names ``corpus init`` if the default is not there."""
    if plan == DEFAULT_PLAN and not Path(plan).exists():
        raise PlanError(
            f"no '{DEFAULT_PLAN}' in this folder; give the path of a plan, or let "
            "'corpus init DUMPS' write one"
        )
    return plan


PlanArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLAN",
        help="the plan, a YAML file",
        callback=_require_default_plan,
    ),
]
CorpusArgument = Annotated[
    str,
    typer.Argument(
        metavar="OUT", help="the corpus: the folder that 'corpus build' wrote, or a URL"
    ),
]
LocalCorpusArgument = Annotated[
    str,
    typer.Argument(
        metavar="OUT", help="the folder that 'corpus build' wrote", callback=_require_local
    ),
]
OutOption = Annotated[
    str | None, typer.Option("--out", help="the folder for the corpus, instead of the plan's")
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key", help="the key of the corpus; default: corpus.key in the folder above OUT"
    ),
]
DumpsOption = Annotated[
    str | None, typer.Option("--dumps", help="with --text: the folder where the dumps are now")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]


def read_lines(path: str | None) -> list[str]:
    """Return the lines of a UTF-8 file, with a byte order mark or without, that are not blank."""
    if path is None:
        return []
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(f"cannot read '{path}': {reason}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
