"""Audit a finished corpus before its release: look for private data that should not be in it.

The audit reads only the shards and the documentation, and uses the filters as they are now.
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
from corpus.journal import CorpusFiles, read_consistently
from corpus.maintenance import checks
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.manifest import MANIFEST_NAME, load_manifest
from corpus.privacy import canaries, keys
from corpus.privacy.pseudonyms import ID_COLUMNS
from corpus.storage.unfinished_takedown import recover
from corpus.tasks import runners
from corpus.tasks.files import file_sha256

_PSEUDONYM = "^[0-9a-f]{32}$"
#: Strings that may identify a person: eight or more characters with letters and digits, or seven
#: digits.
_STRING_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_\-.:+/=@]{5,}[A-Za-z0-9]"
_IDENTIFYING_PATTERN = r"\d.*[A-Za-z].*|[A-Za-z].*\d.*|(?:\d[-.:/]?){6,}\d"
#: A sample post in report.html.
_SHOWN_POST = re.compile(
    r'<blockquote class="post"[^<>]*>((?:[^<]|<(?!/?blockquote))*)</blockquote>'
)
_BATCH_ROWS = 20_000


@dataclass
class ShardAudit:
    """The result of auditing one shard."""

    shard: str
    sha256: str = ""
    damaged: bool = False
    rows: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    detail_rows: list[str] = field(default_factory=list)  # rows that contain contact data
    unkeyed_ids: int = 0
    unkeyed_authors: int = 0
    string_hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 2), np.uint64))
    canary_counts: Counter[str] = field(default_factory=Counter)
    leaked_canaries: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class AuditShard:
    """Audits one shard: a task without files that returns a :class:`ShardAudit`."""

    path: Path
    shard: str
    pii_config: str  # as JSON
    keyed: bool
    expected_canaries: tuple[canaries.Canary, ...]

    def __call__(self) -> ShardAudit:
        """Read the shard, one row group after another."""
        result = ShardAudit(self.shard)
        try:
            result.sha256 = file_sha256(self.path)
            with pq.ParquetFile(self.path) as file:
                for group in range(file.num_row_groups):
                    frame = pl.from_arrow(file.read_row_group(group))
                    assert isinstance(frame, pl.DataFrame)
                    for posts in frame.iter_slices(_BATCH_ROWS):
                        self._audit_posts(posts, result)
                        result.rows += posts.height
        except (OSError, pl.exceptions.PolarsError, ValueError):
            result.damaged = True
        result.string_hashes = np.unique(result.string_hashes, axis=0)
        return result

    def _audit_posts(self, posts: pl.DataFrame, result: ShardAudit) -> None:
        redacted = _redact(self.pii_config, posts.select("text", "platform"))
        for column in redacted.columns:
            if column.startswith("pii_"):
                result.entities[column.removeprefix("pii_").upper()] += int(redacted[column].sum())
        changed = (redacted["text"] != posts["text"]).arg_true() + result.rows
        result.detail_rows += [f"{result.shard} row {row}" for row in changed[:MAX_EXAMPLES]]
        if self.keyed:
            keyed_id = keys.KEYED_ID.pattern.replace(r"\Z", "$")
            for name in ID_COLUMNS:
                if name in posts.columns:
                    result.unkeyed_ids += _count_mismatches(posts[name], keyed_id)
        result.unkeyed_authors += _count_mismatches(posts["author"], _PSEUDONYM)
        result.string_hashes = np.concatenate([result.string_hashes, _hash_strings(posts)])
        planted = posts.filter(pl.col("platform") == canaries.PLATFORM)["text"].to_list()
        text = "\n".join(planted)
        for canary in self.expected_canaries:
            counts = result.leaked_canaries if canary.must_be_removed else result.canary_counts
            for secret in canary.secrets:
                counts[canary.id] += text.count(secret)


_filter_cache: dict[str, Any] = {}


def _redact(pii_config: str, posts: pl.DataFrame) -> pl.DataFrame:
    """Redact the column ``text``; the filter is built once in each process."""
    if pii_config not in _filter_cache:
        module = stages.find("pii")
        config = module.Config.model_validate_json(pii_config)
        _filter_cache[pii_config] = module.build(config)
    redacted: pl.DataFrame = _filter_cache[pii_config](posts)
    return redacted


def _count_mismatches(values: pl.Series, pattern: str) -> int:
    return int((~values.drop_nulls().str.contains(pattern)).sum())


def _hash_strings(posts: pl.DataFrame) -> NDArray[np.uint64]:
    """Return for each identifying string its hash and that of its author, of shape (n, 2)."""
    # Placeholders of the build and links are no strings of a person.
    text = pl.col("text").str.replace_all(r"<[A-Z_]+(?:_[a-p]{12})?>|\S*://\S*", " ")
    strings = posts.select(
        text.str.extract_all(_STRING_PATTERN).alias("string"),
        pl.col("author").fill_null(pl.col("id")),
    )
    strings = strings.explode("string").drop_nulls("string")
    strings = strings.filter(pl.col("string").str.contains(f"^(?:{_IDENTIFYING_PATTERN})$"))
    hashes = strings.select(pl.col("string").hash(1), pl.col("author").hash(2))
    return hashes.to_numpy().astype(np.uint64).reshape(-1, 2)


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

    Every shard must have the manifest's hash, the ``pii`` stage with the settings of the plan
    (``strict``: names too) must find nothing in any text, and every id and author must be keyed.
    Strings with letters and digits of fewer than ``min_authors`` authors are counted; more than
    ``max_rare`` of them fail, if given. Canaries are searched if the plan planted some and the key
    is there. Raises :class:`~corpus.errors.CorpusError` if ``out`` is not a corpus.
    """
    folder = Path(out)
    recover(folder)
    return read_consistently(
        folder,
        lambda: _audit(CorpusFiles(folder), key, strict, min_authors, max_rare, workers),
    )


