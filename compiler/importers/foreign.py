"""What a foreign file says: values with the names of their settings and the lines they stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import field

from ...dsl.possessive import possessive
from ...dsl.record import frozen

Scalar = str | int | float | bool | None

MOST_VALUES = 200_000
"""Values in one file, after all aliases are filled in."""

DEEPEST = 100
"""How many values may lie in each other."""

TOO_LONG = "a number has too many digits"
_MOST_BITS = 13_000
"""Of a whole number: Python writes none of more than 4,300 digits."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_PARTS = re.compile(possessive(r'"((?:[^"\\]|\\.)*+)"|[^"]+'), re.DOTALL)


class ImportFailed(Exception):
    """The file cannot be read as what it is. place: the file, and the line where it is known."""

    def __init__(self, message: str, line: int | None = None, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.help = help


@frozen(eq=False)
class Node:
    """One value. path: what its setting is called in reports, such as `model_list[0].model_name`."""

    path: str
    line: int
    value: Scalar | Mapping[str, Node] | list[Node] = field(repr=False)

    @property
    def entries(self) -> Mapping[str, Node]:
        """What a mapping holds, nothing for what is none."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> Sequence[Node]:
        """What a list holds, nothing for what is none."""
        return self.value if isinstance(self.value, list) else ()

    @property
    def key(self) -> str:
        """The name under which a mapping holds it, without quotes."""
        found = [*_PARTS.finditer(self.path)]
        quoted = found[-1][1] if found else None
        if quoted is None:
            return self.path.rpartition(".")[2]
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)

    def get(self, *keys: str) -> Node | None:
        """What is found below a mapping; None for nothing, which may be written, as `null`."""
        found: Node | None = self
        for key in keys:
            found = found.entries.get(key) if found is not None else None
        return found if found is not None and found.value is not None else None

    def text(self, *keys: str) -> str | None:
        """A text below a mapping; None for what is none."""
        found = self.get(*keys)
        return found.value if found is not None and isinstance(found.value, str) else None

    @property
    def is_leaf(self) -> bool:
        """Whether it is one setting: a single value, a list of such, or nothing at all."""
        if isinstance(self.value, Mapping):
            return not self.value
        return all(not isinstance(item.value, Mapping) and not item.items for item in self.items)

    def leaves(self) -> Iterator[Node]:
        """Every setting that this value holds."""
        if self.is_leaf:
            yield self
            return
        for inner in self.entries.values() or self.items:
            yield from inner.leaves()

    def plain(self) -> object:
        """The value without places."""
        if isinstance(self.value, Mapping):
            return {key: inner.plain() for key, inner in self.value.items()}
        return [inner.plain() for inner in self.value] if isinstance(self.value, list) else self.value


def below(path: str, key: str | int) -> str:
    """The path of what has `key` in the value at `path`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    name = key if _PLAIN.fullmatch(key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path}{name}" if not path or path.endswith(("#", ":")) else f"{path}.{name}"


class Counter:
    """Counts the values of a file, and refuses too many and too deep ones."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, line: int, depth: int) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            message = f"more than {MOST_VALUES:,} values, aliases filled in"
            raise ImportFailed(message, line, "a file of settings is much smaller: split it")
        if depth > DEEPEST:
            raise ImportFailed(f"values lie in each other more than {DEEPEST} deep", line)


def check_digits(value: object, line: int) -> None:
    """Raises ImportFailed for a whole number that is too long to be written."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ImportFailed(TOO_LONG, line)


def rebuilt(value: object, lines: Mapping[str, int]) -> Node:
    """Nodes for plain values. lines: where some paths stand; what has no line of its own takes that above."""
    return _rebuilt(value, "", lines, 1, Counter(), 0)


def _rebuilt(
    value: object, path: str, lines: Mapping[str, int], line: int, counter: Counter, depth: int
) -> Node:
    line = lines.get(path, line)
    counter.add(line, depth)
    if isinstance(value, Mapping):
        inner = {
            str(key): _rebuilt(item, below(path, str(key)), lines, line, counter, depth + 1)
            for key, item in value.items()
        }
        return Node(path, line, inner)
    if isinstance(value, list):
        items = [
            _rebuilt(item, below(path, index), lines, line, counter, depth + 1)
            for index, item in enumerate(value)
        ]
        return Node(path, line, items)
    check_digits(value, line)
    if value is None or isinstance(value, str | int | float):
        return Node(path, line, value)
    return Node(path, line, str(value))
