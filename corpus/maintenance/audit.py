"""Look at a finished corpus as somebody who wants it to be harmless would: the release gate.

Everything is read again from the shards alone, with the filters as they are now.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

from corpus import stages
from corpus.errors import BuildError, CorpusError, PlanError
from corpus.maintenance import checks
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.manifest import MANIFEST_NAME, load_manifest
from corpus.pipeline import canaries
from corpus.privacy import keys
from corpus.privacy.pseudonyms import ID_COLUMNS
from corpus.tasks import runners
from corpus.tasks.files import file_sha256

_PSEUDONYM = "^[0-9a-f]{32}$"
#: What may be somebody's own: a run of eight or more that mixes letters and digits, or seven
#: digits. Not what the build itself put there.
_STRING_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_\-.:+/=@]{5,}[A-Za-z0-9]"
_IDENTIFYING_PATTERN = r"\d.*[A-Za-z].*|[A-Za-z].*\d.*|(?:\d[-.:/]?){6,}\d"
#: A post in report.html.
_SHOWN_POST = re.compile(
    r'<blockquote class="post"[^<>]*>((?:[^<]|<(?!/?blockquote))*)</blockquote>'
)
_BATCH_ROWS = 20_000


@dataclass
class ShardAudit:
    """What reading one shard has shown."""

    shard: str
    sha256: str = ""
    damaged: bool = False
    rows: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    detail_rows: list[str] = field(default_factory=list)  # places of rows that hold a detail
    unkeyed_ids: int = 0
    unkeyed_authors: int = 0
    string_hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 2), np.uint64))
    canary_counts: Counter[str] = field(default_factory=Counter)
    leaked_canaries: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class AuditShard:
    """The task of auditing one shard."""

    path: Path
    shard: str
    pii_config: str  # the pii Config as JSON
    keyed: bool
    expected_canaries: tuple[canaries.Canary, ...]

    def __call__(self) -> ShardAudit:
        """Read it, a row group at a time."""
        seen = ShardAudit(self.shard)
        try:
            seen.sha256 = file_sha256(self.path)
            with pq.ParquetFile(self.path) as file:
                for group in range(file.num_row_groups):
                    frame = pl.from_arrow(file.read_row_group(group))
                    assert isinstance(frame, pl.DataFrame)
                    for posts in frame.iter_slices(_BATCH_ROWS):
                        self._audit_posts(posts, seen)
                        seen.rows += posts.height
        except (OSError, pl.exceptions.PolarsError, ValueError):
            seen.damaged = True
        seen.string_hashes = np.unique(seen.string_hashes, axis=0)
        return seen

    def _audit_posts(self, posts: pl.DataFrame, result: ShardAudit) -> None:
        module = stages.find("pii")
        config = module.Config.model_validate_json(self.pii_config)
        judged = _load_filter(self.pii_config, module.build, config)(
            posts.select("text", "platform")
        )
        for column in judged.columns:
            if column.startswith("pii_"):
                result.entities[column.removeprefix("pii_").upper()] += int(judged[column].sum())
        held = (judged["text"] != posts["text"]).arg_true() + result.rows
        result.detail_rows += [f"{result.shard} row {row}" for row in held[:MAX_EXAMPLES]]
        if self.keyed:
            columns = [name for name in ID_COLUMNS if name in posts.columns]
            wrong = [
                ~posts[name].drop_nulls().str.contains(keys.KEYED_ID.pattern.replace(r"\Z", "$"))
                for name in columns
            ]
            result.unkeyed_ids += sum(int(each.sum()) for each in wrong)
        result.unkeyed_authors += int(
            (~posts["author"].drop_nulls().str.contains(_PSEUDONYM)).sum()
        )
        result.string_hashes = np.concatenate([result.string_hashes, _hash_strings(posts)])
        own = posts.filter(pl.col("platform") == canaries.PLATFORM)["text"].to_list()
        whole = "\n".join(own)
        for canary in self.expected_canaries:
            for secret in canary.secrets:
                count = whole.count(secret)
                (result.leaked_canaries if canary.must_be_removed else result.canary_counts)[
                    canary.id
                ] += count


_filter_cache: dict[str, Any] = {}


def _load_filter(pii_config: str, build: Any, config: Any) -> Any:
    if pii_config not in _filter_cache:
        _filter_cache[pii_config] = build(config)
    return _filter_cache[pii_config]


def _hash_strings(posts: pl.DataFrame) -> NDArray[np.uint64]:
    """The hash of each telling string, beside the hash of who wrote it."""
    found = (
        posts.select(
            pl.col("text").str.replace_all(r"<[A-Z_]+(?:_[a-p]{12})?>|\S*://\S*", " ")
            .str.extract_all(_STRING_PATTERN).alias("string"),
            pl.col("author").fill_null(pl.col("id")),
        )
        .explode("string")
        .drop_nulls("string")
        .filter(pl.col("string").str.contains(f"^(?:{_IDENTIFYING_PATTERN})$"))
    )  # fmt: skip
    hashed = found.select(pl.col("string").hash(1), pl.col("author").hash(2))
    return hashed.to_numpy().astype(np.uint64).reshape(-1, 2)


def audit(
    out: str | Path,
    *,
    key: str | Path | None = None,
    strict: bool = False,
    min_authors: int = 3,
    max_rare: int | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Read a finished corpus again; return ``passed`` and the ``checks``.

    Every shard is compared with the manifest's hash, every text is read by the ``pii`` stage as
    the plan has it (``strict``: names too), and every id and author must be a keyed one. Strings
    that mix letters and digits and come from fewer than ``min_authors`` authors are counted; more
    than ``max_rare`` of them fail, if given. Canaries are looked for where they were planted and
    the key is there. Raises :class:`~corpus.errors.CorpusError` if ``out`` is no corpus.
    """
    folder = Path(out)
    manifest = load_manifest(folder)
    settings = _load_pii_config(folder, strict)
    planted, why = _expected_canaries(folder, manifest, key)
    keyed = manifest.get("ids", "original") == "keyed"
    tasks = [
        AuditShard(folder / shard["path"], shard["path"], settings, keyed, tuple(planted))
        for shard in manifest["shards"]
    ]
    runner = runners.make_runner("processes" if workers > 1 else "serial", workers)
    try:
        seen: list[ShardAudit] = list(runner.run(iter(tasks), lambda: None))
    except runners.WorkerDied:
        raise BuildError("a worker died, most likely for want of memory; use fewer") from None
    finally:
        runner.close()
    seen.sort(key=lambda each: each.shard)
    answers = [
        _check_files(folder, manifest, seen),
        _check_contact_data(seen),
        _check_ids(seen, keyed),
        Check(
            "authors are pseudonyms", not sum(each.unkeyed_authors for each in seen),
            f"{sum(each.unkeyed_authors for each in seen):,} are not",
        ),
        _check_rare_strings(seen, min_authors, max_rare),
        *_check_canaries(planted, why, seen),
        _check_documentation(folder, settings, keyed, planted),
    ]  # fmt: skip
    return {
        "passed": all(check.passed for check in answers),
        "rows": sum(each.rows for each in seen),
        "checks": [check._asdict() for check in answers],
    }


