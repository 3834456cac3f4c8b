"""Invent the posts of the demo: ordinary ones, and all kinds that a corpus builder must detect."""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from corpus.demo import phrases, render
from corpus.demo.render import Draft

# Source to its share of all posts; all other posts are comments.
_SOURCE_SHARES = {"submissions": 0.15, "stream": 0.33, "api": 0.10, "forum": 0.05}

# Category to its share of a source's posts. All other posts are ordinary.
_COMMON = {
    "exact_duplicate": 0.03,
    "near_duplicate": 0.04,
    "toxic": 0.02,
    "junk": 0.04,
    "pii": 0.03,
}
_DAMAGED = {"lone_surrogate": 0.003, "nul_escape": 0.003}
_REDDIT = _COMMON | _DAMAGED | {"deleted_marker": 0.02, "deleted_later": 0.015}
_PLANTED_SHARES = {
    "comments": _REDDIT | {"short": 0.05, "duplicate_id": 0.004},
    "submissions": _REDDIT,
    "stream": _COMMON
    | _DAMAGED
    | {"short": 0.05, "repost": 0.12, "protected": 0.01, "delete_notice": 0.02}
    | {"duplicate_id": 0.004},
    "api": _COMMON | {"short": 0.03, "repost": 0.08, "edited": 0.02},
    "forum": _COMMON | {"short": 0.04},
}

_START = 1_714_521_600_000  # 2024-05-01 00:00 UTC, in milliseconds
_MONTH = 31 * 86_400_000
_MAX_LENGTH = {"comments": 900, "submissions": 1500, "stream": 270, "api": 700, "forum": 1200}


