"""What adapting a conversation gives: a conversation and notes, or what stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field

from ....compiler.plan.record import define, frozen
from ...requests.errors import Incapable


@frozen
class Note:
    """Something was changed. where: in the client's words; what: in a sentence."""

    where: str
    what: str


@frozen
class Checked(Note):
    """The answer shall fit `schema`, which the provider does not promise: read it through `HeldAnswer`.

    closed: that objects have no other keys is what the provider does promise. tool: the function whose calls
    are meant, and not the answer.
    """

    schema: Mapping[str, Any] = field(factory=dict)
    closed: bool = False
    tool: str | None = None


@frozen
class StructuredByTool(Note):
    """The model answers by calling the function `tool`: read its answer through `AsJsonText`."""

    tool: str = ""


@frozen
class OneCall(Note):
    """The model may call several functions at once, and the client wants one: the first is kept."""


@frozen
class ToRead(Note):
    """The answer tells it in a shape of its own: it has to be read, and written anew."""


@frozen
class Renamed(ToRead):
    """The function that the client calls `name` is called `sent` at the provider."""

    name: str = ""
    sent: str = ""


@frozen
class Problem:
    """What the model cannot do. where: the field, in the client's words."""

    where: str
    why: str


@frozen
class Unsuitable:
    """The model cannot answer this conversation."""

    problems: tuple[Problem, ...]

    def error(self, who: str) -> Incapable:
        """The refusal, which names each field. who: the model's provider and deployment."""
        said = "; ".join(f"`{problem.where}`: {problem.why}" for problem in self.problems)
        return Incapable(f"{who} cannot take {said}", param=self.problems[0].where)


@define
class Findings:
    """Collects what the rules find. drop: what the model cannot do is left out, and noted."""

    names: Mapping[str, str]
    drop: bool
    notes: list[Note] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def note(self, where: str, what: str) -> None:
        self.notes.append(Note(self.names.get(where, where), what))

    def keep_first_call(self, where: str, what: str) -> None:
        self.notes.append(OneCall(self.names.get(where, where), what))

    def of_tool(self, tool: str, name: str) -> str:
        """What the client calls the field `name` of the function at `tool`."""
        return f"{tool}.{self.names.get(f'tool.{name}', name)}"

    def refuse(self, where: str, why: str) -> None:
        """`where` cannot be done: it is left out where that is allowed."""
        if self.drop:
            self.note(where, f"left out: {why}")
        else:
            self.problems.append(Problem(self.names.get(where, where), why))
