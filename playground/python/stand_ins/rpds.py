"""What jsonschema calls of rpds, on dicts and tuples that are copied: rpds is Rust, which no browser has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class HashTrieMap(Mapping[Any, Any]):
    """A dict that never changes."""

    def __init__(self, values: Any = (), /, **named: Any) -> None:
        self._values = dict(values, **named)

    @classmethod
    def convert(cls, values: Any) -> HashTrieMap:
        return values if isinstance(values, cls) else cls(values)

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def insert(self, key: Any, value: Any) -> HashTrieMap:
        return HashTrieMap({**self._values, key: value})

    def remove(self, key: Any) -> HashTrieMap:
        rest = dict(self._values)
        del rest[key]
        return HashTrieMap(rest)

    def discard(self, key: Any) -> HashTrieMap:
        return self.remove(key) if key in self._values else self

    def update(self, *values: Any, **named: Any) -> HashTrieMap:
        merged = dict(self._values)
        for each in values:
            merged.update(each)
        return HashTrieMap({**merged, **named})


class HashTrieSet(frozenset[Any]):
    """A set that never changes."""

    def insert(self, value: Any) -> HashTrieSet:
        return HashTrieSet(self | {value})

    def remove(self, value: Any) -> HashTrieSet:
        if value not in self:
            raise KeyError(value)
        return HashTrieSet(self - {value})

    def discard(self, value: Any) -> HashTrieSet:
        return HashTrieSet(self - {value})

    def update(self, *values: Iterable[Any]) -> HashTrieSet:
        return HashTrieSet(self.union(*values))


class List(tuple[Any, ...]):
    """A list that never changes."""

    def __new__(cls, *values: Any) -> List:
        given = values[0] if len(values) == 1 and isinstance(values[0], Iterable) else values
        return super().__new__(cls, given)

    @property
    def first(self) -> Any:
        return self[0]

    @property
    def rest(self) -> List:
        return List(self[1:])

    def push_front(self, value: Any) -> List:
        return List((value, *self))

    def drop_first(self) -> List:
        return self.rest