def _load_pii_config(folder: Path, strict: bool) -> str:
    """The pii stage as the plan has it, but for what would need the key or keep a name."""
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    given = {name: own for stage in plan["stages"] for name, own in stage.items()}.get("pii") or {}
    given |= {"style": "placeholder", "max_spans": 0}
    given |= {"handles": "placeholder"} if given.get("handles") == "pseudonym" else {}
    given |= {"profile": "strict"} if strict else {}
    module = stages.find("pii")
    try:
        config = module.Config.model_validate(given)
        return config.model_dump_json()
    except ValueError:
        raise CorpusError("the pii stage of this corpus's plan is of another version") from None


def _expected_canaries(
    folder: Path, manifest: dict[str, Any], key: str | Path | None
) -> tuple[list[canaries.Canary], str]:
    count = manifest.get("canaries", 0)
    if not count:
        return [], "none were planted"
    try:
        return canaries.make_canaries(
            count, canaries.derive_seed(keys.load_corpus_key(folder, manifest, key))
        ), ""
    except PlanError as error:
        return [], str(error)


def _check_files(folder: Path, manifest: dict[str, Any], audits: list[ShardAudit]) -> Check:
    hashes = {each.shard: "" if each.damaged else each.sha256 for each in audits}
    wrong, extra = (
        checks.list_changed_shards(manifest, hashes),
        checks.list_unknown_files(folder, manifest),
    )
    private = [name for name in ("work",) if (folder / name).exists()]
    private += [
        path.name for path in folder.iterdir()
        if path.is_file() and path.name != MANIFEST_NAME and _is_key_file(path, manifest)
    ]  # fmt: skip
    found = [*wrong, *extra, *private]
    told = f"{len(wrong)} not as the manifest says, {len(extra)} unknown, {len(private)} private"
    return Check(
        "files are whole and nothing private is beside them",
        not found,
        told,
        tuple(found[:MAX_EXAMPLES]),
    )


