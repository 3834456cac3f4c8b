"""Print what a stage or a reader is: its settings, columns and reasons, and an example."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpus.errors import CorpusError, find_nearest

_MIN_WIDTH, _MAX_WIDTH = 40, 100

#: An entry of a plan for each stage.
STAGE_EXAMPLES = {
    "authors": "authors: {max_posts: 500}",
    "classifier": "classifier: {model: spam.ftz}",
    "consent": "consent: {}",
    "conversations": "conversations: {mode: tree, min_posts: 2}",
    "decontaminate": "decontaminate: {against: [evaluation/*.jsonl]}",
    "dedup": "dedup: {jaccard: 0.8}",
    "expr": 'expr: {drop: "length(text) < 20", reason: too_short}',
    "influence": "influence: {}",
    "injection": "injection: {}",
    "language": "language: {keep: [en, de]}",
    "language_context": "language_context: {keep: [en, de]}",
    "normalise": "normalise: {}",
    "pii": "pii: {profile: contact}",
    "quality": "quality: {preset: social}",
    "repeats": "repeats: {}",
    "toxicity": "toxicity: {max_score: 0.8}",
}
#: Further settings in the example of a reader.
READER_EXAMPLES = {
    "stackexchange": "site: superuser.com",
    "table": "platform: forum, fields: {id: post_id, text: body, author: user}",
}
#: The page of each stage that has one.
_PAGES = {
    "classifier": "classifier",
    "dedup": "dedup",
    "expr": "expr",
    "influence": "poisoning",
    "language": "language",
    "language_context": "language",
    "pii": "privacy",
    "quality": "quality",
    "toxicity": "toxicity",
}


def describe_stage(name: str) -> str:
    """Return the description of a stage; CorpusError suggests a name if there is none."""
    from pydantic import ValidationError

    from corpus import stages
    from filters import contract

    module = _find(stages.find, name, stages.names(), "stage", "filters")
    lines = [_title(name, module), "", *_list_settings(module)]
    reads = ", ".join(module.READS) or "those that its settings name"
    try:
        config = module.Config()
        written: Mapping[str, Any] = contract.writes(module, config)
        reasons = contract.reasons(module, config)
    except ValidationError:  # a setting is required
        written, reasons = module.WRITES, tuple(getattr(module, "REASONS", ()))
    columns = ", ".join(f"{column} ({_type_name(dtype)})" for column, dtype in written.items())
    lines += ["", *_wrap("reads     ", reads), *_wrap("writes    ", columns or "no column")]
    if reasons:
        lines += _wrap("reasons   ", ", ".join(reasons))
    example = STAGE_EXAMPLES.get(name, f"{name}: {{{_list_required(module)}}}")
    lines += ["", "example", "  stages:", f"    - {example}"]
    lines += [f"\nmore      docs/{_PAGES[name]}.md"] if name in _PAGES else []
    return "\n".join(lines)


def describe_reader(name: str) -> str:
    """Return the description of a reader; CorpusError suggests a name if there is none."""
    from corpus import readers

    module = _find(readers.find, name, readers.names(), "reader", "readers")
    notices = "are read" if module.TOMBSTONES else "are not in this format"
    folders = "a file, a folder, a glob"
    if getattr(module, "FOLDERS", False):
        folders += ", or an unpacked archive of one account or server"
    more = READER_EXAMPLES.get(name) or _list_required(module)
    example = f'{name}: {{path: "dumps/{name}/*"{f", {more}" if more else ""}}}'
    return "\n".join(
        [
            _title(name, module),
            "",
            *_list_settings(module),
            "",
            *_wrap("platform  ", f"{module.PLATFORM}, the first part of each post's id"),
            *_wrap("path      ", folders),
            *_wrap("deletions ", f"notices of deleted posts {notices}"),
            "",
            "example",
            "  sources:",
            f"    - {example}",
            "",
            "more      docs/readers.md",
        ]
    )


def _find(find: Any, name: str, known: Sequence[str], kind: str, command: str) -> Any:
    from corpus import user_code

    if "." in name:  # a module of the user's own, perhaps in this folder, as beside a plan
        user_code.use_folder(os.getcwd())
    elif name not in known:
        group = user_code.FILTERS if kind == "stage" else user_code.READERS
        if name not in user_code.names(group):
            near = find_nearest(name, [*known, *user_code.names(group)])
            hint = f"did you mean '{near}'?" if near else f"'corpus {command}' lists all"
            raise CorpusError(f"no {kind} '{name}'; {hint}")
    return find(name)


def first_line(name: str, module: Any) -> str:
    """Return the first line of a module's docstring, without the name if it begins with that."""
    line = (str(module.__doc__ or "").strip().splitlines() or [""])[0]
    description = line.removeprefix(f"The filter ``{name}``: ")
    return description[:1].upper() + description[1:].replace("``", "'")


def _title(name: str, module: Any) -> str:
    return "\n".join(_wrap(f"{name}  ", first_line(name, module)))


def _list_settings(module: Any) -> Iterator[str]:
    """The settings with type, default and meaning."""
    from corpus.plan.settings_errors import describe_type, format_value

    yield "settings"
    if not module.Config.model_fields:
        yield "  none"
    for key, field in module.Config.model_fields.items():
        default = "required"
        if not field.is_required():
            value = field.get_default(call_default_factory=True)
            value = list(value) if isinstance(value, tuple) else value
            default = f"default {format_value(value)}"
        yield from _wrap(f"  {key}: ", f"{describe_type(field.annotation)}; {default}", 6)
        yield from _wrap("      ", field.description or "")


def _list_required(module: Any) -> str:
    fields = module.Config.model_fields.items()
    names = [name for name, field in fields if field.is_required() and name != "path"]
    return ", ".join(f"{name}: VALUE" for name in names)


def _type_name(dtype: Any) -> str:
    return str(dtype.base_type()).replace("DataType", "")


def _wrap(head: str, text: str, indent: int | None = None) -> list[str]:
    """Text behind a head, in lines that fit the terminal."""
    width = min(_MAX_WIDTH, max(_MIN_WIDTH, shutil.get_terminal_size().columns))
    return textwrap.wrap(
        head + text,
        width,
        subsequent_indent=" " * (len(head) if indent is None else indent),
        break_on_hyphens=False,
        break_long_words=False,
    )
