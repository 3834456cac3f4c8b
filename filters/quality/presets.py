"""The published sets of quality rules as data: source, settings, measures, rules in order.

A rule compares one measure, a column ``quality_<measure>``, with one setting. The reasons and
settings of the published sets have the names of datatrove 0.10 (https://github.com/huggingface/
datatrove), which decides the same; where it takes a list, there is a setting for each member.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl
from pydantic import Field

from filters.contract import FilterConfig

#: The models of word salad, which ``scripts/train_salad.py`` trains.
SALAD_MODEL = Path(__file__).parent.parent / "models" / "salad.npz"

BrokenCondition = Callable[[Any], pl.Expr]


class Rule(NamedTuple):
    """A reason, and the condition on measures under which it is given."""

    reason: str
    is_broken: BrokenCondition
    #: The settings that it depends on, each with the measure that it is compared with.
    movable_settings: tuple[tuple[str, str], ...] = ()
    #: Whether those settings are a measure's maximum or its minimum; None: neither.
    side: Literal["min", "max"] | None = None
    #: What else it depends on, in words.
    note: str = ""
    #: The settings that switch it off for some posts, each with a measure; no thresholds.
    exceptions: tuple[tuple[str, str], ...] = ()


class Preset(NamedTuple):
    """A set of rules; the first one that a text breaks gives the reason."""

    source: str
    settings: type[FilterConfig]
    measures: dict[str, pl.DataType]
    rules: tuple[Rule, ...]

    def columns(self) -> dict[str, pl.DataType]:
        """Return the score columns that it writes."""
        return {f"quality_{name}": dtype for name, dtype in self.measures.items()}


def measure_column(name: str) -> pl.Expr:
    """Return the column of a measure."""
    return pl.col(f"quality_{name}")


def rule_above(reason: str, name: str, setting: str, note: str = "") -> Rule:
    """Return the rule that rejects a text with a measure above the setting."""
    return Rule(
        reason,
        lambda config: measure_column(name) > getattr(config, setting),
        ((setting, name),),
        "max",
        note,
    )


def rule_below(reason: str, name: str, setting: str, note: str = "") -> Rule:
    """Return the rule that rejects a text with a measure below the setting."""
    return Rule(
        reason,
        lambda config: measure_column(name) < getattr(config, setting),
        ((setting, name),),
        "min",
        note,
    )


class TokenizerSettings(FilterConfig):
    """What the published rules count as words."""

    tokenizer: Literal["spacy", "whitespace"] = Field(
        "spacy",
        description="the web presets': as datatrove has it for English, or what spaces separate",
    )


class GopherSettings(TokenizerSettings):
    """Gopher's thresholds (Rae et al., 2021, A1.1); words are tokens with more than signs."""

    min_doc_words: int = Field(50, ge=0, description="gopher")
    max_doc_words: int = Field(100_000, ge=0, description="gopher")
    min_avg_word_length: float = Field(3, ge=0, description="gopher: in characters")
    max_avg_word_length: float = Field(10, ge=0, description="gopher: in characters")
    max_symbol_word_ratio: float = Field(
        0.1, ge=0, description="gopher: of # and of ellipses, to tokens"
    )
    max_bullet_lines_ratio: float = Field(0.9, ge=0, le=1, description="gopher")
    max_ellipsis_lines_ratio: float = Field(0.3, ge=0, le=1, description="gopher")
    max_non_alpha_words_ratio: float = Field(
        0.8,
        ge=0,
        le=1,
        description="gopher: tokens with a letter, at least (datatrove's name for it)",
    )
    min_stop_words: int = Field(
        2, ge=0, le=8, description="gopher: of: the be to of and that have with (English)"
    )


GOPHER = Preset(
    "Rae et al. 2021, Scaling Language Models (arXiv 2112.11446), A1.1",
    GopherSettings,
    {
        "gopher_words": pl.UInt32(),
        "mean_word_chars": pl.Float64(),
        "hashes_per_word": pl.Float64(),
        "ellipses_per_word": pl.Float64(),
        "bullet_lines": pl.Float64(),
        "ellipsis_lines": pl.Float64(),
        "alphabetic_words": pl.Float64(),
        "stop_words": pl.UInt8(),
    },
    (
        rule_below("gopher_short_doc", "gopher_words", "min_doc_words"),
        rule_above("gopher_long_doc", "gopher_words", "max_doc_words"),
        rule_below("gopher_below_avg_threshold", "mean_word_chars", "min_avg_word_length"),
        rule_above("gopher_above_avg_threshold", "mean_word_chars", "max_avg_word_length"),
        rule_above("gopher_too_many_hashes", "hashes_per_word", "max_symbol_word_ratio"),
        rule_above("gopher_too_many_ellipsis", "ellipses_per_word", "max_symbol_word_ratio"),
        rule_above("gopher_too_many_bullets", "bullet_lines", "max_bullet_lines_ratio"),
        rule_above("gopher_too_many_end_ellipsis", "ellipsis_lines", "max_ellipsis_lines_ratio"),
        rule_below("gopher_below_alpha_threshold", "alphabetic_words", "max_non_alpha_words_ratio"),
        rule_below("gopher_enough_stop_words", "stop_words", "min_stop_words"),
    ),
)


