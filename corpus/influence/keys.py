"""The keys of posts: what posts can have in common, as numbers, and their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus.dedup import normalize
from corpus.influence.config import Config
from corpus.partition.hashing import hash_strings
from corpus.partition.partitions import make_rows
from corpus.tasks import array_store
from filters.text.arrays import I64, U8, U32, U64

#: The kinds of keys, in the order of their numbers. ``symbols``: three or more characters between
#: spaces or words that are neither; ``link``: host and path; ``long_phrase``: six words;
#: ``phrase``: one to four words.
KINDS = ("symbols", "hashtag", "mention", "domain", "link", "phrase", "long_phrase")
_FOLDS = ("unicode", "case")
_MICROS_OF_DAY = 86_400_000_000
_KNOWN_DOMAINS = Path(__file__).with_name("known_domains.txt")
_DOMAIN = KINDS.index("domain")
#: The time of a post without one: after all others.
UNTIMED = int(np.iinfo(np.int64).max)


#: The array of what is known of each post but its words and extras: a row each, with the hashes of
#: ``author`` (0 for none), ``stratum`` (platform and language), ``lang`` and ``community``, the
#: ``time``, the bits ``one`` and ``two`` of :func:`kernel.mark_bits`, ``is_turn``, ``is_dated``
#: (known: when the account was made) and ``is_new``.
POSTS = "posts"
#: Words, their offsets by post, extras, their kinds, and their offsets by post.
FeatureArrays = tuple[U32, I64, U64, U8, I64]
_FEATURE_NAMES = ("words", "word_offsets", "extras", "kinds", "extra_offsets")


@dataclass(frozen=True)
class Features:
    """The words and extras (tags, links, symbols) of n posts; see ``kernel.split_texts``."""

    data: U8  # the normalized texts
    words: U32
    begins: I64
    ends: I64
    word_offsets: I64  # (n + 1,)
    extras: U64  # 0 for what has no key
    kinds: U8
    firsts: I64
    lasts: I64
    extra_offsets: I64  # (n + 1,)

    def to_tuple(self) -> FeatureArrays:
        """What the compiled functions take of them."""
        return self.words, self.word_offsets, self.extras, self.kinds, self.extra_offsets


def split(texts: pl.Series, allow: Iterable[str] = (), *, with_spans: bool = True) -> Features:
    """The words and extras of ``texts``; without spans, ``begins`` and ``ends`` are empty."""
    from corpus.influence import kernel

    data, offsets = normalize.normalize_to_bytes(texts, _FOLDS)
    found = kernel.split_texts(data, offsets, normalize.load_table().classes, with_spans)
    features = Features(data, *found)
    _hash_domains(features, frozenset(_clean(name) for name in allow) | load_known_domains())
    return features


def _clean(name: str) -> str:
    return name.strip().lower().removeprefix("www.")


def _hash_domains(features: Features, known: frozenset[str]) -> None:
    """Fill in the hashes of domains; those of the allow list have none."""
    from corpus.influence import kernel

    at = np.flatnonzero(features.kinds == _DOMAIN)
    if not at.size:
        return
    data, offsets = kernel.copy_spans(features.data, features.firsts[at], features.lasts[at])
    hosts = array_store.unflatten_strings(data, offsets)
    _, first, number = np.unique(hash_strings(hosts)[:, 0], return_index=True, return_inverse=True)
    names = [
        None if host in known or (domain := find_domain(host)) in known else domain or None
        for host in hosts.gather(first)
    ]
    features.extras[at] = hash_strings(pl.Series(names, dtype=pl.String))[number, 0]


@lru_cache(maxsize=1 << 16)
def find_domain(host: str) -> str:
    """The registered domain of a host, such as ``example.co.uk``; else its last two labels."""
    found = _load_extractor()(host.strip(".-"))
    if found.suffix and found.domain:
        return f"{found.domain}.{found.suffix}"
    return found.ipv4 or ".".join(host.strip(".-").rsplit(".", 2)[-2:])


@cache
def _load_extractor() -> Any:
    """tldextract with its own copy of the list of public suffixes: nothing is downloaded."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@cache
def load_known_domains() -> frozenset[str]:
    """The domains of services and news sites that are never pushed as a whole."""
    lines = _KNOWN_DOMAINS.read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def list_allowed_keys(config: Config) -> U64:
    """The keys of the allow list's hashtags, names and phrases with their parts, sorted."""
    from corpus.influence import kernel

    names = [name for name in config.allow if " " in name or "." not in name]  # domains have none
    features = split(pl.Series(names, dtype=pl.String))
    every_kind = (1 << len(KINDS)) - 1
    none = np.empty(0, np.uint64)
    keys, _ = kernel.select_keys(*features.to_tuple(), none, 0, 1, every_kind)
    return np.unique(keys)


def measure(posts: pl.DataFrame, config: Config) -> dict[str, NDArray[Any]]:
    """The arrays of a part: words and extras, and :data:`POSTS`."""
    from corpus.influence import kernel

    features = split(posts["text"], config.allow, with_spans=False)
    names = posts.select(pl.concat_str("platform", pl.lit(":"), "author")).to_series()
    lang = pl.col("lang") if "lang" in posts.columns else pl.lit(None, pl.String)
    other = posts.select(
        stratum=pl.concat_str("platform", pl.lit(":"), lang.fill_null("")),
        lang=lang,
        community=pl.col("community") if "community" in posts.columns else pl.lit(None, pl.String),
        time=pl.col("created_at").cast(pl.Int64).fill_null(UNTIMED),
    )
    age = pl.lit(None, pl.Int64)
    if "author_since" in posts.columns:
        age = pl.col("created_at").cast(pl.Int64) - pl.col("author_since")
    age_days = posts.select(age.alias("age") // _MICROS_OF_DAY).to_series()
    is_turn = np.zeros(posts.height, bool)
    if "_turn_reason" in posts.columns:
        is_turn = posts["_turn_reason"].is_not_null().to_numpy()
    bits = kernel.mark_bits(
        features.words, features.word_offsets, features.extras, features.extra_offsets
    )
    rows = make_rows(
        author=hash_strings(names)[:, 0],
        stratum=hash_strings(other["stratum"])[:, 0],
        lang=hash_strings(other["lang"])[:, 0],
        community=hash_strings(other["community"])[:, 0],
        time=other["time"].to_numpy(),
        one=bits[:, 0],
        two=bits[:, 1],
        is_turn=is_turn,
        is_dated=age_days.is_not_null().to_numpy(),
        is_new=(age_days < config.new_account_days).fill_null(value=False).to_numpy(),
    )
    return {**dict(zip(_FEATURE_NAMES, features.to_tuple(), strict=True)), POSTS: rows}


def load_features(folder: Path) -> FeatureArrays:
    """The words and extras of a part, as the compiled functions take them."""
    words, word_offsets, extras, kinds, extra_offsets = (
        array_store.load_array(folder, name) for name in _FEATURE_NAMES
    )
    return words, word_offsets, extras, kinds, extra_offsets
