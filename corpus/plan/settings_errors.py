"""Say in words what is wrong with a setting, and what to write instead."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from corpus.errors import did_you_mean
from corpus.plurals import pluralize

#: What an error of pydantic's is about, by its type.
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("greater than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_SHAPES = {dict: "keys and values", list: "a list", str: "a text", bool: "true or false"}
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_NUMBER_WITH_UNIT = re.compile(r"(-?\d+(?:\.\d+)?)\s*([A-Za-z%]+)")
_LITERALS = ("literal_error", "enum")
_MAX_SHOWN = 60


def explain_errors(model: type[BaseModel], error: ValidationError) -> list[tuple[str, str]]:
    """Return the key of each wrong setting and what is wrong with it.

    The alternatives of a setting that may have several types are one error.
    """
    found: dict[str, str] = {}
    for details in error.errors():
        key = str(details["loc"][0]) if details["loc"] else ""
        if not key or (key in found and _is_of_alternative(model, key)):
            continue
        field = model.model_fields.get(key)
        text = _explain(details, key, field)
        found[key] = f"{found[key]}; {text}" if key in found else text
    if not found:  # a rule about several settings
        return [("", details["msg"].removeprefix("Value error, ")) for details in error.errors()]
    return [
        (key, f"'{key}' {text}" if text.startswith("is missing") else f"'{key}': {text}")
        for key, text in found.items()
    ]


def _is_of_alternative(model: type[BaseModel], key: str) -> bool:
    field = model.model_fields.get(key)
    return field is not None and len(_list_alternatives(field.annotation)) > 1


def _explain(details: ErrorDetails, key: str, field: FieldInfo | None) -> str:
    """What is wrong with one setting; ``details`` are an error of pydantic's."""
    kind, value, inside = details["type"], details["input"], details["loc"][1:]
    context: Mapping[str, Any] = details.get("ctx") or {}
    if kind == "missing":
        example = _make_example(key, field)
        return f"is missing; write {example}"
    if kind == "value_error":
        message = str(context.get("error", details["msg"]))
        return message if ";" in message else f"{message}; got {format_value(value)}"
    got = f"got {format_value(value)}"
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"must be {words} {_format_bound(context[name])}; {got}"
    if kind in _LITERALS and field is not None and isinstance(value, str):
        choices = _list_choices(field.annotation)
        return f"must be one of {', '.join(choices)}; {got}{_suggest(value, choices)}"
    expected = _describe_expected(field, inside, details)
    if field is None:
        return f"must be {expected}; {got}"
    remedy = _find_remedy(key, value, field, bool(inside))
    return f"must be {expected}; {got}{remedy}"


def _suggest(word: str, choices: list[str]) -> str:
    hint = did_you_mean(word, choices)
    return hint if "did you mean" in hint else ""


def _describe_expected(
    field: FieldInfo | None, inside: tuple[str | int, ...], details: ErrorDetails
) -> str:
    """What a value must be, in words."""
    if field is None:
        return details["msg"]
    alternatives = [each for each in _list_alternatives(field.annotation) if each is not type(None)]
    names = [_describe_type(each) for each in alternatives]
    bounds = _describe_bounds(field)
    return " or ".join(dict.fromkeys(names)) + bounds


def _describe_bounds(field: FieldInfo) -> str:
    low = high = ""
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            low = f"from {_format_bound(rule.ge)}"
        elif isinstance(rule, annotated_types.Gt):
            low = f"above {_format_bound(rule.gt)}"
        elif isinstance(rule, annotated_types.MaxLen):
            high = f"of at most {pluralize(rule.max_length, 'character')}"
        elif isinstance(rule, annotated_types.MinLen):
            low = "that is not empty"
        elif isinstance(rule, annotated_types.Le):
            high = f"{'to' if low else 'up to'} {_format_bound(rule.le)}"
    return " ".join(["", *(word for word in (low, high) if word)])


