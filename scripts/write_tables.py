"""Write the documentation's tables of readers, stages and settings from the code.

    python -m scripts.write_tables          writes docs/plan.md, docs/settings.md, docs/languages.md
    python -m scripts.write_tables --check  fails if they are not up to date

docs/plan.md has two tables between markers, such as ``<!-- readers -->`` and ``<!-- /readers -->``,
and docs/languages.md has one. docs/settings.md is written as a whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from corpus import readers, stages
from corpus.report.language_names import name_language
from filters import contract, language, pii, quality, toxicity
from filters.language import CORRECTION_MODEL_PATH
from filters.text import fasttext
from filters.text.identifier import correction, eldc_model
from filters.text.languages import find_entry

ROOT = Path(__file__).resolve().parent.parent
PLAN, SETTINGS = ROOT / "docs" / "plan.md", ROOT / "docs" / "settings.md"
LANGUAGES = ROOT / "docs" / "languages.md"
#: The order in which a plan usually names the stages; other stages follow.
STAGE_ORDER = (
    "consent",
    "authors",
    "normalise",
    "language",
    "language_context",
    "quality",
    "classifier",
    "toxicity",
    "injection",
    "expr",
    "dedup",
    "influence",
    "decontaminate",
    "conversations",
    "repeats",
    "pii",
)
#: The settings that every reader has.
COMMON_SETTINGS = ("path", "max_line_mb", "max_refused")
#: The document of a stage, where it does not have the stage's name.
DOCUMENTS = {"pii": "privacy", "influence": "poisoning"}
_MAX_LISTED = 8
_MAX_DEFAULT_CHARS = 40
_MAX_SHORT_DEFAULT_CHARS = 12


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` return 1 if one is not up to date."""
    files = make_files()
    outdated = [path for path, text in files.items() if read_text(path) != text]
    if "--check" in arguments:
        for path in outdated:
            print(f"{path.name} is not up to date; run python -m scripts.write_tables")
        return 1 if outdated else 0
    for path in outdated:
        path.write_text(files[path], encoding="utf-8")
    return 0


def make_files() -> dict[Path, str]:
    """Return the text of each file with its tables."""
    plan = read_text(PLAN)
    plan = replace_table(plan, "readers", make_reader_table())
    plan = replace_table(plan, "stages", make_stage_table())
    languages = replace_table(read_text(LANGUAGES), "languages", make_language_table())
    return {PLAN: plan, SETTINGS: make_settings(), LANGUAGES: languages}


def read_text(path: Path) -> str:
    """Return the text of a file, or empty if it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def replace_table(text: str, name: str, table: str) -> str:
    """Replace the lines between the two markers of a table."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"there are no markers <!-- {name} --> and <!-- /{name} -->")
    return pattern.sub(lambda match: match[1] + table + match[2], text)


def make_reader_table() -> str:
    """Return the table of readers: name, description, settings."""
    rows = []
    for name in readers.names():
        module = readers.find(name)
        settings = list_settings(name, module, COMMON_SETTINGS)
        rows.append((f"`{name}`", describe(module).removeprefix("Read "), settings))
    return make_table(("reader", "reads", "further settings"), rows)


def make_stage_table() -> str:
    """Return the table of stages: name, description, columns, settings."""
    rows = []
    for name in sort_stages(stages.names()):
        module = stages.find(name)
        kind = " (barrier)" if stages.is_barrier(name) else ""
        document = ROOT / "docs" / f"{DOCUMENTS.get(name, name)}.md"
        more = f" ([{document.name}]({document.name}))" if document.exists() else ""
        columns = ", ".join(f"`{column}`" for column in list(module.WRITES)[:_MAX_LISTED])
        if len(module.WRITES) > _MAX_LISTED:
            columns += " …"
        settings = list_settings(name, module)
        rows.append((f"`{name}`{kind}", describe(module) + more, columns, settings))
    return make_table(("stage", "does", "writes", "settings"), rows)