def _check_documentation(
    folder: Path, pii_config: str, keyed: bool, expected: list[canaries.Canary]
) -> Check:
    """The posts that the report shows, read as the shards are; no canary in any paper."""
    name = "the papers show nothing private"
    papers = {
        path.name: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix in (".html", ".md", ".json", ".yaml")
    }
    posts = pl.DataFrame(
        [
            (paper, html.unescape(text))
            for paper, whole in papers.items()
            for text in _SHOWN_POST.findall(whole)
        ],
        schema={"paper": pl.String, "text": pl.String},
        orient="row",
    )
    try:
        told = json.loads(papers.get("statistics.json", "{}")).get("samples", [])
        kept = [("statistics.json", str(sample["text"])) for sample in told]
        ids = [str(found) for sample in told for found in sample["ids"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Check(name, False, "statistics.json is damaged", ("statistics.json",))
    posts = pl.concat([posts, pl.DataFrame(kept, schema=posts.schema, orient="row")])
    module = stages.find("pii")
    config = module.Config.model_validate_json(pii_config)
    judged = _load_filter(pii_config, module.build, config)(posts)
    wrong = posts.filter(judged["text"] != posts["text"])["paper"].to_list()
    unkeyed = [found for found in ids if keyed and not keys.KEYED_ID.search(found)]
    spoken = [
        paper
        for paper, whole in papers.items()
        if any(secret in html.unescape(whole) for canary in expected for secret in canary.secrets)
    ]
    where = [
        *dict.fromkeys(wrong),
        *dict.fromkeys(spoken),
        *(["statistics.json"] if unkeyed else []),
    ]
    return Check(
        name, not where,
        f"{posts.height:,} posts shown, {len(wrong):,} with details; {len(unkeyed):,} ids not "
        f"keyed; canaries in {len(spoken):,} papers", tuple(where[:MAX_EXAMPLES]),
    )  # fmt: skip


def _is_key_file(path: Path, manifest: dict[str, Any]) -> bool:
    if path.stat().st_size > 200:
        return False
    try:
        return bool(keys.key_id(keys.load_key(path)) == manifest["author_key_id"])
    except PlanError:
        return False


def _check_contact_data(audits: list[ShardAudit]) -> Check:
    total: Counter[str] = Counter()
    for each in audits:
        total += each.entities
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(total.items())) or "none"
    where = [place for each in audits for place in each.detail_rows]
    return Check("no contact data and no handles", not where, told, tuple(where[:MAX_EXAMPLES]))


def _check_ids(audits: list[ShardAudit], keyed: bool) -> Check:
    if not keyed:
        return Check("post ids are keyed", True, "the plan keeps the platforms' own")
    count = sum(each.unkeyed_ids for each in audits)
    return Check("post ids are keyed", not count, f"{count:,} are not")


def _check_rare_strings(audits: list[ShardAudit], min_authors: int, max_rare: int | None) -> Check:
    pairs = np.unique(
        np.concatenate([np.empty((0, 2), np.uint64), *(s.string_hashes for s in audits)]), axis=0
    )
    _, counts = np.unique(pairs[:, 0], return_counts=True)
    rare = int(np.count_nonzero(counts < min_authors))
    told = (
        f"{rare:,} of {counts.size:,} strings with digits are of fewer than {min_authors} authors"
    )
    return Check("rare strings", max_rare is None or rare <= max_rare, told)


def _check_canaries(
    expected: list[canaries.Canary], reason: str, audits: list[ShardAudit]
) -> Iterator[Check]:
    if not expected:
        yield Check("canaries", True, f"not looked for: {reason}")
        return
    leaked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for each in audits:
        leaked += each.leaked_canaries
        found += each.canary_counts
    details = sum(canary.must_be_removed for canary in expected)
    yield Check(
        "canaries with details", not leaked,
        f"{details:,} planted, details of {len(leaked):,} are in the texts", 
        tuple(sorted(leaked)[:MAX_EXAMPLES]),
    )  # fmt: skip
    twice = sorted(name for name, count in found.items() if count > 1)
    yield Check(
        "canaries to be recited", not twice,
        f"{len(expected) - details:,} planted, {len(found):,} are in the texts, "
        f"{len(twice):,} more than once", tuple(twice[:MAX_EXAMPLES]),
    )  # fmt: skip


def format_audit(result: dict[str, Any]) -> str:
    """The verdict in lines for people."""
    verdict = "passed" if result["passed"] else "failed"
    return checks.format_checks(
        result["checks"], f"audit {verdict}: {result['rows']:,} documents read"
    )
