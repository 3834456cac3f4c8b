"""Audit a finished corpus before its release: look for private data that should not be in it.

The audit reads the shards, the ledger and the documentation. It looks for contact data twice: with
the filter ``pii`` as it is now and the plan's settings, and with a detector that shares no code
with the filter (see ``contact_data``).
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from corpus import stages
from corpus.errors import BuildError, CorpusError, PlanError
from corpus.journal import CorpusFiles, read_consistently
from corpus.maintenance import audit_files, checks, clear_names
from corpus.maintenance.audit_files import find_in_values, format_counts
from corpus.maintenance.checks import MAX_EXAMPLES, Check
from corpus.maintenance.contact_data import ContactDataDetector, DetectorSettings
from corpus.manifest import MANIFEST_NAME, load_manifest
from corpus.plan.built_plan import load_built_plan
from corpus.plurals import pluralize
from corpus.privacy import canaries, keys, suppression
from corpus.privacy.pseudonyms import AUTHOR_COLUMNS, AUTHOR_LIST_COLUMNS, ID_COLUMNS
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
#: Rows of one shard that ``rows_with_details`` lists.
_MAX_LISTED_ROWS = 100_000
#: Columns of keyed names, which have checks of their own.
_KEYED_COLUMNS = (*ID_COLUMNS, *AUTHOR_COLUMNS, *AUTHOR_LIST_COLUMNS, "post_ids")
#: A community that is the page of one person; with a pseudonym it is none.
_PERSONAL_PAGE = r"(?i)^(?:(?:/?r/)?u_|/?(?:u|user|users|profile|people|wall)[/:]|@)"
_KEYED_PAGE = r"[0-9a-f]{32}|~[0-9a-f]{16,}"
#: Scripts that put no spaces between words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_NO_PAIRS = np.empty((0, 2), np.uint64)


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
    detected: Counter[str] = field(default_factory=Counter)  # by the independent detector
    detected_rows: list[str] = field(default_factory=list)
    rows_with_details: list[int] = field(default_factory=list)  # by either detector
    column_details: Counter[str] = field(default_factory=Counter)  # of columns beside the text
    column_rows: list[str] = field(default_factory=list)
    suppressed: Counter[str] = field(default_factory=Counter)
    suppressed_rows: list[str] = field(default_factory=list)
    id_hashes: NDArray[np.uint64] = field(default_factory=lambda: _NO_PAIRS)
    author_hashes: NDArray[np.uint64] = field(default_factory=lambda: _NO_PAIRS[:, 0])
    #: Of words that may be names: hash as an author or a post, row, and 1 if not in the text.
    word_hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 3), np.uint64))
    string_hashes: NDArray[np.uint64] = field(default_factory=lambda: _NO_PAIRS)
    canary_counts: Counter[str] = field(default_factory=Counter)
    leaked_canaries: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Secrets:
    """What the audit knows with the corpus's key: the key, and what must not be in the corpus."""

    key: bytes = field(default=b"", repr=False)
    reason: str = ""  # why there is no key
    ids: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    names: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class AuditShard:
    """Audits one shard: a task without files that returns a :class:`ShardAudit`."""

    path: Path
    shard: str
    pii_config: str  # as JSON
    detector: DetectorSettings
    secrets: Secrets
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
        _, first = np.unique(result.word_hashes[:, [0, 2]], axis=0, return_index=True)
        result.word_hashes = result.word_hashes[np.sort(first)]
        return result

    def _audit_posts(self, posts: pl.DataFrame, result: ShardAudit) -> None:
        # The filter looks for names by language, and for handles by platform.
        read = [name for name in ("text", "platform", "lang", "mentions") if name in posts.columns]
        redacted = _redact(self.pii_config, posts.select(read))
        for column in redacted.columns:
            if column.startswith("pii_"):
                result.entities[column.removeprefix("pii_").upper()] += int(redacted[column].sum())
        changed = (redacted["text"] != posts["text"]).arg_true()
        result.detail_rows += self._name_rows(changed, result)
        detected = self._detect(posts, result)
        remaining = _MAX_LISTED_ROWS - len(result.rows_with_details)
        both = sorted({*changed.to_list(), *detected})[:remaining]
        result.rows_with_details += [result.rows + row for row in both]
        if self.keyed:
            keyed_id = keys.KEYED_ID.pattern.replace(r"\Z", "$")
            for name in (*ID_COLUMNS, "post_ids"):
                if name in posts.columns:
                    result.unkeyed_ids += _count_mismatches(_flatten(posts[name]), keyed_id)
        for name in (*AUTHOR_COLUMNS, *AUTHOR_LIST_COLUMNS):
            if name in posts.columns:
                result.unkeyed_authors += _count_mismatches(_flatten(posts[name]), _PSEUDONYM)
        ids = posts.drop_nulls("author").select(pl.col("id").hash(3), pl.col("author").hash(4))
        result.id_hashes = np.concatenate(
            [result.id_hashes, ids.to_numpy().astype(np.uint64).reshape(-1, 2)]
        )
        if self.secrets.key:
            self._find_suppressed(posts, result)
            self._hash_words(posts, result)
        result.string_hashes = np.concatenate([result.string_hashes, _hash_strings(posts)])
        planted = posts.filter(pl.col("platform") == canaries.PLATFORM)["text"].to_list()
        text = "\n".join(planted)
        for canary in self.expected_canaries:
            counts = result.leaked_canaries if canary.must_be_removed else result.canary_counts
            for secret in canary.secrets:
                counts[canary.id] += text.count(secret)

    def _name_rows(self, rows: pl.Series, result: ShardAudit) -> list[str]:
        """Name rows of the present batch, as examples."""
        return [f"{self.shard} row {result.rows + row}" for row in rows[:MAX_EXAMPLES]]

    def _detect(self, posts: pl.DataFrame, result: ShardAudit) -> set[int]:
        """Look for contact data with the independent detector, in every column of strings.

        Returns the rows of the batch that have any.
        """
        detector = _make_detector(self.detector)
        languages = posts["lang"] if "lang" in posts.columns else None
        found = detector.count(posts["text"], languages)
        for counts in found.values():
            result.detected += counts
        result.detected_rows += self._name_rows(pl.Series(list(found), dtype=pl.Int64), result)
        detected = set(found)
        for name in _list_string_columns(posts):
            values = _flatten(posts[name])
            found_in = find_in_values(values, detector)
            if name == "community":
                for value in _list_personal_pages(values):
                    found_in.setdefault(value, Counter())["PERSONAL_PAGE"] += 1
            for counts in found_in.values():
                result.column_details += Counter(
                    {f"{name} {entity}": count for entity, count in counts.items()}
                )
            if found_in:
                is_hit = _contains_any(posts[name], list(found_in))
                rows = is_hit.arg_true()
                detected.update(rows)
                named = self._name_rows(rows, result)
                result.column_rows += [f"{row}: {name}" for row in named]
        return detected

    def _find_suppressed(self, posts: pl.DataFrame, result: ShardAudit) -> None:
        secrets = self.secrets
        is_hit = pl.repeat(False, posts.height, dtype=pl.Boolean, eager=True)
        of_authors = (*AUTHOR_COLUMNS, *AUTHOR_LIST_COLUMNS)
        for name in (*ID_COLUMNS, "post_ids", *of_authors):
            listed = secrets.authors if name in of_authors else secrets.ids
            if name in posts.columns and listed:
                hits = _contains_any(posts[name], list(listed))
                # A post may reply to one that is suppressed: only its keyed name is there.
                if name not in ("parent_id", "root_id", "accepted_id"):
                    is_hit |= hits
                    result.suppressed["author" if listed is secrets.authors else "id"] += int(
                        hits.sum()
                    )
        if secrets.names:
            hits = posts["text"].str.contains(_make_names_pattern(secrets.names))
            is_hit |= hits.fill_null(False)
            result.suppressed["name"] += int(hits.sum())
        result.suppressed_rows += self._name_rows(is_hit.arg_true(), result)

    def _hash_words(self, posts: pl.DataFrame, result: ShardAudit) -> None:
        """Hash the words that may be names of authors or posts, with the corpus's key."""
        result.author_hashes = np.unique(
            np.concatenate([result.author_hashes, clear_names.hash_author_column(posts["author"])])
        )
        if self.keyed:
            ids = clear_names.hash_id_column(posts["id"])
            result.author_hashes = np.unique(np.concatenate([result.author_hashes, ids]))
        platforms = set(posts["platform"].drop_nulls().unique()) - {canaries.PLATFORM}
        hashed: list[tuple[int, int, int]] = []
        for name in ("text", *_list_string_columns(posts)):
            values = posts[name]
            if name != "text":
                values = _as_texts(values).str.replace(r"^(?:/?r/)?u_", "")
            words = clear_names.list_possible_names(values)
            hashes = clear_names.hash_names(words["name"], platforms, self.secrets.key)
            for row, (authors, ids_) in zip(words["row"], hashes, strict=True):
                found = (*authors, *(ids_ if self.keyed else ()))
                hashed += [(each, result.rows + row, int(name != "text")) for each in found]
        if hashed:
            new = np.array(hashed, np.uint64)
            result.word_hashes = np.concatenate([result.word_hashes, new])


