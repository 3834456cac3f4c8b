"""The story of a build: read, judge, dedup, converse, redact, write; each step resumes."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from corpus import report
from corpus.dedup import dedup_index
from corpus.errors import BuildError, CorpusError, PlanError
from corpus.manifest import MANIFEST_NAME
from corpus.pipeline import (
    apply_barrier,
    build_manifest,
    ingest,
    verify_work,
    write_ledger,
    write_outputs,
)
from corpus.pipeline.context import BuildContext
from corpus.pipeline.workspace import (
    PLAN_HEAD,
    Workspace,
    begin,
    find_finished_manifest,
    identify_sources,
    list_manifest_sources,
    lock_workspace,
)
from corpus.plan.model import Plan
from corpus.privacy import keys
from corpus.stages import run_inline
from corpus.storage import folder_lock, upload
from corpus.tasks import runners, status
from corpus.tasks.files import atomic_write, fsync_folder, write_json
from corpus.tasks.observer import Observer, SilentObserver


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

    ``plan`` is a path to a YAML plan, its content as a dict, or a :class:`corpus.Plan`; the other
    arguments stand in for what it says. A build that was interrupted goes on where it stopped,
    and one that is complete is only looked up. Raises :class:`~corpus.errors.PlanError` before
    anything is read and :class:`~corpus.errors.BuildError` after.
    """
    if isinstance(plan, dict):
        plan = Plan.parse(plan)
    elif not isinstance(plan, Plan):
        plan = Plan.load(plan)
    plan = plan.with_options(out, workers, runner)
    plan = plan.with_local_copies()
    plan.check_paths()
    try:
        runners.check_runner(plan.run.runner)
    except runners.RunnerUnavailable as error:
        raise PlanError(str(error)) from None
    key_id = keys.ensure_key(plan.key_path, plan.folder)
    dedup_index.check_keys(plan.list_earlier_corpora(), key_id)
    watcher = observer or SilentObserver()
    found = find_finished_manifest(plan, key_id, replace=replace)
    if (
        plan.url
        and (there := _find_remote_manifest(plan, key_id, replace=replace))
        and found in (None, there)
    ):
        return there
    if found is not None:
        _complete(plan, watcher)
        return found
    with lock_workspace(plan):
        found = find_finished_manifest(plan, key_id, replace=replace)
        if found is not None:  # another build ended since we looked
            return found
        space = begin(plan)
        hands = _make_runner(plan, space)
        recorder, state = status.StatusRecorder(space.work, watcher), "stopped"
        try:
            story = BuildContext(plan, space, hands, recorder)
            if hands.dashboard:
                story.observer.note(f"ray dashboard {hands.dashboard}")
            verify_work.verify_work(
                space.work, story.run
            )  # what an earlier run left may have gone bad since
            manifest = _build_corpus(story, key_id)
            if wrong := verify_work.verify_work(space.work, story.run):
                raise BuildError(_describe_damage(space.work, wrong))
            manifest["run"] = recorder.summarize_run(manifest, plan.run.workers)
            _write_manifest(space, manifest)
            if plan.url:
                upload.upload_corpus(space.out, plan.url, recorder.step)
            state = "done"
        except (runners.WorkerDied, MemoryError):
            state = "failed"
            raise BuildError(
                "a worker process died, most likely for want of memory; run again with fewer "
                "--workers to go on where it stopped (a script of your own must call build() "
                "under `if __name__ == '__main__':`)"
            ) from None
        except runners.RunnerUnavailable as error:
            state = "failed"
            raise BuildError(f"{error}; run again to go on where it stopped") from None
        except OSError as error:
            state = "failed"
            raise BuildError(
                f"{_describe_error(error)}; make room or mend it, and run again to go on where it stopped"
            ) from None
        except CorpusError:
            state = "failed"
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            state = "failed"
            hands.close()  # nobody is to write there now
            if wrong := verify_work.verify_work(space.work, run_inline):
                raise BuildError(_describe_damage(space.work, wrong)) from None
            if isinstance(error, (pl.exceptions.PolarsError, pl.exceptions.PanicException)):
                raise BuildError(
                    f"{_describe_error(error)}; make room or mend it, and run again to go on where it "
                    "stopped"
                ) from None
            raise
        finally:
            hands.close()
            recorder.record_end(state)
        space.remove_work()
    return manifest


def _complete(plan: Plan, watcher: Observer) -> None:
    """Do what a kill behind the manifest kept a build from: its upload, the removal of work/."""
    if plan.url:
        with folder_lock.locked(plan.folder, "upload"):
            upload.upload_corpus(plan.folder, plan.url, watcher.step)
    space = Workspace(plan)
    if space.work.exists() and not space.keep_work:
        with suppress(CorpusError), folder_lock.locked(plan.folder, "build"):
            space.remove_work()


