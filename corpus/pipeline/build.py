"""Build a corpus: read, filter, apply each barrier, write the outputs, write the manifest last.

:func:`build` prepares a build and guards it; :func:`_build_corpus` is the build, step by step. Each
step writes files in ``work/`` under a name that changes with its input and its settings, so a build
that was interrupted resumes at the first file that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpus import report, stages, user_code
from corpus.dedup import dedup_index
from corpus.errors import BuildError, PlanError
from corpus.manifest import MANIFEST_NAME
from corpus.pipeline import (
    dry_run_folder,
    existing_output,
    ingest,
    workspace,
    write_ledger,
    write_outputs,
)
from corpus.pipeline.apply_barrier import apply_barrier
from corpus.pipeline.build_manifest import (
    build_manifest,
    check_any_read,
    check_refusals,
    count_by_source,
    count_suppressed_posts,
    find_empty_columns,
    find_shared_ids,
    list_drop_warnings,
    list_language_warnings,
    list_warnings,
    summarize_sources,
)
from corpus.pipeline.context import BuildContext
from corpus.pipeline.count_origins import count_origins
from corpus.pipeline.expected_phases import list_expected_phases
from corpus.pipeline.failures import damage_error, explained_failures
from corpus.pipeline.verify_work import verify_work
from corpus.plan.built_plan import PLAN_NAME, format_public_plan
from corpus.plan.model import Plan
from corpus.privacy import keys, suppression
from corpus.storage import filesystem, unfinished_takedown, upload
from corpus.tasks import main_guard, runners
from corpus.tasks.files import atomic_write, fsync_folder, write_json
from corpus.tasks.observer import Observer, SilentObserver
from corpus.tasks.status import StatusRecorder


def build(
    plan: Plan | str | Path | dict[str, Any],
    *,
    out: str | None = None,
    workers: int | None = None,
    runner: str | None = None,
    replace: bool = False,
    observer: Observer | None = None,
) -> dict[str, Any]:
    """Build a corpus and return its manifest.

    ``plan`` is a path to a YAML plan, its content as a dict, or a :class:`corpus.Plan`; ``out``,
    ``workers`` and ``runner`` replace what it says. With ``replace`` a finished corpus of another
    plan is overwritten. A build that was interrupted resumes, and one that is complete is not
    repeated. Raises :class:`~corpus.errors.PlanError` before anything is read and
    :class:`~corpus.errors.BuildError` after.
    """
    plan = Plan.load_checked(plan, out, workers, runner)
    _check_runner(plan)
    dry_run_folder.remove_leftovers(plan.folder)
    key_id = keys.ensure_key(plan.key_path, plan.folder)
    plan = plan.with_named_sources()
    dedup_index.check_keys(plan.list_earlier_corpora(), key_id)
    observer = observer or SilentObserver()
    _warn_of_other_redaction(plan, observer)
    _add_given_requests(plan)
    listed = suppression.load(plan.key_path)
    unfinished_takedown.recover(plan.folder)
    finished = existing_output.find_complete_build(plan, key_id, listed, observer, replace=replace)
    if finished is not None:
        observer.note(existing_output.describe_finished(plan))
        return finished
    with workspace.lock_workspace(plan):
        if (plan.folder / MANIFEST_NAME).exists():
            unfinished_takedown.finish(plan.folder)  # or it would move files over this build's
        listed = suppression.load(plan.key_path)  # a takedown may have ended after the first look
        finished = existing_output.find_finished_manifest(plan, key_id, listed, replace=replace)
        if finished is not None:  # or another build
            observer.note(existing_output.describe_finished(plan))
            return finished
        with _started_build(plan, key_id, listed.state, observer) as (context, recorder):
            recorder.expect(list_expected_phases(plan))
            verify_work(context.workspace.work, context.run)  # files of an earlier run may be bad
            manifest = _build_corpus(context)
            if damaged := verify_work(context.workspace.work, context.run):
                raise damage_error(context.workspace.work, damaged)
            manifest["run"] = recorder.summarize_run(manifest, plan.run.workers)
            _write_manifest(context.workspace, manifest)
            if plan.url:
                upload.upload_corpus(plan.folder, plan.url, recorder.step, stages=stages.names())
        context.workspace.remove_work()
    return manifest


def _build_corpus(context: BuildContext) -> dict[str, Any]:
    """Go from dumps to every file of the corpus but the manifest, which is returned."""
    files = ingest.list_input_files(context)
    first, *later = context.plan.segments()
    parts = ingest.read_and_filter(context, files, first)
    sources = summarize_sources(files, context.removed_repeats)
    misfits = context.plan.list_misfits(ingest.list_first_files(context, files))
    check_any_read(sources, misfits)
    counted = count_by_source(context.plan, files, sources)
    check_refusals(counted)
    shared_ids = find_shared_ids(context, files, counted)
    count_suppressed_posts(context, sources)
    edits = ingest.compare_edits(context, files)
    for segment in later:
        parts = apply_barrier(context, parts, segment)
    shards = write_outputs.write_shards(context, parts)
    index = write_outputs.write_index(context, parts)
    replacements, people, samples = write_ledger.write_ledger(context, parts, files, shards)
    origins = count_origins(context, parts, files)
    warnings = [
        *misfits,
        *list_warnings(counted),
        *shared_ids,
        *find_empty_columns(context, files, counted),
        *list_drop_warnings(counted, origins),
        *list_language_warnings(context.plan, context.funnel),
    ]
    manifest = build_manifest(
        context,
        sources,
        shards,
        index,
        replacements,
        people,
        warnings,
        origins,
        ingest.count_last_posts(files),
        edits,
    )
    _write_documentation(context, manifest, samples)
    return manifest


# --------------------------------------------------------------------------- before and around it


def _warn_of_other_redaction(plan: Plan, observer: Observer) -> None:
    """Warn if ``pii`` made other texts in an earlier corpus."""
    settings = next((stage.config_json for stage in plan.stages if stage.name == "pii"), "")
    redaction = dedup_index.describe_redaction(settings, keys.load_key(plan.key_path))
    for warning in dedup_index.check_redaction(plan.list_earlier_corpora(), redaction):
        observer.note(warning)


def _add_given_requests(plan: Plan) -> None:
    """Add the requests of the plan's file to the suppression list of its key."""
    given = plan.output.suppressed
    if given in ("", "none"):
        return
    try:
        text = filesystem.read_file(given).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(
            f"{plan.name}: output: cannot read 'suppressed: {given}': {reason}"
        ) from None
    where = f"{plan.name}: output: suppressed: '{given}'"
    suppression.add(plan.key_path, *suppression.parse_requests(text, where))


