"""What became of each setting of a foreign file: kept, changed, or lost. Nothing is silent."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ...dsl.record import frozen
from .foreign import Node
from .literals import plain


class Outcome(StrEnum):
    """kept: it means the same here. changed: the nearest meaning. lost: nothing here stands for it."""

    KEPT = "kept"
    CHANGED = "changed"
    LOST = "lost"


@frozen(eq=False)
class Entry:
    """What became of one setting. says: what differs, or what to do."""

    setting: str
    line: int
    outcome: Outcome
    says: str = ""


@frozen(eq=False)
class Remark:
    """What stands as a comment beside: one for all settings below `node`."""

    outcome: Outcome
    node: Node
    says: str


class Report:
    """Takes what becomes of the settings below each root, and knows those that nobody spoke of."""

    def __init__(self) -> None:
        self._roots: list[Node] = []
        self._entries: dict[str, Entry] = {}
        self._form: set[str] = set()
        self._leaning: dict[str, tuple[Node, list[Node]]] = {}
        self.rest: list[Remark] = []

    def add_root(self, root: Node) -> None:
        """A file whose settings must all be spoken of."""
        self._roots.append(root)

    def form(self, *nodes: Node | None) -> None:
        """These only say what the file is: they are no settings."""
        for node in nodes:
            if node is not None:
                self._form.update(leaf.path for leaf in node.leaves())

    def mark(self, outcome: Outcome, node: Node, says: str = "") -> set[str]:
        """Say what became of all settings below `node` that nothing is said of yet, and give those."""
        fresh = [
            leaf for leaf in node.leaves() if leaf.path not in self._entries and leaf.path not in self._form
        ]
        for leaf in fresh:
            self._entries[leaf.path] = Entry(plain(leaf.path), leaf.line, outcome, plain(says))
        return {leaf.path for leaf in fresh}

    def overrule(self, outcome: Outcome, nodes: Iterable[Node], says: str = "") -> None:
        """Say what became of the settings below `nodes`, whatever was said before."""
        for node in nodes:
            for leaf in node.leaves():
                self._entries[leaf.path] = Entry(plain(leaf.path), leaf.line, outcome, plain(says))

    def __len__(self) -> int:
        """How many settings something was said of."""
        return len(self._entries)

    def forget_after(self, count: int) -> None:
        """Take back what was said of all settings but the first `count`."""
        while len(self._entries) > count:
            self._entries.popitem()

    def lean(self, node: Node, user: Node) -> None:
        """`node` counts for nothing but `user`, and others that lean on it."""
        self._leaning.setdefault(node.path, (node, []))[1].append(user)

    def left_alone(self) -> list[Node]:
        """What all settings that lean on it are lost of."""
        return [
            node
            for node, users in self._leaning.values()
            if all(self._is_lost(user) for user in users) and not self._is_lost(node)
        ]

    def _is_lost(self, node: Node) -> bool:
        said = [self._entries.get(leaf.path) for leaf in node.leaves()]
        return all(entry is not None and entry.outcome is Outcome.LOST for entry in said)

    def is_marked(self, node: Node) -> bool:
        """Whether something was said of every setting below `node`."""
        return all(leaf.path in self._entries or leaf.path in self._form for leaf in node.leaves())

    def finish(self, says: str) -> None:
        """Whatever nobody spoke of is lost, and said so."""
        for root in self._roots:
            for leaf in root.leaves():
                if leaf.path not in self._entries and leaf.path not in self._form:
                    self._entries[leaf.path] = Entry(plain(leaf.path), leaf.line, Outcome.LOST, says)
                    self.rest.append(Remark(Outcome.LOST, leaf, says))

    @property
    def forms(self) -> frozenset[str]:
        """What is no setting."""
        return frozenset(self._form)

    def entries(self) -> list[Entry]:
        """All settings, in the order of the files."""
        order = [leaf.path for root in self._roots for leaf in root.leaves()]
        return [self._entries[path] for path in dict.fromkeys(order) if path in self._entries]

    def of(self, outcome: Outcome) -> list[Entry]:
        return [entry for entry in self.entries() if entry.outcome is outcome]
