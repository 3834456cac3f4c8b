"""Report a failed build by what happened and what to do about it; never quote a post."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from corpus.errors import BuildError, CorpusError
from corpus.pipeline.verify_work import verify_work
from corpus.tasks import runners
from corpus.tasks.task import run_inline

_RESUME = "run again to continue where it stopped"
_REPAIR = f"free space or repair the cause, and {_RESUME}"
_SHORT_WRITE = "the disk took only a part of a file; is it full?"
_POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@contextmanager
def explained_failures(work: Path, runner: runners.Runner) -> Iterator[None]:
    """Turn any exception into a BuildError with a cause and a remedy, where there is one.

    An exception that nobody foresaw may come of files in ``work`` that the disk has changed: the
    workers are stopped, and ``work`` is verified before anything else is blamed.
    """
    try:
        yield
    except (runners.WorkerDied, MemoryError):
        raise BuildError(
            "a worker process died, most likely because memory ran out; run again with fewer "
            "--workers to continue where it stopped"
        ) from None
    except runners.RunnerUnavailable as error:
        raise BuildError(f"{error}; {_RESUME}") from None
    except OSError as error:
        raise BuildError(f"{_describe_os_error(error)}; {_REPAIR}") from None
    except CorpusError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        runner.close()  # no worker may write while the files are read
        if damaged := verify_work(work, run_inline):
            raise damage_error(work, damaged) from None
        if isinstance(error, _POLARS_ERRORS):
            raise BuildError(f"{_describe_polars_error(error)}; {_REPAIR}") from None
        raise


def damage_error(work: Path, damaged: list[Path]) -> BuildError:
    """The error for receipts in ``work`` that are ``damaged`` or name damaged files."""
    return BuildError(
        f"'{damaged[0].relative_to(work)}' or a file that it names was changed on the disk since "
        f"it was written ({len(damaged)} such in work/); it and what was made of it are removed: "
        "run again to have them made anew, and check the disk and the memory"
    )


def _describe_os_error(error: OSError) -> str:
    if error.errno is None and "written" in str(error):  # numpy's message for a full disk
        return _SHORT_WRITE
    file = f" ('{error.filename}')" if error.filename else ""
    return f"{error.strerror or error}{file}"


def _describe_polars_error(error: BaseException) -> str:
    """The part of a message of polars that comes from the system: the rest may quote a post."""
    if "transport error" in str(error):  # one of polars' messages for a full disk
        return _SHORT_WRITE
    found = re.search(r"[\w ]+\(os error \d+\)", str(error))
    return found[0].strip() if found else f"{type(error).__name__} in polars"
