"""What the datasheet and Croissant say in words: the same facts, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus.report.dataset_card import describe_redaction
from corpus.report.funnel import find_duplicate_counts, has_conversations, list_funnel_rows
from corpus.report.published_plan import PublishedPlan

KNOWN_LIMITS = (
    "Posts on public platforms over-represent the people who post most, the languages and "
    "communities of the sources, and the time they were collected in.",
    "Language, quality and toxicity are judged by models and rules that err, and not equally for "
    "all: dialects, slang and reclaimed words are dropped more often than standard writing.",
    "A pattern finds contact data by its form. Names, street addresses and what a text tells "
    "between the lines stay, so people may be recognised.",
    "Deletions that happened after the dumps were made are not known here; they need a takedown.",
    "Near duplicates are found by shared words: paraphrases and translations stay.",
    "Nothing was checked for truth. Posts hold rumours, errors, jokes and lies.",
)
INTENDED_USES = (
    "Pretraining and continued pretraining of language models on social-media text, and research "
    "on such corpora.",
    "It is not meant for finding out who wrote something, for profiles of people, for decisions "
    "about people, or as a source of facts.",
)


def pluralize(count: int, thing: str) -> str:
    """So many things, in words."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def describe_collection(manifest: Mapping[str, Any], settings: PublishedPlan) -> str:
    """Where the posts come from."""
    readers = ", ".join(settings.readers) or "unknown readers"
    totals, count = manifest["totals"], len(manifest["sources"])
    deleted = sum(source.get("tombstones", 0) for source in manifest["sources"])
    notices = f" {deleted:,} delete notices in them were honoured." if deleted else ""
    return (
        f"Existing dumps of public posts, read with: {readers}. {pluralize(count, 'file')} "
        f"held {pluralize(totals['read'], 'record')}, of which "
        f"{totals['refused']:,} could not be read.{notices} Nothing was collected from a platform "
        "by this tool."
    )


def describe_processing(manifest: Mapping[str, Any]) -> list[str]:
    """Each stage and what it dropped."""
    told = []
    for row in list(list_funnel_rows(manifest))[1:]:
        why = f" ({row.reasons_text})" if row.gone else ""
        told.append(f"{row.stage}: {row.read:,} in, {row.gone:,} dropped{why}")
    return told


def describe_thresholds(manifest: Mapping[str, Any]) -> list[str]:
    """Which setting bounds which measure."""
    return [
        f"{row['stage']}: {row['column']} {'at most' if row['side'] == 'max' else 'at least'} "
        f"{row['value']:g} ({row['setting']}), else {row['reason']}{threshold_note(row)}"
        for row in manifest.get("thresholds", ())
    ]


def threshold_note(threshold: Mapping[str, Any]) -> str:
    """What else a threshold's verdict hangs on."""
    return f"; {threshold['note']}" if threshold.get("note") else ""


def describe_splits(manifest: Mapping[str, Any]) -> str:
    """How many documents are for training and how many were set aside; nothing if none were."""
    found: dict[str, int] = {}
    for shard in manifest["shards"]:
        name = str(shard.get("split", "train"))
        found[name] = found.get(name, 0) + shard["rows"]
    if len(found) < 2:
        return ""
    sizes = ", ".join(f"{name} {count:,}" for name, count in found.items())
    return f"Splits, in documents: {sizes}."


def describe_time_span(counted: Mapping[str, Any]) -> str:
    """The time that the documents were written in."""
    line = counted["timeline"]
    return f"{line['first']} to {line['last']}" if line["first"] else "unknown"


def describe_personal_data(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> str:
    """What of people is in it."""
    found = sum(count for _, _, count in counted["pii"])
    counts = f" {pluralize(found, 'detail')} replaced in what was kept." if found else ""
    ids = (
        "Post ids are keyed pseudonyms too." if manifest.get("ids", "original") == "keyed"
        else "Post ids are the platforms' own and lead back to the posts."
    )  # fmt: skip
    return (
        "People wrote these posts, some about health, belief, politics or other people. Authors "
        f"are keyed pseudonyms. {ids} {describe_redaction(settings)}{counts} Posts that their authors or "
        "platforms withdrew before the dumps ended were dropped."
    )


def describe_documents(manifest: Mapping[str, Any]) -> str:
    """What a row is."""
    totals = manifest["totals"]
    if has_conversations(manifest):
        return f"{totals['documents']:,} documents made of {totals['kept']:,} posts"
    return f"{totals['documents']:,} posts, one to a row"


def describe_duplicates(manifest: Mapping[str, Any]) -> str:
    """What is known of duplicates."""
    found = find_duplicate_counts(manifest)
    if not found:
        return "Not deduplicated."
    return f"{found['clusters']:,} texts were posted more than once, or nearly so."


def describe_maintenance(manifest: Mapping[str, Any], settings: PublishedPlan) -> str:
    """Whom to write to, and what was taken out so far."""
    contact = settings.output_option("contact")
    whom = f"Takedowns: {contact}." if contact else "The plan names no contact for takedowns."
    done = manifest.get("takedowns", ())
    removed = sum(row.get("removed", 0) for row in done)
    past = (
        f" {pluralize(len(done), 'takedown')} so far, {pluralize(removed, 'post')} out."
        if done
        else ""
    )
    return (
        f"{whom}{past} 'corpus takedown' takes posts and authors out of the finished corpus, and "
        "the papers are written anew."
    )