class RepetitionSettings(TokenizerSettings):
    """Gopher's thresholds of repetition (Rae et al., 2021, table A1), shares of a text."""

    dup_line_frac: float = Field(0.3, ge=0, le=1, description="gopher_repetition")
    dup_para_frac: float = Field(0.3, ge=0, le=1, description="gopher_repetition")
    dup_line_char_frac: float = Field(0.2, ge=0, le=1, description="gopher_repetition")
    dup_para_char_frac: float = Field(0.2, ge=0, le=1, description="gopher_repetition")
    top_2_gram: float = Field(0.2, ge=0, description="gopher_repetition")
    top_3_gram: float = Field(0.18, ge=0, description="gopher_repetition")
    top_4_gram: float = Field(0.16, ge=0, description="gopher_repetition")
    duplicated_5_grams: float = Field(0.15, ge=0, description="gopher_repetition")
    duplicated_6_grams: float = Field(0.14, ge=0, description="gopher_repetition")
    duplicated_7_grams: float = Field(0.13, ge=0, description="gopher_repetition")
    duplicated_8_grams: float = Field(0.12, ge=0, description="gopher_repetition")
    duplicated_9_grams: float = Field(0.11, ge=0, description="gopher_repetition")
    duplicated_10_grams: float = Field(0.10, ge=0, description="gopher_repetition")


GOPHER_REPETITION = Preset(
    "Rae et al. 2021, Scaling Language Models (arXiv 2112.11446), table A1",
    RepetitionSettings,
    {
        "text_chars": pl.UInt32(),
        "duplicate_paragraphs": pl.Float64(),
        "duplicate_paragraph_chars": pl.Float64(),
        "duplicate_lines": pl.Float64(),
        "duplicate_line_chars": pl.Float64(),
        **{f"top_{size}_gram": pl.Float64() for size in (2, 3, 4)},
        **{f"duplicate_{size}_grams": pl.Float64() for size in range(5, 11)},
    },
    (
        Rule("empty", lambda _: measure_column("text_chars") == 0),
        rule_above("dup_para_frac", "duplicate_paragraphs", "dup_para_frac"),
        rule_above("dup_para_char_frac", "duplicate_paragraph_chars", "dup_para_char_frac"),
        rule_above("dup_line_frac", "duplicate_lines", "dup_line_frac"),
        rule_above("dup_line_char_frac", "duplicate_line_chars", "dup_line_char_frac"),
        *(rule_above(f"top_{n}_gram", f"top_{n}_gram", f"top_{n}_gram") for n in (2, 3, 4)),
        *(
            rule_above(f"duplicated_{n}_n_grams", f"duplicate_{n}_grams", f"duplicated_{n}_grams")
            for n in range(5, 11)
        ),
    ),
)


class C4Settings(TokenizerSettings):
    """C4's rules (Raffel et al., 2020, section 2.2); its list of bad words is not among them."""

    min_num_sentences: int = Field(5, ge=-1, description="c4: in the lines that are kept")
    min_words_per_line: int = Field(3, ge=0, description="c4")
    max_word_length: int = Field(1000, ge=-1, description="c4: in characters; -1: any")
    filter_no_terminal_punct: bool = Field(True, description="c4: lines must end in . ? ! \" or '")
    filter_javascript: bool = Field(True, description="c4: cut lines with 'javascript'")
    filter_policy: bool = Field(True, description="c4: cut lines on cookies and terms of use")
    filter_lorem_ipsum: bool = Field(True, description="c4: drop texts with 'lorem ipsum'")
    filter_curly_bracket: bool = Field(True, description="c4: drop texts with '{'")
    remove_citations: bool = Field(True, description="c4: cut [1] and [citation needed]")
    cut_lines: bool = Field(
        True,
        description="c4: remove the lines that break a rule; false: only measure without them",
    )


