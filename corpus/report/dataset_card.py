"""README.md of a corpus: a dataset card that ``datasets.load_dataset(folder)`` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from corpus.report.funnel import has_conversations, list_funnel_rows, summarize_manifest
from corpus.report.published_plan import PublishedPlan, display_names

#: The Hub's names of licences are SPDX's in lower case; these are the ones a corpus may have.
_HUB_LICENSES = {
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0",
    "odc-by", "odbl", "pddl", "unlicense", "other",
}  # fmt: skip
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
#: A language below this share of the documents is no language of the dataset.
_MIN_LANGUAGE_SHARE = 0.01


def render_dataset_card(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> str:
    """The card. ``split`` of a shard in the manifest, if it has one, makes splits."""
    head = yaml.safe_dump(_head(manifest, settings, counted), sort_keys=False, allow_unicode=True)
    sources = [
        [name, source["reader"], f"{source['read']:,}", f"{source['refused']:,}"]
        for name, source in list_sources(manifest)
    ]
    funnel = [
        [row.stage, f"{row.read:,}", f"{row.kept:,}", f"{row.gone:,}", row.reasons_text]
        for row in list_funnel_rows(manifest)
    ]
    contact = settings.output_option("contact")
    asked = f"Write to {escape_markdown(contact)} to have posts taken out." if contact else (
        "Whoever publishes this corpus should say here whom to ask for a takedown "
        "(`output: {contact: ...}` in the plan)."
    )  # fmt: skip
    return f"""---
{head.strip()}
---
# {escape_markdown(settings.title)}

{summarize_manifest(manifest)}. Built with corpus-builder. `DATASHEET.md` says how, `report.html` shows it,
`manifest.json` holds every count, version and hash, `plan.yaml` every setting, `dropped/` a row
for each post that left.

```python
import datasets

posts = datasets.load_dataset("path/to/this/folder", split="train")
```

{markdown_table(["stage", "read", "kept", "dropped", "reasons"], funnel)}

{markdown_table(["source", "reader", "read", "refused"], sources)}

Authors are keyed pseudonyms (HMAC-SHA256); the key is not part of the corpus. {describe_redaction(settings)}
No pattern finds everything: treat the texts as written by people who may be recognised. {asked}
"""


def _head(
    manifest: Mapping[str, Any], settings: PublishedPlan, counted: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {"pretty_name": settings.title, **_license(settings, counted)}
    if codes := list_language_codes(counted):
        found["language"] = codes
    found["task_categories"] = ["text-generation"]
    found["size_categories"] = [size_category(manifest["totals"]["documents"])]
    found["tags"] = ["social-media", "croissant"] + (
        ["conversations"] * has_conversations(manifest)
    )
    found["configs"] = [
        {
            "config_name": "default",
            "data_files": [{"split": name, "path": path} for name, path in list_splits(manifest)],
        }
    ]
    return found


def _license(settings: PublishedPlan, counted: Mapping[str, Any]) -> dict[str, str]:
    said = settings.output_option("license")
    if said.lower() in _HUB_LICENSES:
        return {"license": said.lower()}
    if said:
        name = re.sub(r"[^a-z0-9.+-]+", "-", said.lower()).strip("-")
        link = {"license_link": said} if said.startswith(("http://", "https://")) else {}
        return {"license": "other", "license_name": name, **link}
    return {"license": "other", "license_name": "not-stated"}


def list_language_codes(counted: Mapping[str, Any]) -> list[str]:
    """The languages that at least a hundredth of the documents are in."""
    top = (counted["languages"] or {"top": []})["top"]
    whole = sum(kept for _, kept, *_ in top)
    return [
        code
        for code, kept, *_ in top
        if kept and kept >= _MIN_LANGUAGE_SHARE * whole and re.fullmatch("[a-z]{2,3}", code)
        and code != "und"
    ]  # fmt: skip


def size_category(documents: int) -> str:
    """The Hub's name for so many rows."""
    return next((name for most, name in _SIZES if documents < most), "n>1T")


def list_splits(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The splits and their files: the manifest's ``split`` of each shard, or all of it to train."""
    told: dict[str, list[str]] = {}
    for shard in manifest["shards"]:
        told.setdefault(str(shard.get("split", "train")), []).append(shard["path"])
    if not told:
        return [("train", "shards/*.parquet")]
    return [(name, pattern) for name, paths in told.items() for pattern in _patterns(paths)]


def _patterns(paths: Sequence[str]) -> Iterator[str]:
    """Globs over the folders that the files are in."""
    yield from dict.fromkeys(f"{path.rpartition('/')[0]}/*.parquet" for path in paths)


def list_sources(
    manifest: Mapping[str, Any], most: int = 200
) -> list[tuple[str, Mapping[str, Any]]]:
    """The first sources with the names that papers give them."""
    sources = manifest["sources"]
    return list(zip(display_names([source["path"] for source in sources]), sources, strict=True))[
        :most
    ]


def describe_redaction(settings: PublishedPlan) -> str:
    """What became of contact data, in a sentence."""
    own = dict(settings.stages).get("pii")
    if own is None:
        return "The plan had no `pii` stage: contact data stays in the texts."
    style = own.get("style", "placeholder")
    how = {
        "placeholder": "replaced by typed placeholders such as `<EMAIL_ADDRESS>`",
        "mask": "masked with asterisks",
        "surrogate": "replaced by others of the same shape that reach nobody",
    }.get(style, "replaced")
    names = "; people and places too" if own.get("profile") == "strict" else ""
    return f"Contact data found in texts is {how}{names}."


def escape_markdown(text: object) -> str:
    """Text that Markdown, a table and a terminal show as it is."""
    flat = "".join(c if c.isprintable() else " " for c in str(text))
    return re.sub(r"([\\`*\[\]<>|#&])", r"\\\1", flat)


def fence_code(text: str, kind: str) -> str:
    """A block of code; no run of backticks in it can end it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text.strip()}\n{fence}"


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table."""
    head = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    body = [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]
    return "\n".join([head, *body])


def _cell(value: object) -> str:
    # Names of stages and reasons are ours, and read better unescaped: `too_few_words`.
    text = str(value)
    ours = re.fullmatch(r"[\w ,.:%=+/-]*|`[0-9a-f]+…?`", text, re.ASCII)
    return text if ours else escape_markdown(text)