def _find_remote_manifest(plan: Plan, key_id: str, *, replace: bool) -> dict[str, Any] | None:
    """The manifest at the plan's URL if it is this very build's; PlanError if it is another's."""
    there = upload.check_destination(plan.url, replace=False)
    if there is None:
        return None
    same = (there.get("plan_fingerprint"), there.get("author_key_id")) == (
        plan.fingerprint(),
        key_id,
    )
    if not replace and same and list_manifest_sources(there) == identify_sources(plan):
        return there
    if there.get("takedowns"):
        raise PlanError(
            f"posts were taken down from the corpus at '{plan.url}', and building over it would "
            "bring them back; build into another folder with --out and run 'corpus takedown' there "
            "with the same ids and authors"
        )
    if replace:
        upload.check_destination(plan.url, replace=True)
        return None
    raise PlanError(
        f"'{plan.url}' holds another corpus; give another --out, or --replace to build over it"
    )


def _make_runner(plan: Plan, workspace: Workspace) -> runners.Runner:
    run = plan.run
    see = plan.list_shared_paths() if run.runner == "ray" else ()
    try:
        return runners.make_runner(
            run.runner,
            run.workers,
            address=run.address,
            max_tasks=run.max_tasks,
            shared_folder=workspace.work,
            required_paths=see,
        )
    except runners.RunnerUnavailable as error:
        raise BuildError(str(error)) from None


def _write_manifest(workspace: Workspace, manifest: dict[str, Any]) -> None:
    """Write the manifest when the disk has the names of all that it speaks of."""
    for folder in (workspace.shards, workspace.validation, workspace.dropped, workspace.out):
        if folder.is_dir():
            fsync_folder(folder)
    write_json(workspace.out / MANIFEST_NAME, manifest, pretty=True, durable=True)
    fsync_folder(workspace.out)


def _describe_damage(work: Path, damaged: list[Path]) -> str:
    return (
        f"'{damaged[0].relative_to(work)}' or what it speaks of was changed on the disk since it was "
        f"written ({len(damaged)} such in work/); it and what was made of it are thrown away: run "
        "again to have them made anew, and check the disk and the memory"
    )


def _describe_error(error: Exception) -> str:
    """What the system says is wrong; nothing else, for a library's message may quote a post."""
    if isinstance(error, OSError):
        where = f" ('{error.filename}')" if error.filename else ""
        if error.errno is None and "written" in str(error):  # numpy's words for a full disk
            return "the disk took only a part of a file; is it full?"
        return f"{error.strerror or error}{where}"
    if "transport error" in str(error):  # polars' words for the same, now and then
        return "the disk took only a part of a file; is it full?"
    found = re.search(r"[\w ]+\(os error \d+\)", str(error))
    return found[0].strip() if found else f"{type(error).__name__} in polars"


def _build_corpus(context: BuildContext, key_id: str) -> dict[str, Any]:
    """The whole way from dumps to everything but the manifest itself."""
    files = ingest.list_input_files(context)
    first, *later = context.plan.segments()
    parts = ingest.read_and_filter(context, files, first)
    sources = [
        build_manifest.summarize_source(
            f.read_task.path, f.read_task.reader, f.size_bytes, f.read_task.folder
        )
        for f in files
    ]
    build_manifest.check_any_read(sources)
    for segment in later:
        parts = apply_barrier.apply_barrier(context, parts, segment)
    shards = write_outputs.write_shards(context, parts, key_id)
    index = write_outputs.write_index(context, parts, key_id)
    kept_back, shown = write_ledger.write_ledger(context, parts, files, shards, key_id)
    manifest = build_manifest.build_manifest(
        context.plan,
        sources,
        [context.funnel[stage.name] for stage in context.plan.stages],
        shards,
        key_id,
        context.facts,
        index,
        kept_back,
    )
    _write_documentation(context, manifest, shown)
    return manifest


def _write_documentation(
    context: BuildContext, manifest: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    out, plan = context.workspace.out, context.plan.to_yaml()
    shards = [out / shard["path"] for shard in manifest["shards"]]
    ledger = context.workspace.ledger()
    counted = report.count_statistics(shards, ledger, manifest, context.run)
    papers = {
        "plan.yaml": PLAN_HEAD + plan,
        **report.render_documentation(manifest, plan, counted | {"samples": samples}),
    }
    for name, text in papers.items():
        with atomic_write(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
