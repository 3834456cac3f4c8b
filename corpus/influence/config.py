"""The settings of the barrier ``influence``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from filters.contract import FilterConfig

VERSION = 3
REASONS = (
    "pushed",
    "over_key_cap",
)


class Config(FilterConfig):
    """What makes a link, tag or phrase pushed, and how many of its posts are kept."""

    action: Literal["cap", "drop", "annotate"] = Field(
        "cap",
        description="'cap' keeps the first 'max_pushed' posts of a pushed key, 'drop' none; "
        "'annotate' only writes the columns",
    )
    max_pushed: int = Field(
        20,
        ge=0,
        description="posts of a pushed key to keep, the earliest of different authors first; 250 "
        "planted posts suffice for a backdoor (Souly et al. 2025)",
    )
    min_posts: int = Field(25, ge=2, description="posts that a pushed key has at least")
    min_authors: int = Field(
        3, ge=1, description="authors that a pushed key has at least; for one author: 'authors'"
    )
    author_share: float = Field(
        0.75,
        gt=0.5,
        le=1,
        description="an author with the key in this share of all their posts writes little else",
    )
    min_devoted: float = Field(
        0.9, gt=0, le=1, description="share of a pushed key's authors who write little else"
    )
    new_account_days: int = Field(
        30,
        ge=0,
        description="the author of a post counts as one who writes little else if the source says "
        "that the account is so new; 0: never",
    )
    usual_odds: float = Field(
        7.5,
        ge=1,
        description="the odds that an author of a popular key writes little else are at most so "
        "many times those of any post's author; 7.4 on samples of four platforms",
    )
    min_evidence: float = Field(
        5.0,
        ge=0,
        description="log-likelihood ratio of a pushed key against such a popular one",
    )
    min_burst: float = Field(
        0.8,
        ge=0,
        le=1,
        description="share of a key's posts on one day, ten times that of all posts, which counts "
        "like 'min_evidence' where nearly all authors write once; 0: never",
    )
    allow: tuple[str, ...] = Field(
        (),
        description="domains, '#hashtags', '@names' and phrases that are never pushed, besides "
        "known services and news sites",
    )
    max_domain_posts: int = Field(0, ge=0, description="posts with links to one domain; 0 for all")
    max_hashtag_posts: int = Field(0, ge=0, description="posts with one hashtag; 0 for all")
    max_phrase_posts: int = Field(0, ge=0, description="posts with the same six words; 0 for all")
