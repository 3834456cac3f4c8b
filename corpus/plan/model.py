"""A YAML plan, checked in full before any data is opened, and its fingerprints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from corpus import readers, schema, stages
from corpus.errors import BuildError, PlanError, did_you_mean
from corpus.output import parquet_options
from corpus.output.parquet_options import Codec, ParquetOptions
from corpus.plan import detect_format, yaml_loader
from corpus.privacy.pseudonyms import IdStyle, PseudonymSettings
from corpus.readers.contract import ReaderConfig
from corpus.storage import download, filesystem
from corpus.tasks.files import file_sha256, fingerprint
from filters import contract
from filters.contract import FilterConfig

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def count_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Output(BaseModel):
    """Where the corpus goes and how it is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    path: str = Field(
        "", description="the folder to build, or a URL to upload it to; --out gives another"
    )
    local: str = Field(
        "", description="for a URL: the folder to build in before the upload; '' is the URL's last "
        "name, under corpus-work/"
    )  # fmt: skip
    shard_mb: float = Field(256, gt=0, description="text to a shard, in MB before compression")
    row_group_mb: float = Field(4, gt=0, description="text to a row group, in MB")
    keep_work: bool = Field(
        False, description="keep work/ (unredacted!) so that thresholds can be moved cheaply"
    )
    key: str = Field(
        "",
        description="file or URL with the pseudonym key; '' is corpus.key beside the output folder",
    )
    canaries: int = Field(
        0, ge=0, le=100_000, description="posts of our own to plant, for 'corpus audit' to look for"
    )
    ids: IdStyle = Field(
        "keyed", description="post ids as keyed pseudonyms; 'original' leaves the platform's"
    )
    compression: Codec = Field("zstd", description="of the shards: zstd, or lz4: read faster")
    zstd_level: int = Field(3, ge=1, le=22, description="1 to 22; more is smaller and slower")
    content_defined_chunking: bool = Field(
        False, description="pages end by content, for stores that keep equal chunks once"
    )

    shuffle: bool = Field(False, description="put the documents of all sources in one random order")
    shuffle_seed: int = Field(0, description="another seed, another order")

    validation: float = Field(
        0, ge=0, le=0.5, description="share to set aside; nothing of it is tied to the rest"
    )
    validation_seed: int = Field(0, description="another seed, others set aside")

    validation_after: str = Field(
        "", pattern=r"^(\d{4}-\d\d-\d\d)?$",
        description="set aside only what was written on this day (UTC) or later",
    )  # fmt: skip

    report_samples: int = Field(
        5, ge=0, le=20, description="redacted posts to show in the report for each reason; 0 none"
    )
    title: str = Field("", description="what the dataset is called in its papers")
    license: str = Field(
        "", description="its licence in the papers: an SPDX name, or a name of yours"
    )
    contact: str = Field("", description="whom to write to for a takedown, in the papers")

    @field_validator("validation_after")
    @classmethod
    def _check_day(cls, day: str) -> str:
        if day:
            date.fromisoformat(day)
        return day

    @property
    def split_settings(self) -> tuple[float, int, str]:
        """What decides who is set aside."""
        return self.validation, self.validation_seed, self.validation_after

    @property
    def parquet_options(self) -> ParquetOptions:
        """How the shards are laid out."""
        return ParquetOptions(self.compression, self.zstd_level, self.content_defined_chunking)

    @field_validator("path", "key")
    @classmethod
    def _check_path(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a path cannot hold a zero character")
        return value


class Run(BaseModel):
    """How the work is done; none of it changes the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    runner: Literal["serial", "processes", "ray"] = "processes"
    address: str = Field(
        "", description="of a running Ray cluster, such as 'auto' or 'head:6379'; with '' the "
        "runner 'ray' starts a Ray here"
    )  # fmt: skip
    workers: int = Field(
        default_factory=count_cores, ge=1, le=1024,
        description="processes here; on a Ray cluster the most tasks at one time, and if it is "
        "not given, all of its CPUs",
    )  # fmt: skip
    part_posts: int = Field(
        20_000, ge=1, le=1_000_000, description="posts to a part, the unit of work and of resuming"
    )

    @property
    def max_tasks(self) -> int:
        """The most tasks at one time on a Ray cluster; 0 if the plan does not say."""
        return self.workers if "workers" in self.model_fields_set else 0


@dataclass(frozen=True)
class Source:
    """A reader, its settings, and the files that its path stood for."""

    reader: str
    config: ReaderConfig

    def list_files(self) -> list[str]:
        """The files to read, sorted; for an account's export perhaps a folder."""
        return detect_format.list_inputs(self.reader, self.config.path)


@dataclass(frozen=True)
class Stage:
    """A stage's name and settings."""

    name: str
    config: FilterConfig
    original_config: FilterConfig | None = (
        None  # as the plan has it, where the config has local copies
    )

    @property
    def is_barrier(self) -> bool:
        """Whether the stage looks at all parts together."""
        return stages.is_barrier(self.name)

    @cached_property
    def model_hashes(self) -> dict[str, str]:
        """The model files the stage loads: name to SHA-256. A large model is hashed once."""
        named: dict[str, str] = {}
        for file in contract.models(stages.find(self.name), self.config):
            name = file.name
            while name in named:  # of another folder
                name = f"{name}+"
            named[name] = file_sha256(file)
        return named

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the stage would decide differently."""
        version = stages.find(self.name).VERSION
        return fingerprint(self.name, version, self.resolved_settings, self.model_hashes)

    @property
    def needs_key(self) -> bool:
        """Whether the stage's outcome hangs on the corpus's key."""
        return contract.wants_key(stages.find(self.name), self.config)

    @cached_property
    def resolved_settings(self) -> dict[str, Any]:
        """The settings as plain data, every choice made."""
        found = contract.resolved(stages.find(self.name), self.original_config or self.config)
        return found.model_dump(mode="json")


@dataclass(frozen=True)
class Plan:
    """What to build: sources, stages in order, output; and how to run it."""

    sources: tuple[Source, ...]
    stages: tuple[Stage, ...]
    output: Output
    run: Run
    name: str = "plan"

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read and check a YAML plan; PlanError says what is wrong, where, and the remedy."""
        return cls.parse(yaml_loader.load_yaml(path), name=Path(path).name)

    @classmethod
    def parse(cls, document: object, name: str = "plan") -> Plan:
        """Check a plan given as plain data (what its YAML would hold)."""
        keys = ("sources", "stages", "output", "run")
        plan = _check_mapping(document, name, keys)
        if not plan.get("sources"):
            raise PlanError(f"{name}: no 'sources'; name at least one reader and its path")
        sources = tuple(
            Source(reader, cast(ReaderConfig, config))
            for reader, config in _check_entries(
                plan["sources"], f"{name}: sources", _find_reader_config
            )
        )
        listed = _check_entries(plan.get("stages") or [], f"{name}: stages", _find_stage_config)
        chain = [Stage(stage, cast(FilterConfig, config)) for stage, config in listed]
        if all(stage.name != stages.REQUIRED for stage in chain):
            chain.insert(0, Stage(stages.REQUIRED, stages.find(stages.REQUIRED).Config()))
        for stage in chain[1:]:
            if stages.must_be_first(stage.name):
                raise PlanError(f"{name}: stages: '{stage.name}' must come first; move it there")
        _check_order(chain, name)
        output = _validate_model(Output, plan.get("output") or {}, f"{name}: output")
        run = _validate_model(Run, plan.get("run") or {}, f"{name}: run")
        return cls(sources, tuple(chain), output, run, name)

    def with_options(
        self, out: str | None = None, workers: int | None = None, runner: str | None = None
    ) -> Plan:
        """The same plan with what the command line says instead."""
        output, run = self.output.model_dump(), self.run.model_dump(exclude_unset=True)
        output |= {"path": out} if out else {}
        run |= {"workers": workers} if workers is not None else {}
        run |= {"runner": runner} if runner else {}
        return Plan(
            self.sources,
            self.stages,
            _validate_model(Output, output, "--out"),
            _validate_model(Run, run, "--workers/--runner"),
            self.name,
        )

    def with_local_copies(self) -> Plan:
        """The same plan with copies on this disk of the models and lists that are URLs."""
        if not self.output.path:
            return self
        room = self.folder.parent / download.DOWNLOAD_FOLDER
        found = []
        for stage in self.stages:
            corpora = stages.reads_earlier_corpora(stage.name)
            config = download.download_config_files(stage.config, room, corpora=corpora)
            given = stage.original_config or (stage.config if config is not stage.config else None)
            found.append(Stage(stage.name, config, given))
        return replace(self, stages=tuple(found))

    def check_paths(self) -> None:
        """Make sure that there is something to read and somewhere to write."""
        if not self.output.path:
            raise PlanError(f"{self.name}: no output; set 'output: {{path: ...}}' or give --out")
        for stage in self.stages:
            try:
                _ = stage.model_hashes
                contract.check(stages.find(stage.name), stage.config)
            except OSError as error:
                where = f"{self.name}: {stage.name}"
                raise PlanError(f"{where}: cannot read the file '{error.filename}'") from None
            except ValueError as error:
                raise PlanError(f"{self.name}: {error}") from None
        if self.run.address and self.run.runner != "ray":
            raise PlanError(f"{self.name}: run: 'address' is for 'runner: ray'; leave one of them")
        for url in filter(filesystem.is_url, (self.output.path, self.output.key)):
            filesystem.require_usable_url(url)
        if self.folder.resolve() in [path.resolve() for path in self.list_earlier_corpora()]:
            raise PlanError(
                f"{self.name}: dedup: against: '{self.output.path}' is the output itself"
            )
        seen: dict[Path | str, str] = {}
        for index, source in enumerate(self.sources):
            where = f"{self.name}: sources[{index}] {source.reader}"
            path = source.config.path
            if filesystem.is_url(path):
                filesystem.require_usable_url(path)
            try:
                files = source.list_files()
            except (OSError, BuildError) as error:
                raise PlanError(
                    f"{where}: cannot look at '{path}': {_describe_error(error)}"
                ) from None
            if not files and any(mark in path for mark in "*?["):
                raise PlanError(f"{where}: path '{path}' matches no file")
            if not files and os.path.isdir(path):
                raise PlanError(f"{where}: folder '{path}' is empty")
            if not files:
                raise PlanError(f"{where}: no file at '{path}' (from {Path.cwd().name}/)")
            own = (self.folder.resolve(), Path(self.key_path).resolve())
            if os.path.isdir(path) and any(Path(path).resolve() in place.parents for place in own):
                raise PlanError(
                    f"{where}: the output or the key would lie inside '{path}'; put them elsewhere"
                )
            readable = filesystem.is_url(files[0]) or os.access(files[0], os.R_OK)
            if readable and (other := detect_format.find_better_reader(source.reader, files[0])):
                raise PlanError(
                    f"{where}: '{files[0]}' is not in this reader's format; it looks like "
                    f"'{other}' (corpus sniff {files[0]})"
                )
            for file in files:
                elsewhere = filesystem.is_url(file)
                real = file if elsewhere else Path(file).resolve()
                inside = file.startswith(self.output.path.rstrip("/") + "/")
                if inside if isinstance(real, str) else real == own[1] or own[0] in real.parents:
                    raise PlanError(f"{where}: '{file}' belongs to the output; narrow the path")
                if not file.isprintable():
                    raise PlanError(f"{where}: the file name {file!a} is not UTF-8; rename it")
                if real in seen:
                    raise PlanError(
                        f"{where}: '{file}' is already read by {seen[real]}; narrow a path"
                    )
                seen[real] = f"sources[{index}]"
                if not elsewhere and not os.access(file, os.R_OK):
                    raise PlanError(f"{where}: no permission to read '{file}'; chmod or chown it")

    @property
    def url(self) -> str:
        """Where the corpus is uploaded to, or ''."""
        return self.output.path if filesystem.is_url(self.output.path) else ""

    @property
    def folder(self) -> Path:
        """The folder to build in."""
        last = self.output.path.rstrip("/").rpartition("/")[2]
        here = self.output.local or f"corpus-work/{last}"
        return Path(here if self.url else self.output.path)

    @property
    def key_path(self) -> Path | str:
        """The file (or URL) with the pseudonym key; never inside the output."""
        key = self.output.key
        if filesystem.is_url(key):
            return key
        return Path(key) if key else self.folder.parent / "corpus.key"

    @property
    def pseudonyms(self) -> PseudonymSettings:
        """What posts and people are called in the output."""
        return PseudonymSettings(self.key_path, self.output.ids)

    def list_earlier_corpora(self) -> list[Path]:
        """The finished corpora that this one is built against."""
        return [
            path
            for stage in self.stages
            for path in stages.list_earlier_corpora(stage.name, stage.config)
        ]

    def list_shared_paths(self) -> list[str]:
        """The paths that tasks open beside the work folder: sources, the key, given models."""
        given = {
            str(value)
            for stage in self.stages
            for value in stage.config.model_dump().values()
            if isinstance(value, str)
        }
        models = [
            str(file)
            for stage in self.stages
            for file in contract.models(stages.find(stage.name), stage.config)
        ]
        sources = [file for source in self.sources for file in source.list_files()]
        see = [*sources, str(self.key_path), *(file for file in models if file in given)]
        return [path for path in see if not filesystem.is_url(path)]

    def segments(self) -> list[tuple[Stage, ...]]:
        """What is done in one pass over a part: a barrier's verdict and the filters behind it."""
        out: list[list[Stage]] = []
        for stage in self.stages:
            if stage.is_barrier or not out:
                out.append([])
            out[-1].append(stage)
        return [tuple(segment) for segment in out]

    def scores(self) -> dict[str, Any]:
        """The columns that the stages add to the post, with their types, in order."""
        found: dict[str, Any] = {}
        for stage in self.stages:
            found |= contract.writes(stages.find(stage.name), stage.config)
        return {name: dtype for name, dtype in found.items() if name not in schema.POST}

    def fingerprint(self) -> str:
        """Changes whenever the output would; the same wherever and however it is built."""
        sources = [
            (s.reader, readers.find(s.reader).VERSION, s.config.model_dump(mode="json"))
            for s in self.sources
        ]
        cut: list[Any] = [*self.shard_settings(), self.output.canaries]
        # Only what is said, so that corpora of before these options are known again.
        plain = Output.model_fields
        cut += [
            [name, own]
            for name, own in self._documentation_settings().items()
            if own != plain[name].default
        ]
        return fingerprint(sources, [stage.fingerprint for stage in self.stages], cut)

    def _documentation_settings(self) -> dict[str, Any]:
        """What the papers are told beside the counts."""
        names = {"report_samples", "title", "license", "contact"}
        return self.output.model_dump(mode="json", include=names)

    def shard_settings(self) -> tuple[object, ...]:
        """What changes whenever the same posts would make other shards."""
        output = self.output
        return (
            parquet_options.SHARD_VERSION, output.shard_mb, output.row_group_mb, output.ids,
            astuple(output.parquet_options), (output.shuffle, output.shuffle_seed),
            output.split_settings,
        )  # fmt: skip

    def resolved(self) -> dict[str, Any]:
        """The plan with every default filled in, without ``run`` and the place of the output."""
        return {
            "sources": [{s.reader: s.config.model_dump(mode="json")} for s in self.sources],
            "stages": [{s.name: s.resolved_settings} for s in self.stages],
            "output": {
                "shard_mb": self.output.shard_mb,
                "row_group_mb": self.output.row_group_mb,
                "keep_work": self.output.keep_work,
                "ids": self.output.ids,
                "canaries": self.output.canaries,
                **self._documentation_settings(),
                "compression": self.output.compression,
                "zstd_level": self.output.zstd_level,
                "content_defined_chunking": self.output.content_defined_chunking,
                "shuffle": self.output.shuffle,
                "shuffle_seed": self.output.shuffle_seed,
                "validation": self.output.validation,
                "validation_seed": self.output.validation_seed,
                "validation_after": self.output.validation_after,
            },
        }

    def to_yaml(self) -> str:
        """:meth:`resolved` as YAML."""
        text: str = yaml.safe_dump(self.resolved(), sort_keys=False, allow_unicode=True)
        return text


# --------------------------------------------------------------------------- checking


def _check_mapping(value: object, where: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where}: expected keys {', '.join(known)}; found {_describe_type(value)}")
    for key in value:
        if key not in known:
            raise PlanError(f"{where}: unknown key '{key}'{did_you_mean(str(key), known)}")
    return dict(value)


def _find_reader_config(name: str) -> type[BaseModel]:
    return readers.find(name).Config


def _find_stage_config(name: str) -> type[BaseModel]:
    return stages.find(name).Config


def _check_entries(value: object, where: str, find: Any) -> list[tuple[str, BaseModel]]:
    """A list of ``- name: {settings}``, each checked by the Config of its module."""
    if not isinstance(value, list):
        raise PlanError(
            f"{where}: expected a list of '- name: {{...}}'; found {_describe_type(value)}"
        )
    kind, known = (
        ("reader", readers.names()) if find is _find_reader_config else ("stage", stages.names())
    )
    out = []
    for index, entry in enumerate(value):
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise PlanError(
                f"{where}[{index}]: expected one '{kind}: {{...}}'; found {_describe_type(entry)}"
            )
        ((name, settings),) = entry.items()
        if name not in known:
            place = where.replace(": ", " in ", 1).split(" in ")[0]
            raise PlanError(f"unknown {kind} '{name}' in {place}{did_you_mean(str(name), known)}")
        out.append(
            (str(name), _validate_model(find(name), settings or {}, f"{where}[{index}] {name}"))
        )
    return out


def validate_settings(model: type[AnyModel], settings: object, where: str) -> AnyModel:
    """``settings`` as a ``model``; a PlanError says what is wrong ``where``, and the remedy."""
    return _validate_model(model, settings, where)


def _validate_model(model: type[AnyModel], settings: object, where: str) -> AnyModel:
    if not isinstance(settings, Mapping):
        raise PlanError(
            f"{where}: expected settings like '{{key: value}}'; found {_describe_type(settings)}"
        )
    for key in settings:
        if key not in model.model_fields:
            raise PlanError(
                f"{where}: unknown key '{key}'{did_you_mean(str(key), model.model_fields)}"
            )
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(piece) for piece in first["loc"]) or "settings"
        if first["type"] == "missing":
            raise PlanError(f"{where}: '{place}' is missing; it must be given") from None
        message = first["msg"].removeprefix("Value error, ")
        raise PlanError(
            f"{where}: '{place}': {message}; got {_shorten_value(first['input'])}"
        ) from None