_filter_cache: dict[str, Any] = {}


def _redact(pii_config: str, posts: pl.DataFrame) -> pl.DataFrame:
    """Redact the column ``text``; the filter is built once in each process."""
    if pii_config not in _filter_cache:
        module = stages.find("pii")
        config = module.Config.model_validate_json(pii_config)
        _filter_cache[pii_config] = module.build(config)
    redacted: pl.DataFrame = _filter_cache[pii_config](posts)
    return redacted


@cache
def _make_detector(settings: DetectorSettings) -> ContactDataDetector:
    return ContactDataDetector(settings)


def _list_string_columns(posts: pl.DataFrame) -> list[str]:
    """Return the columns of strings and lists of strings beside text, ids and authors."""
    kinds = (pl.String, pl.Categorical, pl.Enum, pl.List(pl.String))
    return [
        name
        for name, kind in posts.schema.items()
        if name not in ("text", *_KEYED_COLUMNS) and any(kind == each for each in kinds)
    ]


def _flatten(values: pl.Series) -> pl.Series:
    """Return the strings of a column of strings or of lists."""
    return (values.explode() if values.dtype == pl.List else values).cast(pl.String)


def _as_texts(values: pl.Series) -> pl.Series:
    """Return one string for each row, with the strings of a list joined by spaces."""
    return values.list.join(" ") if values.dtype == pl.List else values.cast(pl.String)


