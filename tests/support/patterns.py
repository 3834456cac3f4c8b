"""Every regular expression of ours, and texts that are made to be slow for it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import regex

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sre_parse

import corpus
import filters
from corpus.conversations import messages
from filters.pii import handles
from filters.repeats import repeated_lines

#: Modules that need an extra; they may have no expression.
EXTRAS = ("corpus.loader.torch", "corpus.torch")
#: Files whose functions put expressions together; ``patterns`` adds what they make, but where only
#: escaped words of the plan, of the demo or of numbers are in them.
PUT_TOGETHER = {
    "audit.py",
    "common.py",
    "contact_data.py",
    "csv_records.py",
    "handles.py",
    "json_scanner.py",
    "messages.py",
    "phone_regions.py",
    "phones.py",
    "phrases.py",
    "repeated_lines.py",
    "suppression.py",
}
_CLASSES = {"DIGIT": "0", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "x", "NOT_SPACE": "x"}


def modules() -> Iterator[Any]:
    """Every module of ours that can be imported."""
    for package in (corpus, filters):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__") and found.name not in EXTRAS:
                yield importlib.import_module(found.name)


def patterns() -> dict[str, Any]:
    """Our compiled expressions by module and name, also those in tuples, lists and dicts."""
    found: dict[str, Any] = {}
    for module in modules():
        for name, value in vars(module).items():
            for number, each in enumerate(_inside(value)):
                found[f"{module.__name__}.{name}{f'[{number}]' if number else ''}"] = each
    found |= dict(written_in_place())
    for kind in handles._TEXT_FORMS:
        for has_page in (False, True):
            pattern, _, _ = handles._load_forms(kind, has_page)
            found[f"filters.pii.handles.forms[{kind}, {has_page}]"] = pattern
    for turn in (
        "{speaker}: {text}",
        "[{depth}] {role} of {speaker}\n{text}",
        "{text} -- {speaker}",
    ):
        settings = {"mode": "tree", "turn": turn, "speaker": "user_{n}"}
        formats = messages.TurnFormat.of(settings)
        assert formats is not None
        found[f"corpus.conversations.messages.turn[{turn}]"] = formats._pattern
    found["filters.repeats.repeated_lines.labels"] = re.compile(
        repeated_lines.build_label_pattern(("user_{n}: ", "anonymous: ", "{n}1x"))
    )
    seen: dict[tuple[Any, int], str] = {}
    return {
        name: each
        for name, each in found.items()
        if seen.setdefault((each.pattern, each.flags), name) == name
    }


def written_in_place() -> Iterator[tuple[str, Any]]:
    """The expressions that a function writes out where it uses them, by file and line."""
    for path, tree in _parse_sources():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in (inner for function in functions for inner in ast.walk(function)):
            if isinstance(node, ast.Call) and node.args and _of_re(node.func):
                place = f"{path}:{node.lineno}"
                if isinstance(first := node.args[0], ast.Constant):
                    yield place, regex.compile(first.value)
                else:
                    assert path.name in PUT_TOGETHER, place


def _parse_sources() -> Iterator[tuple[Path, ast.Module]]:
    """Our source files, by their paths from the repository's root, with their trees."""
    for package in (corpus, filters):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            yield path.relative_to(root.parent), ast.parse(path.read_text(encoding="utf-8"))


def _of_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in ("re", "regex")
        and function.attr not in ("escape", "template", "purge")
    )


def _inside(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, (re.Pattern, regex.Pattern)):
        yield value
    elif depth < 3 and isinstance(value, (tuple, list, frozenset, set)):
        for each in value:
            yield from _inside(each, depth + 1)
    elif depth < 3 and isinstance(value, dict):
        for each in value.values():
            yield from _inside(each, depth + 1)


def _samples(pattern: str, flags: int, chance: random.Random, count: int) -> list[str]:
    """Texts that the pattern matches, or nearly: a walk through its tree."""
    flags &= re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = sre_parse.parse(pattern, flags)
    except Exception:  # of the module regex: \p{…} and the like
        return []
    return [_walk(tree, chance) for _ in range(count)]


def _walk(tree: Any, chance: random.Random) -> str:
    return "".join(_one(str(op), value, chance) for op, value in tree)


