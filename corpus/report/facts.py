"""Sentences about a corpus that both its datasheet and its Croissant file state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from corpus.plurals import pluralize
from corpus.report.funnel import find_duplicate_counts, has_conversations, list_funnel_rows
from corpus.report.published_plan import PublishedPlan

KNOWN_LIMITS = (
    "Posts on public platforms over-represent the people who post most, the languages and "
    "communities of the sources, and the time they were collected in.",
    "Language, quality and toxicity are judged by models and rules that err, and not equally for "
    "all: dialects, slang and reclaimed words are dropped more often than standard writing.",
    "Patterns recognise contact data by its form. Names, street addresses and what a text implies "
    "are not redacted, so people may be recognised.",
    "Posts that were deleted after the dumps were made are still there, until a takedown.",
    "Near duplicates are found by shared words, so paraphrases and translations are kept.",
    "No fact was checked: posts contain rumours, errors, jokes and lies.",
)
INTENDED_USES = (
    "Pretraining and continued pretraining of language models on social-media text, and research "
    "on such corpora.",
    "It is not meant for finding out who wrote something, for profiles of people, for decisions "
    "about people, or as a source of facts.",
)

#: A language of a smaller share of the documents is no language of the dataset.
_MIN_LANGUAGE_SHARE = 0.01


#: A share of the documents above which one thread, community, domain or language decides too much;
#: of so few values, one has that share in any case.
_LARGE_SHARE, _FEW_VALUES = 0.05, 20
_SHARE_WARNING = "of the documents are of one"
_LIMITS = {
    "thread": "'max_thread_posts' of 'authors' can limit it",
    "community": "'max_community_posts' of 'authors' can limit it",
    "domain": "'max_domain_posts' of 'influence' can limit it",
    "language": "'keep' of 'language' says which languages are wanted",
}


def list_large_shares(statistics: Mapping[str, Any]) -> list[str]:
    """Warn if over a twentieth of the documents are of one thread, community, domain or language.

    A plan that keeps up to 20 languages has chosen them, and there is no warning of any.
    """
    return [
        f"{row['share']:.1%} {_SHARE_WARNING} {row['kind']}, {row['name']}: {_LIMITS[row['kind']]}"
        for row in statistics.get("largest", ())
        if row["share"] > _LARGE_SHARE and row["distinct"] > _FEW_VALUES
    ]


def list_warnings(manifest: Mapping[str, Any], statistics: Mapping[str, Any]) -> list[str]:
    """The warnings of the build, and those of :func:`list_large_shares`.

    The manifest has both; the shares are of the statistics, as a takedown changes them.
    """
    of_build = [text for text in manifest.get("warnings", ()) if _SHARE_WARNING not in text]
    return of_build + list_large_shares(statistics)


def describe_collection(manifest: Mapping[str, Any], plan: PublishedPlan) -> str:
    """Say where the posts come from and how many records could not be read."""
    readers = ", ".join(plan.readers) or "unknown readers"
    totals, count = manifest["totals"], len(manifest["sources"])
    deleted = sum(source.get("tombstones", 0) for source in manifest["sources"])
    notices = f" {pluralize(deleted, 'delete notice')} in them honoured." if deleted else ""
    if suppressed := sum(source.get("suppressed", 0) for source in manifest["sources"]):
        notices += f" {pluralize(suppressed, 'post')} dropped because a person asked for it."
    return (
        f"Existing dumps of public posts, read with: {readers}. {pluralize(count, 'file')} "
        f"held {pluralize(totals['read'], 'record')}, of which "
        f"{totals['refused']:,} could not be read.{notices} Nothing was collected from a platform "
        "by this tool."
    )


def describe_processing(manifest: Mapping[str, Any]) -> list[str]:
    """Say of each stage how many posts it read and dropped, and why."""
    lines = []
    for row in list(list_funnel_rows(manifest))[1:]:
        reasons = f" ({row.reasons_text})" if row.reasons_text else ""
        lines.append(f"{row.stage}: {row.read:,} read, {row.dropped:,} dropped{reasons}")
    return lines


def describe_thresholds(manifest: Mapping[str, Any]) -> list[str]:
    """Say of each threshold which setting bounds which column."""
    return [
        f"{row['stage']}: {row['column']} {'at most' if row['side'] == 'max' else 'at least'} "
        f"{row['value']:g} ({row['setting']}), else {row['reason']}{threshold_note(row)}"
        for row in manifest.get("thresholds", ())
    ]


def threshold_note(threshold: Mapping[str, Any]) -> str:
    """Return what else decides where a threshold does not decide alone; else nothing."""
    return f"; {threshold['note']}" if threshold.get("note") else ""


def describe_splits(manifest: Mapping[str, Any]) -> str:
    """Say how many documents each split has; nothing if there is one split."""
    found: dict[str, int] = {}
    for shard in manifest["shards"]:
        name = str(shard.get("split", "train"))
        found[name] = found.get(name, 0) + shard["rows"]
    if len(found) < 2:
        return ""
    sizes = ", ".join(f"{name} {count:,}" for name, count in found.items())
    return f"Splits, in documents: {sizes}."


def describe_time_span(statistics: Mapping[str, Any]) -> str:
    """Say between which days the documents were written."""
    line = statistics["timeline"]
    return f"{line['first']} to {line['last']}" if line["first"] else "unknown"


def describe_personal_data(
    manifest: Mapping[str, Any], plan: PublishedPlan, statistics: Mapping[str, Any]
) -> str:
    """Say what of people is in the corpus, and what was replaced."""
    found = sum(count for _, _, count in statistics["pii"])
    counts = f" In the kept posts {pluralize(found, 'value')} replaced." if found else ""
    if manifest.get("ids", "original") == "keyed":
        ids = "Post ids are keyed pseudonyms too."
    else:
        ids = "Post ids are the platforms' own and lead back to the posts."
    return (
        "People wrote these posts, some about health, belief, politics or other people. Authors "
        f"are keyed pseudonyms. {ids} {describe_redaction(plan)}{counts} Posts that their authors "
        "or platforms withdrew before the dumps ended were dropped."
    )


def describe_redaction(plan: PublishedPlan) -> str:
    """Say how the plan replaced contact data."""
    settings = dict(plan.stages).get("pii")
    if settings is None:
        return "The plan had no `pii` stage: contact data is not redacted."
    how = {
        "placeholder": "replaced by typed placeholders such as `<EMAIL_ADDRESS>`",
        "mask": "masked with asterisks",
        "surrogate": "replaced by invented values of the same form that reach nobody",
    }.get(settings.get("style", "placeholder"), "replaced")
    names = "; people and places too" if settings.get("profile") == "strict" else ""
    return f"Contact data found in texts is {how}{names}."


def describe_documents(manifest: Mapping[str, Any]) -> str:
    """Say what a row of the corpus is."""
    totals = manifest["totals"]
    if has_conversations(manifest):
        documents = pluralize(totals["documents"], "document")
        return f"{documents} made of {pluralize(totals['kept'], 'post')}"
    return f"{pluralize(totals['documents'], 'post')}, one to a row"


def describe_duplicates(manifest: Mapping[str, Any]) -> str:
    """Say how many texts were posted more than once."""
    found = find_duplicate_counts(manifest)
    if not found:
        return "The corpus is not deduplicated."
    return f"{pluralize(found['clusters'], 'text')} posted more than once, exactly or nearly."


def describe_maintenance(manifest: Mapping[str, Any], plan: PublishedPlan) -> str:
    """Say whom to ask for a takedown, and what was taken down so far."""
    contact = plan.output_option("contact")
    whom = f"Takedowns: {contact}." if contact else "The plan names no contact for takedowns."
    takedowns = manifest.get("takedowns", ())
    removed = sum(row.get("removed", 0) for row in takedowns)
    past = (
        f" {pluralize(len(takedowns), 'takedown')} so far, {pluralize(removed, 'post')} removed."
        if takedowns
        else ""
    )
    return (
        f"{whom}{past} 'corpus takedown' removes posts and authors from the finished corpus, and "
        "updates its documentation."
    )


def list_language_codes(statistics: Mapping[str, Any]) -> list[str]:
    """Return the languages that at least a hundredth of the documents are in."""
    top = (statistics["languages"] or {"top": []})["top"]
    whole = sum(kept for _, kept, *_ in top)
    return [
        code
        for code, kept, *_ in top
        if kept
        and kept >= _MIN_LANGUAGE_SHARE * whole
        and re.fullmatch("[a-z]{2,3}", code)
        and code != "und"
    ]


def list_splits(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each split with the glob of its files; all shards are ``train`` unless they say so."""
    paths: dict[str, list[str]] = {}
    for shard in manifest["shards"]:
        paths.setdefault(str(shard.get("split", "train")), []).append(shard["path"])
    if not paths:
        return [("train", "shards/*.parquet")]
    return [
        (split, pattern)
        for split, files in paths.items()
        for pattern in dict.fromkeys(f"{file.rpartition('/')[0]}/*.parquet" for file in files)
    ]