def _contains_any(values: pl.Series, wanted: list[str]) -> pl.Series:
    """Return which rows of a column of strings or of lists have one of the strings."""
    if values.dtype == pl.List:
        return values.list.eval(pl.element().is_in(wanted)).list.any().fill_null(False)
    return values.cast(pl.String).is_in(wanted).fill_null(False)


def _list_personal_pages(communities: pl.Series) -> list[str]:
    distinct = communities.drop_nulls().unique()
    is_page = distinct.str.contains(_PERSONAL_PAGE) & ~distinct.str.contains(_KEYED_PAGE)
    return distinct.filter(is_page).to_list()


@cache
def _make_names_pattern(names: tuple[str, ...]) -> str:
    """Return a pattern of the suppressed names as whole words, in any letter case."""
    spelled = (r"\s+".join(re.escape(word) for word in name.split()) for name in names)
    alternatives = "|".join(each if _UNSPACED.search(each) else rf"\b{each}\b" for each in spelled)
    return f"(?i)(?:{alternatives})"


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
    max_clear: int | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Read a finished corpus again; return ``passed``, ``rows`` read and the ``checks``.

    ``rows_with_details`` has by shard the rows, from 0, of which a column contains contact data.

    Every shard must have the manifest's hash, the ``pii`` stage with the settings of the plan
    (``strict``: names too) must find nothing in any text, the independent detector nothing in any
    column, ledger file, page or file name, and every id and author must be keyed.
    Strings with letters and digits of fewer than ``min_authors`` authors are counted; more than
    ``max_rare`` of them fail, if given. With the key, canaries, suppressed posts, authors and
    names, and clear names of the corpus's authors and posts are searched; more than ``max_clear``
    texts with clear names fail, if given. Raises :class:`~corpus.errors.CorpusError` if ``out`` is
    not a corpus.
    """
    folder = Path(out)
    recover(folder)
    return read_consistently(
        folder,
        lambda: _audit(CorpusFiles(folder), key, strict, min_authors, max_rare, max_clear, workers),
    )


def _audit(
    files: CorpusFiles,
    key: str | Path | None,
    strict: bool,
    min_authors: int,
    max_rare: int | None,
    max_clear: int | None,
    workers: int,
) -> dict[str, Any]:
    folder: Path = files.folder
    manifest = load_manifest(folder)
    pii_config = _load_pii_config(folder, strict, key)
    settings = _make_detector_settings(pii_config)
    secrets = _load_secrets(folder, manifest, key)
    expected, reason = _expected_canaries(manifest, secrets)
    keyed = manifest.get("ids", "original") == "keyed"
    tasks = [
        AuditShard(
            files.path(shard["path"]),
            shard["path"],
            pii_config,
            settings,
            secrets,
            keyed,
            tuple(expected),
        )
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
        _check_details(
            "no contact data or handles in the texts",
            [(each.entities, each.detail_rows) for each in audits],
        ),
        _check_details(
            "no contact data, by a second detector",
            [(each.detected, each.detected_rows) for each in audits],
        ),
        _check_details(
            "no contact data in the other columns",
            [(each.column_details, each.column_rows) for each in audits],
        ),
        audit_files.check_files_for_contact_data(files, _make_detector(settings)),
        _check_ids(
            audits, keyed, audit_files.count_unkeyed_ledger_ids(files.ledger()) if keyed else 0
        ),
        _check_collisions(audits),
        Check(
            "authors are pseudonyms",
            not unkeyed_authors,
            f"{pluralize(unkeyed_authors, 'author')} in clear",
        ),
        _check_clear_names(audits, secrets, max_clear),
        _check_suppressed(files, audits, secrets),
        _check_rare_strings(audits, min_authors, max_rare),
        *_check_canaries(expected, reason, audits),
        _check_documentation(files, pii_config, keyed, expected),
    ]
    return {
        "passed": all(check.passed for check in results),
        "rows": sum(each.rows for each in audits),
        "checks": [check._asdict() for check in results],
        "rows_with_details": {
            each.shard: each.rows_with_details for each in audits if each.rows_with_details
        },
    }


def _load_pii_config(folder: Path, strict: bool, key: str | Path | None) -> str:
    """Return the plan's settings of the pii stage, without any that need the key or keep names."""
    plan = load_built_plan(folder, key)
    settings = plan.stage_settings("pii", "public", "public_file", "ner")
    settings |= {"style": "placeholder", "max_spans": 0}
    settings |= {"handles": "placeholder"} if settings.get("handles") == "pseudonym" else {}
    settings |= {"profile": "strict"} if strict else {}
    try:
        return stages.find("pii").Config.model_validate(settings).model_dump_json()
    except ValueError:
        raise CorpusError(
            "the settings of the stage 'pii' are of another version of social-corpus; use the "
            "version that built the corpus"
        ) from None