def _one(op: str, value: Any, chance: random.Random) -> str:
    if op == "LITERAL":
        return chr(value)
    if op == "NOT_LITERAL":
        return "x" if value != ord("x") else "y"
    if op == "ANY":
        return chance.choice("a .")
    if op == "IN":
        return _of_class(value, chance)
    if op == "CATEGORY":
        return _CLASSES.get(str(value).removeprefix("CATEGORY_"), "-")
    if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, inner = value
        times = min(int(high), int(low) + chance.randrange(3))
        return "".join(_walk(inner, chance) for _ in range(times))
    if op == "BRANCH":
        return _walk(chance.choice(value[1]), chance)
    if op == "SUBPATTERN":
        return _walk(value[3], chance)
    if op == "ATOMIC_GROUP":
        return _walk(value, chance)
    return ""  # assertions and anchors


def _of_class(items: Any, chance: random.Random) -> str:
    if str(items[0][0]) == "NEGATE":
        return chance.choice("x 1.<&")
    op, value = chance.choice(items)
    if str(op) == "RANGE":
        return chr(chance.choice((value[0], value[1])))
    return _one(str(op), value, chance)


GENERIC = (
    "a", " ", "\n", "0", "<", "&", "@", "#", '"', "\\", "[", "{", "`", ".", "-", ":", "/", "é",
    "a ", "a.", "a@", "@a", "a-", " \n", "\\\"", "<a ", "&#1", "http://", "a\n", "1.", "(", "+1 ",
)  # fmt: skip


def pumps(found: Any, chance: random.Random, more: int) -> list[str]:
    """Pieces that, said again and again, may take the pattern long."""
    text = found.pattern
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    samples = _samples(text, found.flags, chance, more)
    pieces = list(GENERIC)
    for sample in samples:
        pieces.append(sample)
        if len(sample) > 1:
            low, high = sorted(chance.sample(range(len(sample) + 1), 2))
            pieces.append(sample[low:high])
            pieces.append(sample[: len(sample) - 1])
    return sorted({piece for piece in pieces if 0 < len(piece) < 200})


def beginnings(found: Any, chance: random.Random, more: int) -> list[str]:
    """Beginnings of what the pattern matches, after which it may take a pump long."""
    text = found.pattern
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    samples = _samples(text, found.flags, chance, more)
    return ["", *(sample[: chance.randrange(len(sample) + 1)] for sample in samples)]


