"""Drop posts that have no words worth learning from, and keep short ones that do.

``social``, the default, is ours and made for posts: does a post have text besides links, tags and
mentions; does it repeat itself; is it a bot's template, or spam? The others are the published sets
for web pages, and decide as datatrove does; they reject nearly every post (Gopher's minimum of
fifty words rejects 97 % of tweets). ``preset: [gopher_repetition, gopher]`` applies several in that
order. Every measure is written to a column ``quality_<measure>``, and every threshold has a
setting. Rules of words know some languages (see :func:`languages`): a post in another one has no
score for them and is counted as unjudged, while the rules of all languages still decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from filters.contract import UNJUDGED, Filter, FilterConfig, Threshold
from filters.quality import dolma, presets, social
from filters.quality.presets import Preset
from filters.quality.spam_phrases import SPAM_LANGUAGES
from filters.text.languages import find_unknown_languages, with_languages
from filters.text.suggestions import suggest

READS = ("text",)
WRITES: dict[str, pl.DataType] = social.SOCIAL.columns()
VERSION = 6
TURN_REASONS = ("too_few_words",)

PRESETS: dict[str, Preset] = {
    "social": social.SOCIAL,
    "gopher": presets.GOPHER,
    "gopher_repetition": presets.GOPHER_REPETITION,
    "c4": presets.C4,
    "fineweb": presets.FINEWEB,
    "dolma_reddit": presets.DOLMA_REDDIT,
}
PresetName = Literal["social", "gopher", "gopher_repetition", "c4", "fineweb", "dolma_reddit"]


class _PresetChoice(FilterConfig):
    preset: PresetName | tuple[PresetName, ...] = Field(
        "social", description="one of those named below, or a list that is applied in order"
    )

    @field_validator("preset", mode="before")
    @classmethod
    def _check_presets(cls, value: object) -> object:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or any(not isinstance(name, str) for name in names):
            raise ValueError(f"name one of {', '.join(PRESETS)}, or list some of them")
        for name in names:
            if name not in PRESETS:
                raise ValueError(f"unknown preset '{name[:100]}'; {suggest(name, list(PRESETS))}")
        if not names or len(set(names)) < len(names):
            raise ValueError("name at least one preset, and each once")
        return value


# The fields of the last base come first, so the settings are in the order of the presets.
class Config(presets.DolmaSettings, presets.WebSettings, social.SocialSettings, _PresetChoice):
    """The presets and their thresholds; a setting of a preset that is not chosen is an error."""

    @property
    def presets(self) -> tuple[PresetName, ...]:
        """The chosen presets."""
        return (self.preset,) if isinstance(self.preset, str) else self.preset

    @model_validator(mode="after")
    def _check_settings(self) -> Config:
        allowed = _list_settings(self.presets)
        for name in sorted(self.model_fields_set - allowed):
            owners = [key for key in PRESETS if name in PRESETS[key].settings.model_fields]
            raise ValueError(
                f"'{name}' is a setting of the preset {' or '.join(owners)}, and preset is "
                f"{' and '.join(self.presets)}; its settings: {', '.join(sorted(allowed))}"
            )
        return self

    @model_serializer(mode="wrap")
    def _dump_chosen_settings(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A setting without effect must not change a fingerprint, nor be read back as a setting.
        allowed = _list_settings(self.presets)
        return {name: value for name, value in dump(self).items() if name in allowed}


def _list_settings(chosen: tuple[PresetName, ...]) -> set[str]:
    return {"preset"}.union(*(PRESETS[name].settings.model_fields for name in chosen))


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """Return the score columns of the chosen presets; C4 also rewrites ``text``."""
    columns: dict[str, pl.DataType] = {}
    for name in config.presets:
        columns |= PRESETS[name].columns()
        if name == "c4" and config.cut_lines:
            columns["text"] = pl.String()
    return columns


def languages(config: Config) -> tuple[str, ...]:
    """Return the languages that the rules of words of all chosen presets know; (): any."""
    known = set(SPAM_LANGUAGES) if "social" in config.presets else set()
    if "gopher" in config.presets and config.min_stop_words:
        known = known & {"en"} if known else {"en"}
    return tuple(sorted(known))


def movable(config: Config) -> Mapping[str, str]:
    """Return the thresholds of the chosen presets, each with the column it is compared with."""
    rules = [rule for name in config.presets for rule in PRESETS[name].rules]
    return {
        setting: f"quality_{measure}"
        for rule in rules
        for setting, measure in (*rule.movable_settings, *rule.exceptions)
    }


def models(config: Config) -> list[Path]:
    """Return the model of word salad and the list of communities, if they are used."""
    has_blocklist = "dolma_reddit" in config.presets and config.subreddit_blocklist
    return [
        *([presets.SALAD_MODEL] if "social" in config.presets else []),
        *([Path(config.subreddit_blocklist)] if has_blocklist else []),
    ]


def verdict(config: Config) -> pl.Expr:
    """Return the reason to drop a post, or null, from the score columns alone.

    So a threshold can be tried on the columns of an earlier run (of the same presets).
    """
    return pl.coalesce(*(_find_first_broken_rule(PRESETS[name], config) for name in config.presets))


def reasons(config: Config) -> tuple[str, ...]:
    """Return the reasons that the rules of all chosen presets give."""
    rules = [rule for name in config.presets for rule in PRESETS[name].rules]
    return tuple(dict.fromkeys(rule.reason for rule in rules))


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """Return the bound of each measure, in the order of the rules."""
    return tuple(
        Threshold(f"quality_{measure}", setting, rule.side, rule.reason, rule.note)
        for preset in config.presets
        for rule in PRESETS[preset].rules
        if rule.side
        for setting, measure in rule.movable_settings
    )


def build(config: Config) -> Filter:
    """Return the filter; the first rule that a post breaks gives the reason."""
    steps = [(PRESETS[name], _make_measurer(name, config)) for name in config.presets]
    known = languages(config)

    def quality(posts: pl.DataFrame) -> pl.DataFrame:
        reject = pl.repeat(None, posts.height, dtype=pl.String, eager=True).alias("reject")
        named = with_languages(posts) if known else posts  # once for all rules of words
        scored = named.drop("reject", strict=False)
        for preset, measure in steps:
            measures = measure(scored)
            scored = scored.with_columns(measures.drop("text", strict=False))
            reasons = scored.select(_find_first_broken_rule(preset, config)).to_series()
            reject = reject.zip_with(reject.is_not_null(), reasons).alias("reject")
            if "text" in measures.columns:  # the text of a rejected post does not change
                text = measures["text"].zip_with(reject.is_null(), scored["text"])
                scored = scored.with_columns(text)
        judged = scored.with_columns(reject)
        if not known:
            return judged
        judged = judged.with_columns(find_unknown_languages(named, known).alias(UNJUDGED))
        return judged.drop(set(named.columns).difference(posts.columns))

    return quality


def _find_first_broken_rule(preset: Preset, config: Config) -> pl.Expr:
    reason = pl.lit(None, dtype=pl.String)
    for rule in reversed(preset.rules):
        reason = pl.when(rule.is_broken(config)).then(pl.lit(rule.reason)).otherwise(reason)
    return reason


def _make_measurer(name: PresetName, config: Config) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return the function that computes the columns of a preset, and ``text`` if it rewrites it."""
    if name == "social":
        return social.make_social_measurer(config)
    if name == "dolma_reddit":
        return dolma.make_dolma_measurer(config)
    from filters.quality import published  # it imports numba

    return published.make_published_measurer(name, config, PRESETS[name].columns())