C4 = Preset(
    "Raffel et al. 2020, Exploring the Limits of Transfer Learning (JMLR 21), 2.2",
    C4Settings,
    {"c4_sentences": pl.UInt32(), "c4_lines": pl.UInt32(), "c4_refused": pl.UInt8()},
    (
        # Which of the two was found first; a text that both reject has one reason.
        Rule("lorem_ipsum", lambda _: measure_column("c4_refused") == 1),
        Rule("curly_bracket", lambda _: measure_column("c4_refused") == 2),
        rule_below("too_few_sentences", "c4_sentences", "min_num_sentences"),
    ),
)


class FineWebSettings(TokenizerSettings):
    """FineWeb's thresholds (Penedo et al., 2024, section 3.6)."""

    line_punct_thr: float = Field(
        0.12, ge=0, le=1, description="fineweb: lines that end in a stop, at least"
    )
    line_punct_exclude_zero: bool = Field(
        False, description="fineweb: keep a text where no line does"
    )
    short_line_thr: float = Field(0.67, ge=0, le=1, description="fineweb: short lines, at most")
    short_line_length: int = Field(30, ge=0, description="fineweb: what is short, in characters")
    char_duplicates_ratio: float = Field(
        0.01, ge=0, le=1, description="fineweb: in repeated lines, at most"
    )
    new_line_ratio: float = Field(0.3, ge=0, description="fineweb: newlines to tokens, at most")


FINEWEB = Preset(
    "Penedo et al. 2024, The FineWeb Datasets (arXiv 2406.17557), 3.6",
    FineWebSettings,
    {
        "lines": pl.UInt32(),
        "punctuated_lines": pl.Float64(),
        "short_lines": pl.Float64(),
        "line_repeats": pl.Float64(),
        "newlines_per_word": pl.Float64(),
    },
    (
        Rule("empty", lambda _: measure_column("lines") == 0),
        Rule(
            "line_punct_ratio",
            lambda config: (
                (measure_column("punctuated_lines") < config.line_punct_thr)
                & ~(
                    pl.lit(config.line_punct_exclude_zero)
                    & (measure_column("punctuated_lines") == 0)
                )
            ),
            (("line_punct_thr", "punctuated_lines"),),
            "min",
            "unless line_punct_exclude_zero keeps those at 0",
        ),
        rule_above("short_line_ratio", "short_lines", "short_line_thr"),
        rule_above("char_dup_ratio", "line_repeats", "char_duplicates_ratio"),
        rule_above("list_ratio", "newlines_per_word", "new_line_ratio"),
    ),
)


class WebSettings(FineWebSettings, C4Settings, RepetitionSettings, GopherSettings):
    """The settings of all presets for web pages."""


class DolmaSettings(FilterConfig):
    """Dolma's rules for Reddit (Soldaini et al., 2024); a rule without its column rejects none."""

    min_comment_chars: int = Field(500, ge=0, description="dolma_reddit")
    min_submission_chars: int = Field(
        400, ge=0, description="dolma_reddit: of the text below the title"
    )
    max_body_chars: int = Field(40_000, ge=0, description="dolma_reddit")
    min_score: int = Field(2, description="dolma_reddit: votes")
    over_18: bool = Field(False, description="dolma_reddit: keep posts marked as sensitive")
    subreddit_blocklist: str = Field(
        "",
        description="dolma_reddit: a file of communities to drop, one a line (not shipped)",
    )


DOLMA_REDDIT = Preset(
    "Soldaini et al. 2024, Dolma (arXiv 2402.00159); allenai/dolma, reddit/atomic_content_v5",
    DolmaSettings,
    {
        "comment_chars": pl.UInt32(),
        "submission_chars": pl.UInt32(),
        "votes": pl.Int64(),
        "deleted": pl.Boolean(),
        "over_18": pl.Boolean(),
        "blocked": pl.Boolean(),
    },
    (
        Rule("deleted", lambda _: measure_column("deleted")),
        rule_above("too_long", "comment_chars", "max_body_chars"),
        rule_above("too_long", "submission_chars", "max_body_chars"),
        rule_below("short_comment", "comment_chars", "min_comment_chars"),
        rule_below("short_submission", "submission_chars", "min_submission_chars"),
        Rule(
            "over_18",
            lambda config: pl.lit(not config.over_18) & measure_column("over_18"),
            (("over_18", "over_18"),),
        ),
        rule_below("low_score", "votes", "min_score"),
        Rule("blocked_community", lambda _: measure_column("blocked")),
    ),
)
