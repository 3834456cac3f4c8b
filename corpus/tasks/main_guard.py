"""Notice that a script would be run again by each worker process.

A worker that is spawned imports the script that was started, so that what the script defines can be
found. A call outside of ``if __name__ == "__main__":`` would be made again in each worker.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import FrameType


def find_unguarded_call() -> tuple[Path, int, str] | None:
    """Return the file, line and text of the started script's statement that is running now.

    None if the statement is under a main guard, or if workers do not import what was started: a
    notebook, an interactive session or ``python -c``.
    """
    frame = inspect.currentframe()
    outermost = None
    while frame is not None:
        if frame.f_globals.get("__name__") == "__main__" and frame.f_code.co_name == "<module>":
            outermost = frame
        frame = frame.f_back
    return None if outermost is None else _find_in_script(outermost)


def _find_in_script(frame: FrameType) -> tuple[Path, int, str] | None:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if file is None or frame.f_code.co_filename != file:
        return None
    try:
        source = Path(file).read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return None
    for statement in tree.body:
        last = statement.end_lineno or statement.lineno
        if statement.lineno <= frame.f_lineno <= last:
            if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
                return None
            text = ast.get_source_segment(source, statement) or ""
            return Path(file), frame.f_lineno, text
    return None


def explain(file: Path, line: int, text: str) -> str:
    """Return what is wrong with a call and the two lines to write."""
    shown = text if text and "\n" not in text and len(text) <= 80 else "corpus.build(...)"
    return (
        f"'{file.name}' calls build() at line {line} without a main guard: each worker process "
        "imports the script, and would begin the build again; write\n\n"
        f'if __name__ == "__main__":\n    {shown}\n\n'
        "or choose build(..., runner='serial'), which starts no processes"
    )