def _make_detector_settings(pii_config: str) -> DetectorSettings:
    settings = json.loads(pii_config)
    public = list(settings["public"])
    if settings["public_file"]:
        public += Path(settings["public_file"]).read_text(encoding="utf-8").splitlines()
    return DetectorSettings.from_plan(settings, public)


def _load_secrets(folder: Path, manifest: dict[str, Any], key: str | Path | None) -> Secrets:
    """Return the key and the suppression list, or the reason why there is no key."""
    try:
        secret = keys.load_corpus_key(folder, manifest, key)
    except PlanError as error:
        return Secrets(reason=str(error))
    listed = suppression.load(Path(key) if key else folder.parent / "corpus.key")
    return Secrets(secret, "", listed.ids, listed.authors, listed.names)


def _expected_canaries(
    manifest: dict[str, Any], secrets: Secrets
) -> tuple[list[canaries.Canary], str]:
    """Return the planted canaries, or none and the reason."""
    count = manifest.get("canaries", 0)
    if not count:
        return [], "none were planted"
    if not secrets.key:
        return [], secrets.reason
    return canaries.make_canaries(count, canaries.derive_seed(secrets.key)), ""


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
        "all files are there, and none is private",
        not files,
        f"{len(changed)} changed or damaged, {len(unknown)} unknown, {len(private)} private",
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
        f"{pluralize(posts.height, 'post')} shown, {len(with_details):,} with contact data; "
        f"{pluralize(len(unkeyed), 'id')} not keyed; canaries in "
        f"{pluralize(len(with_canaries), 'file')}",
        tuple(where[:MAX_EXAMPLES]),
    )


def _is_key_file(path: Path, manifest: dict[str, Any]) -> bool:
    if path.stat().st_size > 200:
        return False
    key = keys.parse_key(path.read_bytes())
    return bool(key and keys.key_id(key) == manifest["author_key_id"])