def _audit(
    files: CorpusFiles,
    key: str | Path | None,
    strict: bool,
    min_authors: int,
    max_rare: int | None,
    workers: int,
) -> dict[str, Any]:
    folder: Path = files.folder
    manifest = load_manifest(folder)
    pii_config = _load_pii_config(folder, strict)
    expected, reason = _expected_canaries(folder, manifest, key)
    keyed = manifest.get("ids", "original") == "keyed"
    tasks = [
        AuditShard(files.path(shard["path"]), shard["path"], pii_config, keyed, tuple(expected))
        for shard in manifest["shards"]
    ]
    runner = runners.make_runner("processes" if workers > 1 else "serial", workers)
    try:
        audits: list[ShardAudit] = list(runner.run(iter(tasks), lambda: None))
    except runners.WorkerDied:
        raise BuildError(
            "a worker died, most likely because it ran out of memory; use fewer --workers"
        ) from None
    finally:
        runner.close()
    audits.sort(key=lambda each: each.shard)
    unkeyed_authors = sum(each.unkeyed_authors for each in audits)
    results = [
        _check_files(folder, manifest, audits),
        _check_contact_data(audits),
        _check_ids(audits, keyed),
        Check("authors are pseudonyms", not unkeyed_authors, f"{unkeyed_authors:,} are not"),
        _check_rare_strings(audits, min_authors, max_rare),
        *_check_canaries(expected, reason, audits),
        _check_documentation(files, pii_config, keyed, expected),
    ]
    return {
        "passed": all(check.passed for check in results),
        "rows": sum(each.rows for each in audits),
        "checks": [check._asdict() for check in results],
    }


def _load_pii_config(folder: Path, strict: bool) -> str:
    """Return the plan's settings of the pii stage, without any that need the key or keep names."""
    plan = yaml.safe_load((folder / "plan.yaml").read_text(encoding="utf-8"))
    stage_settings = {name: own for stage in plan["stages"] for name, own in stage.items()}
    settings = stage_settings.get("pii") or {}
    settings |= {"style": "placeholder", "max_spans": 0}
    settings |= {"handles": "placeholder"} if settings.get("handles") == "pseudonym" else {}
    settings |= {"profile": "strict"} if strict else {}
    try:
        return stages.find("pii").Config.model_validate(settings).model_dump_json()
    except ValueError:
        raise CorpusError("the pii stage of this corpus's plan is of another version") from None


def _expected_canaries(
    folder: Path, manifest: dict[str, Any], key: str | Path | None
) -> tuple[list[canaries.Canary], str]:
    """Return the planted canaries, or none and the reason."""
    count = manifest.get("canaries", 0)
    if not count:
        return [], "none were planted"
    try:
        seed = canaries.derive_seed(keys.load_corpus_key(folder, manifest, key))
    except PlanError as error:
        return [], str(error)
    return canaries.make_canaries(count, seed), ""


def _check_files(folder: Path, manifest: dict[str, Any], audits: list[ShardAudit]) -> Check:
    hashes = {each.shard: "" if each.damaged else each.sha256 for each in audits}
    changed = checks.list_changed_shards(manifest, hashes)
    unknown = checks.list_unknown_files(folder, manifest)
    private = ["work"] if (folder / "work").exists() else []
    private += [
        path.name
        for path in folder.iterdir()
        if path.is_file() and path.name != MANIFEST_NAME and _is_key_file(path, manifest)
    ]
    files = [*changed, *unknown, *private]
    return Check(
        "files are complete and none is private",
        not files,
        f"{len(changed)} not as the manifest says, {len(unknown)} unknown, {len(private)} private",
        tuple(files[:MAX_EXAMPLES]),
    )


