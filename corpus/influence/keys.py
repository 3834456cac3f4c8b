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

    data: U8  # what the spans are of: the texts that are ASCII, then the others
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

    classes = normalize.load_table().classes
    texts = texts.fill_null("") if texts.has_nulls() else texts
    data, offsets = array_store.flatten_strings(texts)
    first = offsets[0]
    data, offsets = data[first : offsets[-1] + 1], offsets - first
    begins, ends, is_other = kernel.trim_texts(data, offsets, classes)
    upper = (data - np.uint8(65) < 26).view(np.uint8)
    data = data | (upper << np.uint8(5))  # ASCII in lower case
    others = np.flatnonzero(is_other)
    if others.size:
        more, offsets = normalize.normalize_to_bytes(texts.gather(others), _FOLDS)
        begins[others], ends[others] = data.size + offsets[:-1], data.size + offsets[1:]
        data = np.concatenate((data, more))
    features = Features(data, *kernel.split_texts(data, begins, ends, classes, with_spans))
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
    begins, ends = features.firsts[at], features.lasts[at]
    first, number = kernel.number_values(kernel.hash_spans(features.data, begins, ends))
    spans = kernel.copy_spans(features.data, begins[first], ends[first])
    names = [
        None if host in known or (domain := find_domain(host)) in known else domain or None
        for host in array_store.unflatten_strings(*spans).to_list()
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
    none = {"lang": pl.String, "community": pl.String, "author_since": pl.Int64}
    lang, community, since = (
        pl.col(name) if name in posts.columns else pl.lit(None, dtype)
        for name, dtype in none.items()
    )
    time = pl.col("created_at").cast(pl.Int64)
    age_days = (time - since) // _MICROS_OF_DAY
    known = posts.select(
        author=pl.concat_str("platform", pl.lit(":"), "author"),
        stratum=pl.concat_str("platform", pl.lit(":"), lang.fill_null("")),
        lang=lang,
        community=community,
        time=time.fill_null(UNTIMED),
        is_turn=pl.col("_turn_reason").is_not_null()
        if "_turn_reason" in posts.columns
        else pl.lit(value=False),
        is_dated=age_days.is_not_null(),
        is_new=(age_days < config.new_account_days).fill_null(value=False),
    )
    bits = kernel.mark_bits(
        features.words, features.word_offsets, features.extras, features.extra_offsets
    )
    rows = make_rows(
        **{name: hash_strings(known[name])[:, 0] for name in known.columns[:4]},
        time=known["time"].to_numpy(),
        one=bits[:, 0],
        two=bits[:, 1],
        **{name: known[name].to_numpy() for name in known.columns[5:]},
    )
    return {**dict(zip(_FEATURE_NAMES, features.to_tuple(), strict=True)), POSTS: rows}


def load_features(folder: Path) -> FeatureArrays:
    """The words and extras of a part, as the compiled functions take them."""
    words, word_offsets, extras, kinds, extra_offsets = (
        array_store.load_array(folder, name) for name in _FEATURE_NAMES
    )
    return words, word_offsets, extras, kinds, extra_offsets
