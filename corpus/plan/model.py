"""A YAML plan, checked in full before any data is read, and its fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from corpus import readers, schema, stages, user_code
from corpus.errors import PlanError
from corpus.output import parquet_options
from corpus.plan import (
    built_plan,
    first_records,
    private_plan,
    source_names,
    validate,
    yaml_loader,
)
from corpus.plan.entries import Source, Stage
from corpus.plan.problems import Lines, Problems
from corpus.plan.settings import Output, Run
from corpus.plan.source_names import NamedFile
from corpus.privacy import keys, suppression
from corpus.privacy.pseudonyms import PseudonymSettings
from corpus.storage import download, filesystem
from corpus.tasks.files import fingerprint
from corpus.yaml_text import dump_yaml
from filters import contract
from filters.contract import FilterConfig
from filters.text.languages import find_entry

AnyConfig = TypeVar("AnyConfig", bound=FilterConfig)


@dataclass(frozen=True)
class Plan:
    """What to build: sources, stages in order, output; and how to run it."""

    sources: tuple[Source, ...]
    stages: tuple[Stage, ...]
    output: Output
    run: Run
    name: str = "plan"
    #: The lines of the YAML, for errors.
    lines: Lines = field(default_factory=dict, compare=False, repr=False)
    #: The folder where filters and readers of the user's own are looked for at last; '' for none.
    code: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a YAML plan and check what it says; PlanError lists all errors and their remedies.

        No file that the plan names is opened; ``load_checked`` checks these too. For the
        ``plan.yaml`` of a corpus, which has no paths, its private plan is read.
        """
        return cls.parse(*_load_document(path))

    @classmethod
    def parse(
        cls,
        document: object,
        name: str = "plan",
        lines: Lines | None = None,
        folder: Path | None = None,
    ) -> Plan:
        """Check a plan given as plain data, as its YAML would give it; PlanError as in ``load``.

        Filters and readers of the user's own are also looked for in ``folder``, or in the folder
        that the plan's ``code`` names, which is relative to it.
        """
        problems = Problems(name, lines)
        plan = cls._parse_right(document, name, lines, folder, problems)
        problems.raise_all()
        return plan

    @classmethod
    def load_checked(
        cls,
        source: Plan | str | Path | dict[str, Any],
        out: str | None = None,
        workers: int | None = None,
        runner: str | None = None,
    ) -> Plan:
        """A plan with the options of the command line, checked with the files that it names.

        ``source`` is the path of a YAML plan, its content, or a plan. The first records of each
        source are read, and models and lists that are URLs are copied to this disk. PlanError lists
        the errors of all stages, sources, settings and files together.
        """
        document, name, lines, folder = _load_document(source)
        problems = Problems(name, lines)
        if isinstance(source, Plan):
            plan = source
            user_code.use_folder(plan.code)
        else:
            plan = cls._parse_right(document, name, lines, folder, problems)
        with problems.collected():
            plan = plan.with_options(out, workers, runner)
        plan = plan._check_files(problems)
        problems.raise_all()
        return plan

    @classmethod
    def _parse_right(
        cls,
        document: object,
        name: str,
        lines: Lines | None,
        folder: Path | None,
        problems: Problems,
    ) -> Plan:
        """The plan without its sources and stages that are wrong, and with defaults for settings.

        The errors are added to ``problems``.
        """
        keys = ("sources", "stages", "output", "run", "code")
        given = validate.check_mapping(document, problems, keys)
        if not isinstance(document, Mapping):
            return cls((), (), Output.model_validate({}), Run.model_validate({}), name)
        code = validate.find_code_folder(given.get("code"), folder, problems)
        user_code.use_folder(code)
        sources = validate.check_sources(given.get("sources"), problems)
        chain = validate.check_stages(given.get("stages"), problems)
        output = validate.check_section(Output, given.get("output"), problems, "output")
        run = validate.check_section(Run, given.get("run"), problems, "run")
        plan = cls(tuple(sources), tuple(chain), output, run, name, lines or {}, code)
        if not problems.has_inside("stages"):  # a stage that is wrong may write a column
            validate.check_columns(output.columns, plan.available_columns(), problems)
            if output.turns and plan.find_turns_stage() is None:
                problems.add(
                    "turns: no stage makes documents of several posts; add 'conversations' with "
                    "the mode pair, path, tree or qa",
                    ("output", "turns"),
                )
        return plan

    def with_options(
        self, out: str | None = None, workers: int | None = None, runner: str | None = None
    ) -> Plan:
        """The same plan with the options of the command line in place of its own."""
        output, run = self.output.model_dump(), self.run.model_dump(exclude_unset=True)
        output |= {"path": out} if out else {}
        run |= {"workers": workers} if workers is not None else {}
        run |= {"runner": runner} if runner else {}
        return replace(
            self,
            output=validate.validate_settings(Output, output, "--out"),
            run=validate.validate_settings(Run, run, "--workers/--runner"),
        )

    def with_local_copies(self) -> Plan:
        """The same plan with copies on this disk of the models and lists that are URLs."""
        if not self.output.path:
            return self
        return replace(self, stages=tuple(map(self._copy_files, self.stages)))

    def _copy_files(self, stage: Stage) -> Stage:
        """A stage with copies on this disk of its models and lists that are URLs."""
        folder = self.folder.parent / download.DOWNLOAD_FOLDER
        corpora = stages.reads_earlier_corpora(stage.address)
        config = download.download_config_files(stage.config, folder, corpora=corpora)
        if config is stage.config:
            return stage
        original = stage.original_config or stage.config
        return replace(stage, config=config, original_config=original)

    def with_named_sources(self) -> Plan:
        """The same plan with ``prefer_sources`` by the names of files in the output.

        The key must be there.
        """
        if not any(getattr(stage.config, "prefer_sources", ()) for stage in self.stages):
            return self
        files, chain = self.name_files(), []
        for stage in self.stages:
            patterns = getattr(stage.config, "prefer_sources", ())
            if patterns:
                named = tuple(source_names.select_by_name(pattern, files) for pattern in patterns)
                config = stage.config.model_copy(update={"prefer_sources": named})
                original = stage.original_config or stage.config
                stage = replace(stage, config=config, original_config=original)
            chain.append(stage)
        return replace(self, stages=tuple(chain))

    def name_files(self) -> list[NamedFile]:
        """All files of all sources in reading order, with their names; the key must be there."""
        return source_names.name_files(self.sources, keys.load_key(self.key_path))

    def check_paths(self) -> None:
        """PlanError unless every file to read is there and the output may be written."""
        problems = Problems(self.name, self.lines)
        self._check_files(problems, reads=False)
        problems.raise_all()

    def _check_files(self, problems: Problems, *, reads: bool = True) -> Plan:
        """Add what is wrong with the files that the plan names, and with the output.

        With ``reads`` the first records of each source are read. Returns the plan with local
        copies of its models and lists.
        """
        if not self.output.path:
            if not problems.has("output", "path"):
                problems.add("no output; set 'output: {path: ...}' or give --out")
        elif not _is_utf8(self.output.path):
            message = f"the output's path {self.output.path!a} is not UTF-8; give another"
            problems.add(message, ("output", "path"))
        chain, types = [], dict(schema.POST)
        for stage in self.stages:
            with problems.collected(stage.entry or ("stages", stage.name)):
                if self.output.path:
                    stage = self._copy_files(stage)
                validate.check_stage_files(stage)
                validate.check_own_filter(stage, types)
            types |= stage.written_columns
            chain.append(stage)
        if self.run.address and self.run.runner != "ray":
            problems.add("'address' is for 'runner: ray'; remove one of them", ("run", "address"))
        for key, url in (("path", self.output.path), ("key", self.output.key)):
            if filesystem.is_url(url):
                with problems.collected(("output", key)):
                    filesystem.require_usable_url(url)
        plan = replace(self, stages=tuple(chain))
        if plan.output.path:
            plan._check_earlier_corpora(problems)
        checks = validate.SourceChecks(plan.output.path, plan.folder, plan.key_path)
        for index, source in enumerate(plan.sources):
            with problems.collected(source.entry or ("sources", index, source.reader)):
                checks.check(source)
                if reads and isinstance(source.config, readers.find(source.reader).Config):
                    first_records.check_source(source)
        return plan

    def _check_earlier_corpora(self, problems: Problems) -> None:
        out = self.folder.resolve()
        for stage in self.stages:
            earlier = stages.list_earlier_corpora(stage.address, stage.config)
            if out in [path.resolve() for path in earlier]:
                problems.add(
                    f"against: '{self.output.path}' is the output itself",
                    stage.entry or ("stages", stage.name),
                )

    def list_misfits(self, first_files: Sequence[str | None] | None = None) -> list[str]:
        """Warnings of sources whose first file looks like that of another reader.

        Without ``first_files``, one of each source, they are looked for.
        """
        files = first_files or [validate.find_first_file(source) for source in self.sources]
        return validate.list_misfits(self.sources, files)

    def list_unknown_languages(self) -> list[str]:
        """Warnings of stages that do not know a language that an earlier stage keeps."""
        warnings: list[str] = []
        wanted: tuple[str, ...] = ()
        for stage in self.stages:
            if "lang" in stage.written_columns:
                wanted = getattr(stage.config, "keep", ())
            known = contract.languages(stage.module, stage.config)
            if unknown := [name for name in wanted if known and not find_entry(name, known)]:
                warnings.append(
                    f"{stage.name}: it does not know {', '.join(unknown)}, which the plan keeps: "
                    f"its model or rules of words do not judge such posts; it knows "
                    f"{', '.join(known)}"
                )
        return warnings

    @property
    def has_user_code(self) -> bool:
        """Whether a stage or a reader is code of the user's own."""
        own = [stages.is_user_code(stage.kind or stage.name) for stage in self.stages]
        return any([*own, *(readers.is_user_code(source.reader) for source in self.sources)])

    @property
    def url(self) -> str:
        """Where the corpus is uploaded to, or ''."""
        return self.output.path if filesystem.is_url(self.output.path) else ""

    @property
    def folder(self) -> Path:
        """The folder to build in."""
        if not self.url:
            return Path(self.output.path)
        name = self.output.path.rstrip("/").rpartition("/")[2]
        return Path(self.output.local or f"corpus-work/{name}")

    @property
    def key_path(self) -> Path | str:
        """The file (or URL) with the pseudonym key; never inside the output."""
        key = self.output.key
        if filesystem.is_url(key):
            return key
        return Path(key) if key else self.folder.parent / "corpus.key"

    @property
    def pseudonyms(self) -> PseudonymSettings:
        """How ids and authors are replaced in the output."""
        return PseudonymSettings(self.key_path, self.output.ids)

    def list_earlier_corpora(self) -> list[Path]:
        """The folders of the finished corpora that posts are compared with."""
        return [
            path
            for stage in self.stages
            for path in stages.list_earlier_corpora(stage.address, stage.config)
        ]

    def list_shared_paths(self) -> list[str]:
        """The paths outside ``work/`` that tasks open: sources, key, models named in the plan."""
        given = {
            str(value)
            for stage in self.stages
            for value in stage.config.model_dump().values()
            if isinstance(value, str)
        }
        models = [
            str(file)
            for stage in self.stages
            for file in contract.models(stage.module, stage.config)
        ]
        sources = [file for source in self.sources for file in source.list_files()]
        listed = suppression.list_path(self.key_path)
        paths = [*sources, str(self.key_path), *(file for file in models if file in given)]
        paths += [str(listed)] if isinstance(listed, Path) and listed.exists() else []
        return [path for path in paths if not filesystem.is_url(path)]

    def segments(self) -> list[tuple[Stage, ...]]:
        """The stages of each pass over the parts: a barrier, if any, and the filters after it."""
        segments: list[list[Stage]] = []
        for stage in self.stages:
            if stage.is_barrier or not segments:
                segments.append([])
            segments[-1].append(stage)
        return [tuple(segment) for segment in segments]

    def keeps_turns(self, stage: Stage) -> bool:
        """Whether a stage after this one keeps answered posts in spite of its turn reasons."""
        later = self.stages[self.stages.index(stage) + 1 :]
        return any(stages.keeps_turns(each.address, each.config) for each in later)

    def later_filters(self, stage: Stage) -> list[Stage]:
        """The filters after a stage of this plan."""
        later = self.stages[self.stages.index(stage) + 1 :]
        return [each for each in later if not each.is_barrier]

    def find_config(self, kind: type[AnyConfig]) -> AnyConfig | None:
        """The settings of the stage whose ``Config`` is ``kind``; None if the plan has none."""
        for stage in self.stages:
            if isinstance(stage.config, kind):
                return stage.config
        return None

    def scores(self) -> dict[str, Any]:
        """The columns that the stages add to the post, with their types, in order."""
        written: dict[str, Any] = {}
        for stage in self.stages:
            written |= stage.written_columns
        return {name: dtype for name, dtype in written.items() if name not in schema.POST}

    def find_turns_stage(self) -> Stage | None:
        """The stage that makes documents of several posts; None if there is none."""
        for stage in self.stages:
            if stages.keeps_turns(stage.address, stage.config):
                return stage
        return None

    def available_columns(self) -> list[str]:
        """The columns that the shards can have, in order."""
        left_out = [*schema.INTERNAL_COLUMNS]
        left_out += [] if self.output.source_columns else ["source_file", "source_row"]
        return [name for name in (*schema.POST, *self.scores()) if name not in left_out]

    def output_columns(self) -> tuple[str, ...]:
        """The columns of the shards, if the plan chooses them; else ()."""
        if not self.output.columns:
            return ()
        documents = {
            name
            for each in self.stages
            if stages.reshapes(each.address)
            for name in each.written_columns
        }
        kept = {*self.output.columns, *schema.REQUIRED_COLUMNS, *documents}
        return tuple(name for name in self.available_columns() if name in kept)

    def fingerprint(self) -> str:
        """Changes whenever the output would; the same wherever and however it is built.

        The files of the sources are not in it: the manifest has their names, bytes and hashes.
        """
        sources = [
            (s.reader, *readers.identify(s.reader), s.deciding_settings) for s in self.sources
        ]
        output: list[Any] = [*self.shard_settings(), self.output.canaries]
        # Without defaults, so that corpora which are older than a setting keep their fingerprint.
        output += [
            [name, value]
            for name, value in self._documentation_settings().items()
            if value != Output.model_fields[name].default
        ]
        return fingerprint(sources, [stage.fingerprint for stage in self.stages], output)

    def _documentation_settings(self) -> dict[str, Any]:
        """The settings that appear in the report and the dataset card."""
        names = {"report_samples", "title", "license", "contact"}
        return self.output.model_dump(mode="json", include=names)

    def shard_settings(self) -> tuple[object, ...]:
        """Changes whenever the same posts would make other shards."""
        output = self.output
        return (
            parquet_options.SHARD_VERSION,
            output.shard_mb,
            output.row_group_mb,
            output.ids,
            astuple(output.parquet_options),
            (output.shuffle, output.shuffle_seed),
            output.split_settings,
            *(() if output.source_columns else ["no source columns"]),
            *([["columns", *self.output_columns()]] if output.columns else ()),
            *(["turns"] if output.turns else ()),
        )

    def resolved(self) -> dict[str, Any]:
        """The plan with every default filled in, without ``run`` and the paths of the output."""
        return {
            "sources": [{s.reader: s.config.model_dump(mode="json")} for s in self.sources],
            "stages": [s.format_entry(s.resolved_settings) for s in self.stages],
            "output": {
                "shard_mb": self.output.shard_mb,
                "row_group_mb": self.output.row_group_mb,
                "keep_work": self.output.keep_work,
                "ids": self.output.ids,
                "canaries": self.output.canaries,
                "source_columns": self.output.source_columns,
                # Without the default, so that the plan.yaml of other corpora has the same bytes.
                **({"columns": list(self.output.columns)} if self.output.columns else {}),
                **({"turns": True} if self.output.turns else {}),
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

    def to_public_document(self) -> dict[str, Any]:
        """What ``plan.yaml`` in the output says, which has no paths; the key must be there."""
        key = keys.load_key(self.key_path)
        output = self.resolved()["output"]
        return built_plan.make_public_document(self.sources, self.stages, output, key)

    def to_public_yaml(self) -> str:
        """The text of ``plan.yaml`` in the output."""
        return built_plan.format_public_plan(self.to_public_document())

    def write_private_plan(self) -> None:
        """Write the plan with its paths beside the key; OSError if there it cannot be."""
        output = {
            **self.resolved()["output"],
            **self.output.model_dump(mode="json", exclude={"suppressed"}),
        }
        document = built_plan.make_private_document(self.sources, self.stages, output)
        if self.has_user_code:
            document["code"] = self.code
        files = {file.name: private_plan.absolute_path(file.path) for file in self.name_files()}
        private_plan.write(document, files, self.key_path, self.folder, self.fingerprint())

    def to_yaml(self) -> str:
        """:meth:`resolved` as YAML."""
        return dump_yaml(self.resolved())


def _load_document(
    source: Plan | str | Path | dict[str, Any],
) -> tuple[object, str, Lines, Path | None]:
    """The plain data of a plan, its name, the lines of its YAML, and the folder that it is in."""
    if isinstance(source, Plan):
        return {}, source.name, source.lines, None
    if isinstance(source, dict):
        return source, "plan", {}, None
    document, lines = yaml_loader.load_yaml(source)
    name, folder = Path(source).name, Path(source).absolute().parent
    if isinstance(document, dict) and built_plan.REDUCED in document:
        private = built_plan.find_private_plan(folder)
        if private is None:
            raise PlanError(
                f"'{source}' is the public form of a plan, without its paths; build from the "
                "plan in the folder named after the corpus's key and '.plans'"
            )
        return private.document, name, {}, None
    return document, name, lines, folder


def _is_utf8(path: str) -> bool:
    """Whether the bytes of a path are UTF-8: Python has the others as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in path)
