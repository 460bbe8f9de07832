"""Texts that hold variables of the environment: written `env("NAME", "default")`, read when a plan starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .record import frozen


@frozen
class Variable:
    """A variable of the environment, and what counts where it is not set or empty; None: it must be set."""

    name: str
    default: str | None = None

    def __str__(self) -> str:
        quoted = (f'"{text}"' for text in (self.name, self.default) if text is not None)
        return f"env({', '.join(quoted)})"


class LateText(str):
    """A text with variables in it. As a text it is what it will be where none of them is set."""

    __slots__ = ("parts",)

    parts: tuple[str | Variable, ...]

    def __new__(cls, parts: Iterable[str | Variable]) -> LateText:
        kept = tuple(part for part in parts if part != "")
        text = "".join(
            part if isinstance(part, str) else f"${part.name}" if part.default is None else part.default
            for part in kept
        )
        made = super().__new__(cls, text)
        made.parts = kept
        return made

    @property
    def is_complete(self) -> bool:
        """Whether it can be told without the environment: each variable has a default."""
        return all(isinstance(part, str) or part.default is not None for part in self.parts)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in it."""
        return tuple(part for part in self.parts if isinstance(part, Variable))

    def read(self, environment: Mapping[str, str], missing: dict[str, None]) -> str:
        """The text as `environment` has it. The names of variables that it lacks are put into `missing`."""
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            value = environment.get(part.name) or part.default
            if value is None:
                missing[part.name] = None
            texts.append(value or "")
        return "".join(texts)

    def as_json(self) -> object:
        """As a plan has it: `{"$env": …, "default": …}`, or with text around it `{"$text": […]}`."""
        parts = [part if isinstance(part, str) else _variable_as_json(part) for part in self.parts]
        return parts[0] if len(parts) == 1 else {"$text": parts}

    @classmethod
    def from_json(cls, value: object) -> LateText | None:
        """What `as_json` gives, read back; None for anything else."""
        match value:
            case {"$text": list(items), **rest} if not rest:
                parts = [item if isinstance(item, str) else _variable_from_json(item) for item in items]
            case _:
                parts = [_variable_from_json(value)]
        return None if None in parts else cls(part for part in parts if part is not None)


def is_unknown(text: str) -> bool:
    """Whether only the environment can tell what `text` is."""
    return isinstance(text, LateText) and not text.is_complete


def joined(*texts: str) -> str:
    """The texts one behind the other; a late text where one of them is."""
    parts: list[str | Variable] = []
    for text in texts:
        parts += text.parts if isinstance(text, LateText) else (text,)
    return LateText(parts) if any(isinstance(part, Variable) for part in parts) else "".join(texts)


def without_slash(text: str) -> str:
    """`text` without slashes at its end, as far as they are written in the file."""
    if not isinstance(text, LateText):
        return text.rstrip("/")
    *before, last = text.parts
    if isinstance(last, str):
        return LateText((*before, last.rstrip("/")))
    default = None if last.default is None else last.default.rstrip("/")
    return LateText((*before, Variable(last.name, default)))


def _variable_as_json(variable: Variable) -> dict[str, str]:
    known = {} if variable.default is None else {"default": variable.default}
    return {"$env": variable.name, **known}


def _variable_from_json(value: object) -> Variable | None:
    match value:
        case {"$env": str(name), "default": str(default), **rest} if not rest:
            return Variable(name, default)
        case {"$env": str(name), **rest} if not rest:
            return Variable(name)
    return None
