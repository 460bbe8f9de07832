"""The names of a classifier's classes, as they are kept in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...dsl.files import read_regular

_LARGEST = 16 << 20


class LabelsError(Exception):
    """A file that holds no labels; the text continues "it cannot be used: …"."""


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a file: one on each line, or in JSON a list, or an object with `id2label`.

    Raises LabelsError.
    """
    try:
        text = read_regular(path, _LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LabelsError("it is not UTF-8 text") from None
    except OSError as error:
        raise LabelsError(f"it cannot be read: {error.strerror}") from None
    labels = _from_json(text) if path.suffix == ".json" else tuple(_lines(text))
    if not labels:
        raise LabelsError("it is empty")
    return labels


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise LabelsError(f"line {lines.index('') + 1} is empty")
    return lines


def _from_json(text: str) -> tuple[str, ...]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LabelsError(f"it is no JSON: {str(error).lower()}") from None
    if isinstance(value, dict):
        value = _in_order(value.get("id2label", value))
    if not isinstance(value, list) or not set(map(type, value)) <= {str}:
        raise LabelsError("it holds neither a list of texts nor an object with `id2label`")
    return tuple(value)


def _in_order(by_number: Any) -> Any:
    """The values of `{"0": …, "1": …}` as a list; None when it is no such object."""
    if not isinstance(by_number, dict):
        return None
    keys = [str(number) for number in range(len(by_number))]
    return [by_number[key] for key in keys] if set(keys) == set(by_number) else None