def list_settings(name: str, module: Any, omitted: tuple[str, ...] = ()) -> str:
    """Return the first settings with short defaults and, if there are more, a link to all."""
    fields = {key: field for key, field in module.Config.model_fields.items() if key not in omitted}
    listed = []
    for key, field in list(fields.items())[:_MAX_LISTED]:
        default = format_default(field)
        is_short = not field.is_required() and len(default) <= _MAX_SHORT_DEFAULT_CHARS
        listed.append(f"`{key}: {default}`" if is_short else f"`{key}`")
    more = f" … [all {len(fields)}](settings.md#{name})" if len(fields) > _MAX_LISTED else ""
    return ", ".join(listed) + more


def make_language_table() -> str:
    """Return the table of languages: code, name, identified by, and the stages that judge it."""
    identified = list_identifying_models()
    judging = {
        "toxicity": contract.languages(toxicity, toxicity.Config()),
        "quality": contract.languages(quality, quality.Config()),
        "names": contract.languages(pii, pii.Config(profile="strict")),
    }
    codes = sorted({*identified, *(code for known in judging.values() for code in known)})
    rows = [
        (
            f"`{code}`",
            name_language(code),
            ", ".join(identified.get(code, ())),
            *("yes" if find_entry(code, known) or not known else "" for known in judging.values()),
        )
        for code in codes
    ]
    return make_table(("code", "language", "identified by", *judging), rows)


def list_identifying_models() -> dict[str, list[str]]:
    """Return the models that can name each language."""
    config = language.Config()
    lid = fasttext.load_model(language.models(config)[0]).get_labels()
    found: dict[str, list[str]] = {}
    for model, codes in (
        ("lid.176", [label.removeprefix(fasttext.LABEL_PREFIX) for label in lid]),
        ("our model", correction.load_model(CORRECTION_MODEL_PATH).labels),
        ("eldc", eldc_model.list_languages()),
    ):
        for code in codes:
            found.setdefault(code, []).append(model)
    return found


def make_settings() -> str:
    """Return docs/settings.md: every setting of every reader and stage."""
    parts = [
        "# Settings of readers and stages\n\n"
        "Written by `python -m scripts.write_tables` from the code. Every reader also takes `path` "
        "(a file, a folder or a glob), `max_line_mb` (16) and `max_refused` (1.0).\n"
    ]
    groups: Iterable[tuple[str, list[str], Callable[[str], Any]]] = (
        ("Readers", readers.names(), readers.find),
        ("Stages", sort_stages(stages.names()), stages.find),
    )
    for title, names, find in groups:
        parts.append(f"\n## {title}\n")
        for name in names:
            module = find(name)
            rows = [
                (f"`{key}`", f"`{format_default(field)}`", field.description or "")
                for key, field in module.Config.model_fields.items()
                if title != "Readers" or key not in COMMON_SETTINGS
            ]
            parts.append(f"\n### {name}\n\n{describe(module)}.\n")
            if rows:
                parts.append("\n" + make_table(("setting", "default", "description"), rows))
    return "".join(parts)


def sort_stages(names: Iterable[str]) -> list[str]:
    """Sort stages as a plan usually names them."""
    order = {name: index for index, name in enumerate(STAGE_ORDER)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def describe(module: Any) -> str:
    """Return what a module does: the first line of its docstring, without its own name."""
    line = module.__doc__.strip().splitlines()[0].removesuffix(".").replace("``", "`")
    line = re.sub(r"^The filter `\w+`: |, and the barrier `\w+`$", "", line)
    return line[0].upper() + line[1:]


def format_default(field: Any) -> str:
    """Return a setting's default as a plan writes it, shortened if it is long."""
    if field.is_required():
        return "required"
    value = json.loads(json.dumps(field.get_default(call_default_factory=True), default=_encode))
    if isinstance(value, str):
        is_plain = value and value == value.strip() and "\n" not in value
        text = value if is_plain else json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = f"[{', '.join(value)}]"
    else:
        text = json.dumps(value, ensure_ascii=False)
    if len(text) > _MAX_DEFAULT_CHARS:
        text = text[: _MAX_DEFAULT_CHARS - 1].rstrip(", ") + " …"
    return text


def _encode(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return str(value)


def make_table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
