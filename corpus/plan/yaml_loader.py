"""Read a plan's YAML, which a stranger may have written, as plain data of a bounded size.

The line of each value is kept, for errors.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from corpus.errors import PlanError
from corpus.plan.problems import KeyPath, Lines

#: A plan is some lines: a glob names many files.
MAX_PLAN_BYTES = 256 << 10
_MAX_NODES = 20_000
_MAX_DEPTH = 30
_MAX_NUMBER_LENGTH = 100
#: What YAML converts a plain scalar to, if it can.
_CONVERTED_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null", "timestamp")
}


class _PlainDataLoader(yaml.SafeLoader):
    """Makes numbers, texts, lists and dicts; a tag makes nothing else.

    As in YAML 1.2, only ``true`` and ``false`` are booleans: ``no`` is a language. Where a setting
    is a boolean, its model reads ``yes``, ``no``, ``on`` and ``off`` as such.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - a table that the base class declares
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_number(self, node: yaml.ScalarNode) -> Any:
        """A whole number; YAML's 59:59:59 is one too, and takes quadratic time to read."""
        if len(node.value) > _MAX_NUMBER_LENGTH:
            raise yaml.constructor.ConstructorError(
                None, None, "too long a number", node.start_mark
            )
        return self.construct_yaml_int(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A dict whose keys are texts as written, even ``1`` and ``null``, each of them once."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag in _CONVERTED_TAGS:
                key.tag = "tag:yaml.org,2002:str"
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"the key '{key.value[:100]}' is there twice, first at line "
                        f"{seen[key.value]}; remove one",
                        key.start_mark,
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


_PlainDataLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_PlainDataLoader.add_constructor("tag:yaml.org,2002:int", _PlainDataLoader.construct_number)


#: How a message of the parser begins, and what it means to somebody who writes a plan.
_EXPLANATIONS = {
    "found character '\\t'": "a tab; YAML is indented with spaces: write spaces instead",
    "found undefined alias": "a text that begins with '*' must be in quotes, as in path: '*.zst'",
    "expected alphabetic or numeric character": "a text that begins with '*' or '&' must be in "
    "quotes, as in path: '*.zst'",
    "found character": "a text that begins with this character must be in quotes",
    "mapping values are not allowed here": "a ':' where none may be: a text that has ': ' in it "
    "must be in quotes, and a key must begin in the same column as the keys beside it",
    "could not find expected ':'": "a line that is no 'key: value'; is a ':' missing, or a quote "
    "not closed?",
    "expected <block end>": "the indentation does not fit the lines above: entries of one list, "
    "and keys of one entry, must begin in the same column",
    "expected ',' or '}'": "a '}' or a ',' is missing; is a bracket of a line above not closed?",
    "expected ',' or ']'": "a ']' or a ',' is missing; is a bracket of a line above not closed?",
    "found unexpected end of stream": "a quote is not closed",
}


def load_yaml(path: str | Path) -> tuple[Any, Lines]:
    """Return the plain data of a plan, and the line of each value.

    PlanError says what is wrong, where, and the remedy.
    """
    file = Path(path)
    try:
        with open(file, "rb") as stream:
            data = stream.read(MAX_PLAN_BYTES + 1)
        if len(data) > MAX_PLAN_BYTES:
            raise PlanError(
                f"{file.name}: larger than {MAX_PLAN_BYTES >> 10} kB, which no plan is; name many "
                "files by one glob, such as dumps/*.zst"
            )
        loader = _PlainDataLoader(data.decode("utf-8"))
        try:
            root = loader.get_single_node()
            lines = {} if root is None else _number_lines(root)
            document = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except FileNotFoundError:
        raise PlanError(f"no plan at '{path}'; give the path of a YAML plan") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PlanError(f"cannot read the plan '{path}': {reason}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise PlanError(f"{file.name}{where}: {_explain(problem)}") from None
    except RecursionError:
        raise PlanError(f"{file.name}: nested too deep") from None
    except ValueError as error:  # such as a date that is none
        raise PlanError(f"{file.name}: {str(error)[:200]}") from None
    _check_size(document, file.name)
    return document, lines


def _explain(problem: str) -> str:
    for beginning, words in _EXPLANATIONS.items():
        if problem.startswith(beginning):
            return words
    return problem


def _number_lines(root: yaml.Node) -> Lines:
    """The line of each value, of a key the key's; of the first values, if there are too many."""
    lines: dict[KeyPath, int] = {}
    todo: list[tuple[yaml.Node, KeyPath]] = [(root, ())]
    while todo and len(lines) < _MAX_NODES:
        node, path = todo.pop()
        if len(path) > _MAX_DEPTH:
            continue
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    lines[*path, key.value] = key.start_mark.line + 1
                    todo.append((value, (*path, key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                lines[*path, index] = item.start_mark.line + 1
                todo.append((item, (*path, index)))
    return lines


def _check_size(document: Any, name: str) -> None:
    """PlanError for too many entries, aliases written out: a few lines can stand for billions."""
    remaining = _MAX_NODES
    todo = [(document, 0)]
    while todo:
        node, depth = todo.pop()
        remaining -= 1
        if remaining < 0 or depth > _MAX_DEPTH:
            raise PlanError(
                f"{name}: more than {_MAX_NODES:,} entries or nested deeper than {_MAX_DEPTH}, "
                "aliases written out; no plan is"
            )
        if isinstance(node, dict):
            todo += [(child, depth + 1) for pair in node.items() for child in pair]
        elif isinstance(node, (list, tuple, set)):
            todo += [(child, depth + 1) for child in node]
