"""Drop posts that carry no words worth learning from, and keep short ones that do.

``social``, the default, is ours and made for posts: is there text beside links, tags and mentions;
does it repeat itself; is it a robot's template, or spam? The others are the published sets for web
pages, deciding as datatrove decides; they reject nearly every post (Gopher's fifty words reject
97 % of tweets). ``preset: [gopher_repetition, gopher]`` asks several in turn. Every measure stays
as a column ``quality_<measure>``, and every threshold has a setting of its own.
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

from filters.contract import Filter, FilterConfig, Threshold
from filters.quality import dolma, social
from filters.quality import presets as _presets
from filters.quality.presets import Preset

READS = ("text",)
WRITES: dict[str, pl.DataType] = social.SOCIAL.columns()
VERSION = 2

PRESETS: dict[str, Preset] = {
    "social": social.SOCIAL,
    "gopher": _presets.GOPHER,
    "gopher_repetition": _presets.GOPHER_REPETITION,
    "c4": _presets.C4,
    "fineweb": _presets.FINEWEB,
    "dolma_reddit": _presets.DOLMA_REDDIT,
}
PresetName = Literal["social", "gopher", "gopher_repetition", "c4", "fineweb", "dolma_reddit"]


class _PresetChoice(FilterConfig):
    preset: PresetName | tuple[PresetName, ...] = Field(
        "social", description="one of those named below, or a list that is asked in order"
    )

    @field_validator("preset", mode="before")
    @classmethod
    def _check_presets(cls, value: object) -> object:
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or any(name not in PRESETS for name in listed):
            raise ValueError(f"name one of {', '.join(PRESETS)}, or list some of them")
        if not listed or len(set(listed)) < len(listed):
            raise ValueError("name at least one preset, and each once")
        return value


class Config(
    # Last come first: so the settings are listed in the order of the presets.
    _presets.DolmaSettings,
    _presets.FineWebSettings,
    _presets.C4Settings,
    _presets.RepetitionSettings,
    _presets.GopherSettings,
    social.SocialSettings,
    _PresetChoice,
):
    """The presets and their thresholds; a setting of a preset that is not chosen is an error."""

    @property
    def presets(self) -> tuple[PresetName, ...]:
        """The chosen presets."""
        return (self.preset,) if isinstance(self.preset, str) else self.preset

    @model_validator(mode="after")
    def _check_settings(self) -> Config:
        known = _list_settings(self.presets)
        for name in sorted(self.model_fields_set - known):
            owners = [key for key in PRESETS if name in PRESETS[key].settings.model_fields]
            raise ValueError(
                f"'{name}' is a setting of the preset {' or '.join(owners)}, and preset is "
                f"{' and '.join(self.presets)}; its settings: {', '.join(sorted(known))}"
            )
        return self

    @model_serializer(mode="wrap")
    def _dump_chosen_settings(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What does not count must not change a fingerprint, nor be read back as a setting.
        known = _list_settings(self.presets)
        return {name: value for name, value in dump(self).items() if name in known}


def _list_settings(presets: tuple[PresetName, ...]) -> set[str]:
    return {"preset"}.union(*(PRESETS[name].settings.model_fields for name in presets))


def writes(config: Config) -> Mapping[str, pl.DataType]:
    """The score columns of the chosen presets; C4 also rewrites ``text``."""
    found: dict[str, pl.DataType] = {}
    for name in config.presets:
        found |= PRESETS[name].columns()
        if name == "c4" and config.cut_lines:
            found["text"] = pl.String()
    return found


def movable(config: Config) -> Mapping[str, str]:
    """The thresholds of the chosen presets, each with the column it is held against."""
    rules = [rule for name in config.presets for rule in PRESETS[name].rules]
    return {setting: f"quality_{name}" for rule in rules for setting, name in rule.movable_settings}


def models(config: Config) -> list[Path]:
    """The list of communities, if there is one."""
    wanted = "dolma_reddit" in config.presets and config.subreddit_blocklist
    return [Path(config.subreddit_blocklist)] if wanted else []


def verdict(config: Config) -> pl.Expr:
    """The reason to leave, or null, from the score columns alone.

    So a threshold can be tried on the columns of an earlier run (of the same presets).
    """
    return pl.coalesce(*(_find_first_broken_rule(PRESETS[name], config) for name in config.presets))


def thresholds(config: Config) -> tuple[Threshold, ...]:
    """What each measure is held to, in the order of the rules."""
    return tuple(
        Threshold(f"quality_{name}", setting, rule.side, rule.reason, rule.note)
        for preset in config.presets
        for rule in PRESETS[preset].rules
        if rule.side
        for setting, name in rule.movable_settings
    )


def build(config: Config) -> Filter:
    """Return the filter; the first rule that a post breaks gives the reason."""
    steps = [(PRESETS[name], _make_measurer(name, config)) for name in config.presets]

    def quality(posts: pl.DataFrame) -> pl.DataFrame:
        reject = pl.repeat(None, posts.height, dtype=pl.String, eager=True).alias("reject")
        judged = posts.drop("reject", strict=False)
        for preset, measured in steps:
            found = measured(judged)
            judged = judged.with_columns(found.drop("text", strict=False))
            new = judged.select(_find_first_broken_rule(preset, config)).to_series()
            reject = reject.zip_with(reject.is_not_null(), new).alias("reject")
            if "text" in found.columns:  # what leaves, leaves as it was
                text = found["text"].zip_with(reject.is_null(), judged["text"])
                judged = judged.with_columns(text)
        return judged.with_columns(reject)

    return quality


def _find_first_broken_rule(preset: Preset, config: Config) -> pl.Expr:
    reason = pl.lit(None, dtype=pl.String)
    for rule in reversed(preset.rules):
        reason = pl.when(rule.is_broken(config)).then(pl.lit(rule.reason)).otherwise(reason)
    return reason


def _make_measurer(name: PresetName, config: Config) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """What gives the columns of a preset, ``text`` among them where it rewrites it."""
    if name == "social":
        return social.make_social_measurer(config)
    if name == "dolma_reddit":
        return dolma.make_dolma_measurer(config)
    from filters.quality import published  # and with it numba

    return published.make_published_measurer(name, config, PRESETS[name].columns())