def attack(found: Any, pump: str, size: int, before: str = "", end: str = "\x00!") -> Any:
    """A text of about ``size`` characters of one piece, and an end that does not fit."""
    text = before + pump * (size // len(pump)) + end
    return text.encode("utf-8", "replace") if isinstance(found.pattern, bytes) else text


def run(found: Any, text: Any) -> int:
    """Look for all that the pattern finds."""
    return sum(1 for _ in found.finditer(text))


def find_anchored() -> dict[str, str]:
    """How each named pattern is used that is only tried at the beginning of a text.

    By module and name, ``match`` or ``fullmatch``. A pattern that is also searched for, passed on,
    or tried at a given place of a text is not in it: such a use may take quadratic time.
    """
    uses: dict[str, dict[str, set[str]]] = {}
    for path, tree in _parse_sources():
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        uses[module] = _uses_of_names(tree)
    found: dict[str, str] = {}
    for module in uses:
        for name in uses[module]:
            users = [uses[module]] if name.startswith("_") else uses.values()
            of_name = set().union(*(user.get(name, ()) for user in users))
            if of_name <= {"match", "fullmatch"}:
                found[f"{module}.{name}"] = "match" if "match" in of_name else "fullmatch"
    return found


def _uses_of_names(tree: ast.Module) -> dict[str, set[str]]:
    """The methods that are called on each name, ``?`` for any other use."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        else:
            continue
        user: ast.AST = parents[node]
        if isinstance(user, ast.IfExp) and user.test is not node:
            user = parents[user]
        call = parents.get(user)
        on_whole_text = isinstance(call, ast.Call) and call.func is user and len(call.args) == 1
        method = user.attr if isinstance(user, ast.Attribute) and on_whole_text else "?"
        uses.setdefault(name, set()).add(method)
    return uses


#: How a pattern is used that is not searched for, where `find_anchored` cannot see it.
ANCHORED = {
    "corpus.conversations.messages.turn": "fullmatch",
    "corpus.formats.json_records._FIRST_LINE": "match",  # of the head of a file, once
    "corpus.privacy.personal_pages._FORMS": "fullmatch",
    "corpus.readers.mbox._FROM_DATE": "match",  # of the first 300 characters of a line
    "filters.pii.code._INDENTED": "match",  # of a line, up to its end
    "filters.pii.secrets._PEM_BODY": "match",  # behind a header, as far as the next one
    "filters.repeats.repeated_lines._FENCE": "match",  # of a line, once
    "filters.repeats.repeated_lines.labels": "match",
}
#: The longest text that a pattern is ever given.
BOUNDED = {
    "corpus.maintenance.contact_data._RESERVED": 512,  # a domain of seven labels
    "corpus.readers.stackexchange._ENDINGS": 255,
    "corpus.storage.output_folder._TEMPORARY": 4096,
    "filters.pii.contacts._NO_NAME": 50,
    "filters.pii.contacts._SPECIAL": 50,
    "filters.pii.contacts._TRIGGER": 24,
    "corpus.report.templates._UNESCAPED_VALUE": 20_000,  # our own templates
    "filters.pii.spoken._LOCAL": 120,
}
#: The same of every pattern of a module.
BOUNDED_MODULES = {"filters.text.removal_notices": 2_000}


def _limit_from_here(cpu_seconds: int) -> None:
    """End the process after as many more seconds of processor time."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = int(time.process_time()) + 1 + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (min(until, hard), hard))


def all_linear(size: int, few: int, seed: int, cpu_seconds: int) -> int:
    """Run each pattern, as it is used, on texts made to be slow for it; how many there were.

    A text for which a pattern takes more than ``cpu_seconds`` ends the process; the last line of
    the standard error is its name.
    """
    found = patterns()
    anchored = find_anchored() | ANCHORED
    for name, each in found.items():
        # A seed for each pattern: a new pattern does not change what is tried on the others.
        chance = random.Random(f"{seed} {name}")
        module = name.rpartition(".")[0]
        long = min(size, BOUNDED.get(name, size), BOUNDED_MODULES.get(module, size))
        use = anchored.get(name.partition("[")[0])
        known = pumps(each, chance, 6)
        for pump in chance.sample(known, min(few, len(known))):
            before = chance.choice(beginnings(each, chance, 1))
            end = chance.choice((*GENERIC, "]", ")", ">", "\x00!"))
            text = attack(each, pump, long, before, end)
            print(f"{name} on {before!r}, {pump!r} and {end!r}", file=sys.stderr, flush=True)
            _limit_from_here(cpu_seconds)
            getattr(each, use)(text) if use else run(each, text)
    return len(found)


def filters_linear(names: list[str], size: int, cpu_seconds: int, each: int = 1) -> None:
    """Run filters on long texts of one piece; they may take ``cpu_seconds`` for each.

    Of every ``each`` pieces one is tried.
    Each runs on short texts of the same pieces first: what a filter loads or compiles once, some
    of it for a kind of text alone, has no limit.
    """
    import polars as pl

    from corpus.schema import POST

    pieces = (*GENERIC, "RT @a: ", "~", "> ", "- ", "f*", "4111 ", "@a.", "\u0301", "Ã©", "😀")
    for name in names:
        _limit_from_here(3600)
        name, _, preset = name.partition(":")
        module = filters.find(name)
        run_it = module.build(module.Config(**({"preset": preset} if preset else {})))
        all_pieces = ("a few words", *pieces[::each])
        for length, limit, frames in (
            (1_000, 3600, [all_pieces]),
            (size, cpu_seconds, [(piece,) for piece in all_pieces]),
        ):
            for chosen in frames:
                texts = [(piece * (length // len(piece)))[:length] for piece in chosen]
                ids = [f"x:{number}" for number in range(len(texts))]
                frame = pl.DataFrame({"id": ids, "text": texts}).with_columns(
                    pl.lit(None, dtype=dtype).alias(column)
                    for column, dtype in POST.items()
                    if column in module.READS and column not in ("id", "text")
                )
                print(f"{name} {preset} on {texts[-1][:20]!r}", file=sys.stderr, flush=True)
                _limit_from_here(limit)
                assert run_it(frame).height == len(texts)


def models_hold(folder: Any, count: int) -> int:
    """Cut lid.176 short in its header, dictionary or vectors; how often that was refused."""
    from filters import language
    from filters.text import fasttext

    source = next(iter(language.models(language.Config())))
    whole = source.read_bytes()
    chance = random.Random(3)
    held = 0
    for number in range(count):
        most = (120, 100_000, len(whole))[number % 3]
        path = folder / "model.ftz"
        path.write_bytes(whole[: chance.randrange(most)])
        try:
            fasttext.predict_labels(fasttext.load_model(path), ["hello there my friends"], 1)
        except (ValueError, MemoryError, RuntimeError):
            held += 1
    return held