def invent_drafts(posts: int, rng: random.Random) -> dict[str, list[Draft]]:
    """Return the posts of every source in the order of their times."""
    counts = {source: round(share * posts) for source, share in _SOURCE_SHARES.items()}
    counts["comments"] = posts - sum(counts.values())
    authors = [phrases.author_name(number) for number in range(max(60, posts // 6))]
    write_one = _DraftWriter(rng, authors)
    made: dict[str, list[Draft]] = {}
    for source, count in counts.items():
        categories = [
            category
            for category, share in _PLANTED_SHARES[source].items()
            for _ in range(max(1, round(share * count)))
        ]
        categories += ["ordinary"] * (count - len(categories))
        rng.shuffle(categories)
        made[source] = [write_one(source, seq, count, c) for seq, c in enumerate(categories)]
    for some in made.values():
        _add_copies_within_source(some, rng)
    _add_copies_across_sources([draft for some in made.values() for draft in some], rng)
    return made


class _DraftWriter:
    """Write one post after another; remember the threads and the texts used."""

    def __init__(self, rng: random.Random, authors: Sequence[str]) -> None:
        self.rng, self.authors = rng, authors
        self.used_texts: set[str] = set()
        self.threads: dict[str, tuple[list[int], list[Draft]]] = {}
        self.replies: dict[str, list[Draft]] = {}
        self.earlier_posts: dict[str, list[Draft]] = {"stream": [], "api": []}
        self.variant_turns: dict[str, int] = {}

    def __call__(self, source: str, seq: int, count: int, category: str) -> Draft:
        rng = self.rng
        span = count_stream_minutes(count) * 60_000 if source == "stream" else _MONTH
        time = _START + seq * span // count
        draft = Draft(source, seq, category, _make_id(source, seq, time), time)
        language = rng.choices(
            tuple(phrases.LANGUAGE_SHARES), tuple(phrases.LANGUAGE_SHARES.values())
        )[0]
        draft.lang = "en" if category in ("toxic", "short") else language
        draft.community = phrases.choose_community(rng, draft.lang)
        # A few people write most posts, as on real platforms.
        draft.author = self.authors[int(len(self.authors) * rng.random() ** 2)]
        if category == "protected":  # accounts that write nothing in public
            draft.author = f"private_{draft.author}"
        if source == "submissions":
            draft.title = self.unique_text(
                lambda: phrases.write_title(rng, draft.lang, draft.community)
            )
        self.add_text(draft)
        if category == "ordinary":
            self.add_decoration(draft)
        self.link_to_parent(draft)
        return draft

    def unique_text(self, write: Callable[[], str]) -> str:
        """Return a text of ``write`` that was not used before: copies are made on purpose only."""
        text = write()
        for _ in range(50):
            key = re.sub(r"\W+", "", text.lower()) or text
            if key not in self.used_texts:
                self.used_texts.add(key)
                break
            text = write()
        return text

    def next_variant(self, category: str, choices: Sequence[str]) -> str:
        """Return the variants of a category in turn, so that a small demo has them all."""
        turn = self.variant_turns[category] = self.variant_turns.get(category, -1) + 1
        return choices[turn % len(choices)]

    def add_text(self, draft: Draft) -> None:
        """Write the post's text by its category."""
        rng, category, lang, community = self.rng, draft.category, draft.lang, draft.community
        if category == "toxic":
            draft.text = self.unique_text(lambda: phrases.write_toxic(rng, community))
        elif category == "short":
            draft.text = self.unique_text(lambda: phrases.write_three_words(rng))
        elif category == "junk":
            draft.lang, draft.variant = "und", self.next_variant(category, phrases.JUNK_KINDS)
            draft.text = self.unique_text(lambda: phrases.write_junk(rng, draft.variant))
            if draft.variant == "bot_template":
                draft.author = "RadioDemoBot"
        elif category == "deleted_marker":
            draft.lang = "und"
            draft.variant = self.next_variant(category, ("[deleted]", "[removed]"))
        else:
            limit = _MAX_LENGTH[draft.source] - (90 if category == "pii" else 0)
            long = draft.source in ("comments", "submissions", "forum")
            draft.text = self.unique_text(
                lambda: phrases.write_prose(rng, lang, community, limit, long)
            )
            if category == "pii":
                kinds = phrases.PII_KINDS if lang == "en" else phrases.PII_KINDS[:2]
                draft.variant = self.next_variant(f"pii {len(kinds)}", kinds)
                sentence, draft.pii_value = phrases.write_pii(rng, draft.variant, lang)
                draft.text += f" {sentence}"
            elif category in _DAMAGED:
                draft.text += " \ud83d" if category == "lone_surrogate" else " The\0End."

    def add_decoration(self, draft: Draft) -> None:
        """Add the mentions, emoji and HTML characters of some ordinary posts."""
        rng, chance = self.rng, self.rng.random()
        if chance < 0.05:
            draft.text += f" Thanks @{rng.choice(self.authors)}!"
        elif chance < 0.09:
            draft.text += rng.choice((" I <3 it.", " Speed > price.", ' "Less & less", I say.'))
        elif chance < 0.13:
            draft.text += " " + "".join(rng.choices(("😂", "🙏", "🎉", "🌻"), k=rng.randint(1, 3)))

    def link_to_parent(self, draft: Draft) -> None:
        """Make some posts replies to or quotes of an earlier post of their source."""
        rng = self.rng
        if draft.source == "submissions":
            times, openers = self.threads.setdefault(draft.community, ([], []))
            times.append(draft.time)
            openers.append(draft)
        elif draft.category == "duplicate_id":
            return  # another post will replace it
        elif draft.source == "comments":
            draft.kind = "reply"
            times, openers = self.threads.get(draft.community, ([], []))
            newest = bisect_left(times, draft.time)
            if newest:
                draft.root = openers[rng.randrange(max(0, newest - 8), newest)]
                thread = self.replies.setdefault(draft.root.id, [])
                draft.parent = rng.choice(thread) if thread and rng.random() < 0.6 else None
                thread.append(draft)
        elif draft.source in self.earlier_posts and draft.category == "ordinary":
            earlier, chance = self.earlier_posts[draft.source], rng.random()
            if earlier and chance < 0.22:
                draft.kind = "reply" if chance < 0.16 else "quote"
                draft.parent = rng.choice(earlier[-80:])
                if draft.kind == "reply":
                    draft.text = f"@{draft.parent.author} {draft.text}"
            else:
                earlier.append(draft)


def _make_id(source: str, seq: int, time: int) -> str:
    if source in ("stream", "api"):  # X makes an id from the millisecond and a serial number
        return str((time - 1_288_834_974_657 << 22) + seq % 4096 + (1 << 21) * (source == "api"))
    base = {"comments": 132_000_000_000, "submissions": 1_900_000_000}
    return render.to_base36(base[source] + seq * 17) if source in base else str(50_000 + seq)


def count_stream_minutes(count: int) -> int:
    """Return how many minutes the stream has for ``count`` statuses; each is a file."""
    return max(3, min(60, count // 150))


def _add_copies_within_source(drafts: list[Draft], rng: random.Random) -> None:
    """Add the copies that a source itself makes: edits, reposts, the same record twice."""
    plain = [
        d
        for d in drafts
        if d.category == "ordinary" and (d.kind == "post" or d.source == "comments")
    ]
    for draft in [d for d in drafts if d.category in ("edited", "repost", "duplicate_id")]:
        # Only what is already posted can be edited or reposted.
        past = bisect_left(plain, draft.seq, key=lambda d: d.seq)
        if not past:
            draft.category = "ordinary"
            continue
        original = plain[rng.randrange(max(0, past - 4000), past)]
        if draft.category == "duplicate_id":
            drafts[draft.seq] = replace(original, category="duplicate_id", copied_from=original)
        else:
            draft.copied_from, draft.lang, draft.community = (
                original,
                original.lang,
                original.community,
            )
            draft.text, draft.kind = original.text, "repost"
            if draft.category == "edited":
                draft.text, draft.kind = original.text + " (typo fixed)", "post"
                draft.author, original.category = original.author, "superseded"
                plain.remove(original)


def _add_copies_across_sources(drafts: Sequence[Draft], rng: random.Random) -> None:
    """Add the copies that people post anywhere: the same text, or nearly so."""
    plain = [d for d in drafts if d.category == "ordinary"]
    pools = {source: [d for d in plain if not d.title] for source in render.PREFIX}
    pools["submissions"] = [d for d in plain if d.title]
    pools["stream"] = [d for d in plain if not d.title and len(d.text) <= 240]
    # In a short text even one word is a large part.
    long_enough = {source: [d for d in pool if len(d.text) > 120] for source, pool in pools.items()}
    edits = tuple(phrases.EDITS)
    for draft in [d for d in drafts if d.category in ("exact_duplicate", "near_duplicate")]:
        original = rng.choice(pools[draft.source])
        if draft.category == "near_duplicate":
            original = rng.choice(long_enough[draft.source])
            draft.variant = rng.choice(edits)
            is_short = draft.variant == "one_word" and len(original.text.split()) < 40
            if is_short or original.lang == "ja":
                draft.variant = rng.choice(("trailing_link", "punctuation"))
        edit = phrases.EDITS.get(draft.variant)
        draft.text = edit(rng, original.text) if edit else original.text
        draft.title, draft.copied_from, draft.lang = original.title, original, original.lang