def _format_bound(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _list_alternatives(annotation: Any) -> list[Any]:
    """The types that a setting may have: those of a union, else the one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for part in get_args(annotation) for each in _list_alternatives(part)]
    if get_origin(annotation) is typing.Annotated:
        return _list_alternatives(get_args(annotation)[0])
    return [annotation]


def _list_choices(annotation: Any) -> list[str]:
    """The words that a setting may be, or that its list may have."""
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    found = [choice for part in get_args(annotation) for choice in _list_choices(part)]
    return list(dict.fromkeys(found))


def describe_type(annotation: Any) -> str:
    """Return the type of a setting in words, such as ``a list of texts``."""
    names = [_describe_type(each) for each in _list_alternatives(annotation)]
    return " or ".join(dict.fromkeys(names))


def _describe_type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        inner = _list_alternatives(arguments[0])
        if choices := _list_choices(arguments[0]):
            return f"a list of {', '.join(choices)}"
        return f"a list of {_PLURALS.get(inner[0], 'values')}"
    if origin is dict:
        return f"names with {_PLURALS.get(_list_alternatives(arguments[1])[0], 'values')}"
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    return _SINGULARS.get(annotation, str(getattr(annotation, "__name__", annotation)))


_SINGULARS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
_PLURALS = {str: "texts", int: "whole numbers", float: "numbers", bool: "true or false"}


def _find_remedy(key: str, value: Any, field: FieldInfo, is_inside: bool) -> str:
    """What to write instead, if a value shows what was meant; else ''."""
    if isinstance(value, bool):
        return (
            f"; if a word such as 'no' or 'yes' is meant, write it in quotes: "
            f"{key}: {'[' if is_inside else ''}'no'{']' if is_inside else ''}"
        )
    for meant in _list_meant(value, is_inside):
        if _fits(field, meant):
            return f"; write {key}: {format_value(meant)}"
    if isinstance(value, str) and "{" not in value and _takes(field, dict):
        return f"; write {_make_example(key, field)}"
    if isinstance(value, list) and _takes(field, dict):
        return f"; write {_make_example(key, field)}"
    return ""


def _list_meant(value: Any, is_inside: bool) -> list[Any]:
    """Values that may have been meant by another one, the likeliest first."""
    meant: list[Any] = []
    if isinstance(value, str):
        text = value.strip()
        if _DECIMAL_COMMA.fullmatch(text):
            meant.append(float(text.replace(",", ".")))
        if match := _NUMBER_WITH_UNIT.fullmatch(text):
            if match[2] == "%":
                meant.append(float(match[1]) / 100)
            meant += [int(match[1])] if match[1].isdigit() else []
            meant.append(float(match[1]))
        if text.replace(",", "").replace("_", "").isdigit():
            meant.append(int(text.replace(",", "").replace("_", "")))
        words = text.replace(",", " ").split()
        if 1 < len(words) <= 30:
            meant.append(words)
    if isinstance(value, int | float) and not isinstance(value, bool):
        meant.append([str(value)] if is_inside else str(value))
        if isinstance(value, float) and value.is_integer():
            meant.append(int(value))
    if isinstance(value, Mapping):
        meant.append([str(name) for name in value])
    if isinstance(value, list | tuple) and len(value) == 1:
        meant.append(value[0])
    if not isinstance(value, list | tuple | Mapping):
        meant.append([value])
    return meant


def fits(model: type[BaseModel], key: str, value: Any) -> bool:
    """Return whether a value may be that of the setting ``key``, by its type and bounds."""
    return _fits(model.model_fields[key], value)


def _fits(field: FieldInfo, value: Any) -> bool:
    annotation: Any = field.annotation
    for rule in field.metadata:
        annotation = typing.Annotated[annotation, rule]
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


def _takes(field: FieldInfo, kind: type) -> bool:
    return any(get_origin(each) is kind for each in _list_alternatives(field.annotation))


def _make_example(key: str, field: FieldInfo | None) -> str:
    """The setting as a plan may have it."""
    if key == "path":
        return "path: dumps/*.zst (a file, a folder or a glob)"
    if key == "fields":
        return "fields: {id: COLUMN, text: COLUMN}"
    if field is None:
        return f"{key}: VALUE"
    if _takes(field, dict):
        return f"{key}: {{NAME: VALUE}}"
    return f"{key}: VALUE ({describe_type(field.annotation)})"


def format_value(value: Any) -> str:
    """Return a value as YAML has it in one line, cut if it is long."""
    try:
        text = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, width=1 << 20, sort_keys=False
        )
    except (yaml.YAMLError, ValueError):  # ValueError: an integer with too many digits
        return "a value that cannot be shown"
    text = text.removesuffix("\n").removesuffix("\n...")
    if isinstance(value, str) and not text.startswith(("'", '"')):
        text = f"'{text}'"
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def describe_shape(value: object) -> str:
    """Return what kind of YAML a value is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return _SHAPES.get(type(value), type(value).__name__)
