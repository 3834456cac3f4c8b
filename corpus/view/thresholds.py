"""Move thresholds, and see which posts would change sides; nothing is scored or built again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from corpus.errors import PlanError
from corpus.maintenance import tune
from corpus.maintenance.replay import BuiltCorpus, Settings
from corpus.view.search import Matches, find_by_id, format_number
from filters import contract

#: Posts of each kind that are shown.
EXAMPLES = 10


class Setting(NamedTuple):
    """A threshold of the corpus that can be moved."""

    name: str  # quality.min_words
    column: str
    description: str
    built: str
    asked: str

    @property
    def is_moved(self) -> bool:
        """Whether another value is asked for."""
        return self.asked != self.built


class StageSettings(NamedTuple):
    """The settings of a stage."""

    stage: str
    settings: list[Setting]


class Moved(NamedTuple):
    """What other settings of one stage would do.

    ``lines`` are counts with words, ``leaving`` and ``returning`` ids of some of the posts.
    """

    stage: str
    changes: list[str]
    lines: list[tuple[int, str, str]]
    leaving: list[str]
    returning: list[str]


def list_settings(corpus: BuiltCorpus, asked: Mapping[str, str]) -> list[StageSettings]:
    """Return the thresholds that can be moved, with the values that ``asked`` has for them."""
    found = []
    for stage in corpus.stages:
        settings = []
        for setting, column in contract.movable(stage.module, stage.config).items():
            value = getattr(stage.config, setting)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            built, name = format_number(value), f"{stage.name}.{setting}"
            description = type(stage.config).model_fields[setting].description or ""
            settings.append(
                Setting(name, column, description, built, asked.get(name, "").strip() or built)
            )
        if settings:
            found.append(StageSettings(stage.name, settings))
    return found


def parse_moves(settings: Sequence[StageSettings]) -> dict[str, Settings]:
    """Return the settings that are moved, by stage; PlanError for a value that is no number."""
    moved = [each for stage in settings for each in stage.settings if each.is_moved]
    proposals: dict[str, Settings] = {}
    for each in moved:
        stage, _, name = each.name.partition(".")
        try:
            value = float(each.asked)
        except ValueError:
            raise PlanError(f"{each.name}: a number is needed, such as {each.built}") from None
        whole = value.is_integer() and "." not in each.asked
        proposals.setdefault(stage, {})[name] = int(value) if whole else value
    return proposals


def move(corpus: BuiltCorpus, proposals: Mapping[str, Settings]) -> list[Moved]:
    """Return what the proposals would do; PlanError for a value that its stage refuses."""
    result = tune.tune(corpus.path, proposals, EXAMPLES)
    return [_describe(summary) for summary in result["stages"]]


def find_changed_posts(corpus: BuiltCorpus, moved: Sequence[Moved]) -> Matches:
    """Return the documents and ledger rows of the posts that are named in ``moved``."""
    ids = itertools.chain.from_iterable((*each.leaving, *each.returning) for each in moved)
    return find_by_id(corpus, sorted(set(ids)))


def _describe(summary: Mapping[str, Any]) -> Moved:
    stage = summary["stage"]
    following = ", ".join(summary["then"])
    after = f"; then {following} decide about them" if following else ""
    lines = []
    for outcome in ("leaves", "returns", "earlier", "untold"):
        counts = summary[outcome]
        number = sum(counts.values())
        more = after if counts and outcome == "returns" else ""
        lines.append(
            (number, tune.describe_outcome(outcome, number) + more, _format_counts(counts))
        )
    return Moved(
        stage,
        [f"{name}: {old} → {new}" for name, (old, new) in summary["settings"].items()],
        lines,
        *(
            [row["id"] for row in summary[f"{side}_examples"] if row.get("id")]
            for side in ("leaves", "returns")
        ),
    )


def _format_counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)