def _check_details(name: str, found: list[tuple[Counter[str], list[str]]]) -> Check:
    """Fail if a shard has details: their counts, and examples of rows."""
    total: Counter[str] = Counter()
    for counts, _ in found:
        total += counts
    rows = [row for _, examples in found for row in examples]
    passed = not total and not rows
    return Check(name, passed, format_counts(total), tuple(rows[:MAX_EXAMPLES]))


def _check_ids(audits: list[ShardAudit], keyed: bool, in_ledger: int) -> Check:
    if not keyed:
        return Check("post ids are keyed", True, "the plan keeps the platforms' own")
    count = sum(each.unkeyed_ids for each in audits)
    return Check(
        "post ids are keyed",
        not count + in_ledger,
        f"{count:,} in the shards are not, {in_ledger:,} in the ledger",
    )


def _check_collisions(audits: list[ShardAudit]) -> Check:
    """Look for documents of one id and two authors; a post that was read twice has one author."""
    pairs = np.unique(np.concatenate([_NO_PAIRS, *(each.id_hashes for each in audits)]), axis=0)
    _, authors = np.unique(pairs[:, 0], return_counts=True)
    collisions = int(np.count_nonzero(authors > 1))
    return Check(
        "keyed ids do not collide",
        not collisions,
        f"{pluralize(collisions, 'id')} of several authors",
    )


def _check_clear_names(audits: list[ShardAudit], secrets: Secrets, max_clear: int | None) -> Check:
    name = "no names of authors or ids of posts in clear"
    if not secrets.key:
        return Check(name, True, f"not searched: {secrets.reason}")
    known = np.unique(np.concatenate([_NO_PAIRS[:, 0], *(each.author_hashes for each in audits)]))
    texts, columns = [], []
    for each in audits:
        hits = each.word_hashes[np.isin(each.word_hashes[:, 0], known)]
        for row in np.unique(hits[hits[:, 2] == 0, 1]):
            texts.append(f"{each.shard} row {row}")
        for row in np.unique(hits[hits[:, 2] == 1, 1]):
            columns.append(f"{each.shard} row {row}: a column beside the text")
    passed = not columns and (max_clear is None or len(texts) <= max_clear)
    return Check(
        name,
        passed,
        f"in {pluralize(len(texts), 'text')}, and in other columns of "
        f"{pluralize(len(columns), 'row')}",
        tuple((columns + texts)[:MAX_EXAMPLES]) if not passed else (),
    )


def _check_suppressed(files: CorpusFiles, audits: list[ShardAudit], secrets: Secrets) -> Check:
    name = "nothing from the suppression list"
    if not secrets.key:
        return Check(name, True, f"not searched: {secrets.reason}")
    total: Counter[str] = Counter()
    for each in audits:
        total += each.suppressed
    rows = [row for each in audits for row in each.suppressed_rows]
    if in_ledger := audit_files.count_listed_ledger_ids(files.ledger(), secrets.ids):
        total["id in the ledger"] += in_ledger
    listed = len(secrets.ids) + len(secrets.authors) + len(secrets.names)
    return Check(
        name,
        not total,
        f"{pluralize(listed, 'request')}: {format_counts(total)}",
        tuple(rows[:MAX_EXAMPLES]),
    )


def _check_rare_strings(audits: list[ShardAudit], min_authors: int, max_rare: int | None) -> Check:
    hashes = [np.empty((0, 2), np.uint64), *(each.string_hashes for each in audits)]
    pairs = np.unique(np.concatenate(hashes), axis=0)
    _, authors = np.unique(pairs[:, 0], return_counts=True)
    rare = int(np.count_nonzero(authors < min_authors))
    return Check(
        "rare strings",
        max_rare is None or rare <= max_rare,
        f"{rare:,} of {authors.size:,} strings with digits have fewer than {min_authors} authors",
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
        f"{details:,} planted, contact data of {len(leaked):,} still in the texts",
        tuple(sorted(leaked)[:MAX_EXAMPLES]),
    )
    repeated = sorted(name for name, count in counts.items() if count > 1)
    yield Check(
        "canaries without details",
        not repeated,
        f"{len(expected) - details:,} planted, {len(counts):,} are in the texts, "
        f"{len(repeated):,} more than once",
        tuple(repeated[:MAX_EXAMPLES]),
    )


def format_audit(result: dict[str, Any]) -> str:
    """Format the result of :func:`audit` as lines for the terminal."""
    verdict = "passed" if result["passed"] else "failed"
    return checks.format_checks(
        result["checks"], f"audit {verdict}: {pluralize(result['rows'], 'document')} read"
    )
