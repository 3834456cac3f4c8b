"""Find a stage by its name, and say what a barrier is.

A stage is a filter (see :mod:`filters.contract`) or a barrier. A barrier sees all parts before it
decides about any post. Its module exposes ``Config``, ``READS``, ``WRITES`` and ``VERSION`` as a
filter's does, and

* ``measure(posts, config)``: what it needs to know of one part, as flat arrays by name, no text;
* ``decide(inputs, config)``: writes the verdict on each part to ``MeasuredPart.verdict``, a frame
  with the part's rows: the columns in ``WRITES``, and ``reject``, the reason to drop the post or
  null. It returns what the manifest records of the stage, as JSON data; ``{}`` for nothing.

A stage's module may also declare how a build treats it: ``MUST_BE_FIRST``, ``RESHAPES``,
``keeps_turns(config)`` and ``list_earlier_corpora(config)``; see the functions of these names
below.

A barrier before one that keeps turns sees posts with the columns ``TURN_COLUMNS`` of the schema.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import polars as pl

import filters
from corpus import filter_checks, stage_names, user_code
from corpus.errors import PlanError
from corpus.renamed_filter import RenamedFilter
from corpus.tasks.files import file_version
from corpus.tasks.task import Arrays, ArrayTask, RunTasks
from filters import contract

if TYPE_CHECKING:
    from filters.contract import Filter, FilterConfig, FilterModule

#: The module of each barrier.
_BARRIERS = {
    "authors": "corpus.authors",
    "language_context": "corpus.language_context",
    "dedup": "corpus.dedup",
    "influence": "corpus.influence",
    "conversations": "corpus.conversations",
}
#: The stage that honours deletions; a plan that does not name it gets it, with its defaults.
REQUIRED = "consent"


def names() -> list[str]:
    """Every stage that a plan may name, sorted."""
    return sorted([*filters.names(), *_BARRIERS])


def find(name: str) -> FilterModule:
    """Import the stage ``name``; a KeyError lists the filters there are.

    ``name`` may be the dotted path or the entry point of a filter of the user's own, or the address
    of a filter that a plan calls something else, such as ``quality as strict``, whose columns have
    other names (see :mod:`corpus.stage_names`). PlanError if code of the user's own is not there or
    is no filter; BuildError if its source is not that of the address.
    """
    kind, given, digest = stage_names.split_address(name)
    if kind in _BARRIERS:
        return cast("FilterModule", importlib.import_module(_BARRIERS[kind]))
    module = _load_own(kind, digest) if is_user_code(kind) else filters.find(kind)
    if given == stage_names.default_name(kind):
        return module
    return _rename(cast("Any", module), stage_names.default_name(kind), given)


def _load_own(kind: str, digest: str) -> FilterModule:
    loaded = user_code.load(kind, user_code.FILTERS)
    _require_filter(kind, loaded.module)
    user_code.require_digest(kind, user_code.FILTERS, digest)
    return cast("FilterModule", loaded.module)


@lru_cache(maxsize=64)
def _require_filter(kind: str, module: Any) -> None:
    """PlanError if a module of the user's own is no filter."""
    if missing := filter_checks.list_missing_parts(module):
        raise PlanError(*(f"'{kind}' is no filter: {problem}" for problem in missing))


def is_user_code(kind: str) -> bool:
    """Whether a stage of this kind is code of the user's own, if it is one at all."""
    if kind in _BARRIERS or kind in filters.names():
        return False
    return user_code.is_user_code(kind, user_code.FILTERS)


def locate(address: str, error: BaseException) -> str:
    """The file and line of the user's own code at which a stage failed, for a message; or ''."""
    kind, *_ = stage_names.split_address(address)
    return user_code.load(kind, user_code.FILTERS).locate(error) if is_user_code(kind) else ""


def source_digest(kind: str) -> str:
    """The digest of the source of a stage of the user's own; '' for a built-in one."""
    return user_code.load(kind, user_code.FILTERS).digest if is_user_code(kind) else ""


@lru_cache(maxsize=64)
def _rename(module: Any, own_name: str, name: str) -> FilterModule:
    return cast("FilterModule", RenamedFilter(module, own_name, name))


def build_filter(name: str, settings: str, load_key: Callable[[], bytes] | None = None) -> Filter:
    """Build the filter ``name``, which loads its models, once in each process.

    ``settings`` are its config as JSON. ``load_key`` is called if the filter needs the corpus's
    key. A filter is built anew when its module or one of its model files has changed.
    """
    module = find(name)
    config = module.Config.model_validate_json(settings)
    versions = tuple(file_version(file) for file in contract.models(module, config))
    key = load_key() if load_key is not None and contract.wants_key(module, config) else None
    return _build_filter(name, module.build, settings, key, versions)


