"""Values that only the language has: bare words and calls with a meaning where they stand."""

from __future__ import annotations

from .late_text import LateText, Variable
from .ranges import Range
from .record import frozen
from .units import KIND_NAMES, Duration, Money, Percent, Size


class Word(str):
    """A bare word such as `queue` or `equal`: no text, but a name with a meaning where it stands."""

    __slots__ = ()


@frozen
class Call:
    """A call such as `env("KEY")` or `fallback(claude)`."""

    name: str
    args: tuple[object, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(show(arg) for arg in self.args)})"

    @property
    def variable(self) -> Variable | None:
        """What `env(…)` names; None for other calls."""
        match self:
            case Call("env", (str(name),)) if not isinstance(name, Word):
                return Variable(name)
            case Call("env", (str(name), str(default))) if not isinstance(name, Word):
                return Variable(name, default)
        return None


def describe(value: object) -> str:
    """The kind of a value in the user's words, with its article: "a duration", "the word `queue`"."""
    match value:
        case bool():
            return f"`{show(value)}`"
        case Word():
            return f"the word `{value}`"
        case Duration() | Size() | Money() | Percent():
            name = KIND_NAMES[type(value)]
            return f"{'an' if name[0] == 'a' else 'a'} {name}"
        case Range():
            return "a range"
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case list() | tuple():
            return "a list"
        case dict():
            return "a block"
        case Call():
            return f"a call of `{value.name}`"
        case None:
            return "nothing"
        case _:
            return f"a {type(value).__name__}"


def show(value: object) -> str:
    """A value as it would be written in a file."""
    match value:
        case bool():
            return "true" if value else "false"
        case Word() | Call() | Range() | Duration() | Size() | Money() | Percent() | int() | float():
            return str(value)
        case LateText():
            return " + ".join(show(part) if isinstance(part, str) else str(part) for part in value.parts)
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        case list() | tuple():
            return "[" + ", ".join(show(item) for item in value) + "]"
        case dict():
            inner = ", ".join(
                f"{k} {show(v)}" if isinstance(v, dict) else f"{k} = {show(v)}" for k, v in value.items()
            )
            return "{ " + inner + " }" if inner else "{ }"
        case None:
            return "none"
        case _:
            raise TypeError(f"no value of the language: {value!r}")