def _check_documentation(
    files: CorpusFiles, pii_config: str, keyed: bool, expected: list[canaries.Canary]
) -> Check:
    """Check the sample posts of the report as the shards are, and all pages for canaries."""
    name = "the documentation shows nothing private"
    pages = {
        path.name: files.path(path.name).read_text(encoding="utf-8", errors="replace")
        for path in sorted(files.folder.iterdir())
        if path.is_file() and path.suffix in (".html", ".md", ".json", ".yaml")
    }
    shown = [
        (page, html.unescape(text))
        for page, content in pages.items()
        for text in _SHOWN_POST.findall(content)
    ]
    try:
        samples = json.loads(pages.get("statistics.json", "{}")).get("samples", [])
        shown += [("statistics.json", str(sample["text"])) for sample in samples]
        ids = [str(each) for sample in samples for each in sample["ids"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Check(name, False, "statistics.json is damaged", ("statistics.json",))
    schema = {"page": pl.String, "text": pl.String}
    posts = pl.DataFrame(shown, schema=schema, orient="row")
    redacted = _redact(pii_config, posts)
    with_details = posts.filter(redacted["text"] != posts["text"])["page"].to_list()
    unkeyed = [each for each in ids if keyed and not keys.KEYED_ID.search(each)]
    secrets = [secret for canary in expected for secret in canary.secrets]
    with_canaries = [
        page
        for page, content in pages.items()
        if any(secret in html.unescape(content) for secret in secrets)
    ]
    where = [*dict.fromkeys(with_details), *dict.fromkeys(with_canaries)]
    where += ["statistics.json"] if unkeyed else []
    return Check(
        name,
        not where,
        f"{posts.height:,} posts shown, {len(with_details):,} with details; {len(unkeyed):,} ids "
        f"not keyed; canaries in {len(with_canaries):,} files",
        tuple(where[:MAX_EXAMPLES]),
    )


def _is_key_file(path: Path, manifest: dict[str, Any]) -> bool:
    if path.stat().st_size > 200:
        return False
    key = keys.parse_key(path.read_bytes())
    return bool(key and keys.key_id(key) == manifest["author_key_id"])


def _check_contact_data(audits: list[ShardAudit]) -> Check:
    entities: Counter[str] = Counter()
    for each in audits:
        entities += each.entities
    counts = ", ".join(f"{name} {count:,}" for name, count in sorted(entities.items()))
    rows = [row for each in audits for row in each.detail_rows]
    return Check(
        "no contact data and no handles", not rows, counts or "none", tuple(rows[:MAX_EXAMPLES])
    )


def _check_ids(audits: list[ShardAudit], keyed: bool) -> Check:
    if not keyed:
        return Check("post ids are keyed", True, "the plan keeps the platforms' own")
    count = sum(each.unkeyed_ids for each in audits)
    return Check("post ids are keyed", not count, f"{count:,} are not")


def _check_rare_strings(audits: list[ShardAudit], min_authors: int, max_rare: int | None) -> Check:
    hashes = [np.empty((0, 2), np.uint64), *(each.string_hashes for each in audits)]
    pairs = np.unique(np.concatenate(hashes), axis=0)
    _, authors = np.unique(pairs[:, 0], return_counts=True)
    rare = int(np.count_nonzero(authors < min_authors))
    return Check(
        "rare strings",
        max_rare is None or rare <= max_rare,
        f"{rare:,} of {authors.size:,} strings with digits are of fewer than {min_authors} authors",
    )


def _check_canaries(
    expected: list[canaries.Canary], reason: str, audits: list[ShardAudit]
) -> Iterator[Check]:
    if not expected:
        yield Check("canaries", True, f"not searched: {reason}")
        return
    leaked: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for each in audits:
        leaked += each.leaked_canaries
        counts += each.canary_counts
    details = sum(canary.must_be_removed for canary in expected)
    yield Check(
        "canaries with details",
        not leaked,
        f"{details:,} planted, details of {len(leaked):,} are in the texts",
        tuple(sorted(leaked)[:MAX_EXAMPLES]),
    )
    repeated = sorted(name for name, count in counts.items() if count > 1)
    yield Check(
        "canaries to be recited",
        not repeated,
        f"{len(expected) - details:,} planted, {len(counts):,} are in the texts, "
        f"{len(repeated):,} more than once",
        tuple(repeated[:MAX_EXAMPLES]),
    )


def format_audit(result: dict[str, Any]) -> str:
    """Format the result of :func:`audit` as lines for the terminal."""
    verdict = "passed" if result["passed"] else "failed"
    return checks.format_checks(
        result["checks"], f"audit {verdict}: {result['rows']:,} documents read"
    )