def _check_order(chain: list[Stage], name: str) -> None:
    written: dict[str, str] = dict.fromkeys(schema.POST, "the reader")
    seen: set[str] = set()
    for index, stage in enumerate(chain):
        where = f"{name}: stages[{index}] {stage.name}"
        if stage.name in seen:
            raise PlanError(f"{where}: the stage is there twice; a stage can stand once in a plan")
        seen.add(stage.name)
        module = stages.find(stage.name)
        for column in module.READS:
            if column in written:
                continue
            later = [s.name for s in chain if column in _written_columns(s)]
            remedy = f"move '{later[0]}' before it" if later else "no stage here writes it"
            raise PlanError(f"{where}: needs the column '{column}'; {remedy}")
        written |= dict.fromkeys(_written_columns(stage), stage.name)


def _written_columns(stage: Stage) -> Mapping[str, Any]:
    return contract.writes(stages.find(stage.name), stage.config)


def _describe_error(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _describe_type(value: object) -> str:
    if value is None:
        return "nothing"
    names = {dict: "keys", list: "a list", str: "text", bool: "true/false", int: "a number"}
    return names.get(type(value), type(value).__name__)


def _shorten_value(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer too long to be written out
        return "a very long number"
    return text if len(text) <= 60 else text[:57] + "..."