def _check_runner(plan: Plan) -> None:
    try:
        runners.check_runner(plan.run.runner)
    except runners.RunnerUnavailable as error:
        raise PlanError(str(error)) from None
    if plan.run.runner == "processes" and (call := main_guard.find_unguarded_call()):
        raise PlanError(main_guard.explain(*call))


@contextmanager
def _started_build(
    plan: Plan, key_id: str, suppressed: suppression.State, observer: Observer
) -> Iterator[tuple[BuildContext, StatusRecorder]]:
    """Start the runner and the status file; record how the build ended: done, failed, stopped."""
    space = workspace.begin(plan, suppressed)
    runner = _make_runner(plan, space.work)
    recorder, state = StatusRecorder(space.work, observer), "stopped"
    try:
        with explained_failures(space.work, runner):
            if runner.dashboard:
                recorder.note(f"ray dashboard {runner.dashboard}")
            _write_private_plan(plan, recorder)
            yield BuildContext(plan, space, key_id, suppressed, runner, recorder), recorder
        state = "done"
    except Exception:
        state = "failed"
        raise
    finally:
        runner.close()
        recorder.record_end(state)


def _write_private_plan(plan: Plan, observer: Observer) -> None:
    """Keep the plan with its paths beside the key; a build goes on without it."""
    if dry_run_folder.is_trial(plan.folder):
        return
    try:
        plan.write_private_plan()
    except OSError as error:
        observer.note(
            f"the plan with its paths is not kept beside the key: {error.strerror}; keep the plan "
            "yourself, since plan.yaml in the output has no paths"
        )


def _make_runner(plan: Plan, work: Path) -> runners.Runner:
    run = plan.run
    try:
        return runners.make_runner(
            run.runner,
            run.workers,
            address=run.address,
            max_tasks=run.max_tasks,
            shared_folder=work,
            required_paths=plan.list_shared_paths() if run.runner == "ray" else (),
            code=user_code.list_shipped_paths() if plan.has_user_code else (),
        )
    except runners.RunnerUnavailable as error:
        raise BuildError(str(error)) from None


# --------------------------------------------------------------------------- the last files


def _write_documentation(
    context: BuildContext, manifest: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    """Write the resolved plan, the report, its statistics, the dataset card and the datasheet."""
    out, plan = context.workspace.out, context.plan.to_public_document()
    shards = [out / shard["path"] for shard in manifest["shards"]]
    statistics = report.count_statistics(
        shards, context.workspace.ledger_files(), manifest, context.run
    )
    if warnings := report.list_warnings(manifest, statistics):
        manifest["warnings"] = warnings
    texts = {
        PLAN_NAME: format_public_plan(plan),
        **report.render_documentation(manifest, plan, statistics | {"samples": samples}),
    }
    for name, text in texts.items():
        with atomic_write(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _write_manifest(space: workspace.Workspace, manifest: dict[str, Any]) -> None:
    """Write the manifest after the disk has stored the names of all files that it lists."""
    for folder in (space.shards, space.validation, space.dropped, space.out):
        if folder.is_dir():
            fsync_folder(folder)
    write_json(space.out / MANIFEST_NAME, manifest, pretty=True, durable=True)
    fsync_folder(space.out)