@lru_cache(maxsize=64)
def _build_filter(
    name: str,
    build: Callable[..., Filter],
    settings: str,
    key: bytes | None,
    model_versions: tuple[tuple[int, ...], ...],
) -> Filter:
    config = find(name).Config.model_validate_json(settings)
    return build(config) if key is None else build(config, key=key)


# --------------------------------------------------------------------------- what a stage declares


def is_barrier(name: str) -> bool:
    """Whether the stage looks at all parts together."""
    return name in _BARRIERS


def may_be_renamed(name: str) -> bool:
    """Whether a plan may call the stage something else, and so have it more than once.

    A barrier, ``consent`` and ``pii`` are there once; :func:`why_not_renamed` says why.
    """
    return not why_not_renamed(name)


def why_not_renamed(name: str) -> str:
    """Return why a plan may have the stage only once and under its own name; '' if it may."""
    if is_barrier(name):
        return "it compares all posts, and the manifest and takedowns find its results by its name"
    if must_be_first(name):
        return "it must be the first stage"
    if name == "pii":
        return "the report, the audit and takedowns find its settings by its name"
    return ""


def must_be_first(name: str) -> bool:
    """Whether the stage must see the posts before any other stage does."""
    return bool(getattr(find(name), "MUST_BE_FIRST", False))


def reshapes(name: str) -> bool:
    """Whether the stage, a barrier, makes new rows out of the posts and gives no verdicts."""
    return bool(getattr(find(name), "RESHAPES", False))


def keeps_turns(name: str, config: FilterConfig) -> bool:
    """Whether the stage keeps an answered post that an earlier stage drops for a turn reason."""
    hook = getattr(find(name), "keeps_turns", None)
    return bool(hook(config)) if hook else False


def reads_earlier_corpora(name: str) -> bool:
    """Whether the setting ``against`` of the stage names finished corpora."""
    return hasattr(find(name), "list_earlier_corpora")


def list_earlier_corpora(name: str, config: FilterConfig) -> list[Path]:
    """The folders of the finished corpora that the stage compares posts with."""
    listing = getattr(find(name), "list_earlier_corpora", None)
    return list(listing(config)) if listing else []


# --------------------------------------------------------------------------- barriers


@dataclass(frozen=True)
class MeasuredPart:
    """A part that a barrier has measured."""

    posts: Path
    measures: Path  # the folder of the arrays that ``measure`` returned
    verdict: Path  # the Parquet file that ``decide`` writes
    #: The folder where ``decide`` may write the rows of the runner-up posts, which would be kept
    #: if the posts kept instead of them were taken down.
    runner_ups: Path


@dataclass(frozen=True)
class BarrierInput:
    """What a barrier decides from."""

    parts: Sequence[MeasuredPart]  # in reading order
    work_dir: Path  # for files of the barrier's own; removed with work/
    key_path: Path | str  # the file of the pseudonym key
    run: RunTasks
    #: The state of the key's suppression list, entries and digest; None if it has no entries.
    suppressed: tuple[int, str] | None = None
    #: The filters after the barrier: the name of each, and its settings as JSON.
    later_filters: tuple[tuple[str, str], ...] = ()


class Barrier(Protocol):
    """The shape of a barrier's module."""

    Config: Any
    WRITES: Mapping[str, pl.DataType]

    def measure(self, posts: pl.DataFrame, config: Any) -> Mapping[str, Any]:
        """The arrays that :meth:`decide` needs of one part, by name."""
        ...

    def decide(self, inputs: BarrierInput, config: Any) -> dict[str, Any]:
        """Write the verdict on each part; return the facts for the manifest."""
        ...


def find_barrier(name: str) -> Barrier:
    """Import the barrier ``name``."""
    return cast("Barrier", find(name))


@dataclass(frozen=True)
class MeasurePart(ArrayTask):
    """The task of measuring the posts of one part for a barrier.

    It writes the arrays to ``folder``; the receipt has the seconds that it took.
    """

    stage_name: str
    posts: Path
    folder: Path
    config_json: str

    def compute(self) -> tuple[Arrays, dict[str, Any]]:
        """The arrays that ``measure`` of the barrier returns."""
        module = find_barrier(self.stage_name)
        config = module.Config.model_validate_json(self.config_json)
        posts = pl.read_parquet(self.posts, glob=False)
        module.measure(posts.head(1), config)  # compiles the kernels, which is not counted
        began = time.perf_counter()
        arrays = module.measure(posts, config)
        return arrays, {"seconds": time.perf_counter() - began}
