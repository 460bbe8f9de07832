"""Texts that look like a key. A file names where a secret comes from; it never holds one.

What looks like a key is masked wherever a source or a message is shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field

from .kinds import SecretSource
from .late_pattern import late_pattern
from .record import frozen

_STARTS = {
    "sk-": "[A-Za-z0-9_-]{8,}",  # OpenAI, Anthropic, DeepSeek, …
    "AIza": "[A-Za-z0-9_-]{20,}",  # Google
    "AKIA": "[A-Z0-9]{16}",
} | {
    f"{name}{sign}": "[A-Za-z0-9_-]{16,}"
    for name in ("gsk", "hf", "ghp", "xai", "r8", "pplx")
    for sign in "_-"
}
"""How keys begin, and how they go on."""
_BEGINNINGS = tuple(_STARTS)

_DIGITS = 40
"""Hexadecimal ones of a key that begins anyhow."""

_KEY = late_pattern(
    rf"""(?x)(?<![\w-])
    (?: {"|".join(start + rest for start, rest in _STARTS.items())}
      | (?i:bearer)\s+[^\s()"']{{16,}}
      | [0-9a-fA-F]{{{_DIGITS}}}
    )(?![\w-])"""
)
_HEXADECIMAL = late_pattern(rf"[0-9a-fA-F]{{{_DIGITS}}}")

MASK = "•"

SECRET_ADVICE = (
    'name the environment variable that holds it: `env("NAME")`',
    'or a file: `file("/run/secrets/key")`; and replace the key, since it was written down',
)
"""What to do instead of writing a secret into a file."""


@frozen
class SecretRef:
    """Where a secret comes from. The secret itself is never part of a model or a plan."""

    source: SecretSource
    name: str = field(metadata={"doc": "name of the environment variable, or path of the file"})

    @classmethod
    def env(cls, variable: str) -> SecretRef:
        return cls(SecretSource.ENV, variable)

    @classmethod
    def file(cls, path: str) -> SecretRef:
        return cls(SecretSource.FILE, path)


def looks_like_key(text: str) -> bool:
    """Whether the whole of `text` has the form of a provider's key."""
    text = text.strip()
    may_be_one = text.startswith(_BEGINNINGS) or len(text) == _DIGITS or text[:6].lower() == "bearer"
    return may_be_one and _KEY.fullmatch(text) is not None


def holds_key(text: str, known: Iterable[str] = ()) -> bool:
    """Whether something in `text` has the form of a provider's key or is `known`."""
    return any(key in text for key in known) or (_may_hold_key(text) and _KEY.search(text) is not None)


def _may_hold_key(text: str) -> bool:
    """Whether it has to be looked at closely, which few texts have."""
    return (
        any(map(text.__contains__, _BEGINNINGS))
        or "bearer" in text.lower()
        or (len(max(text.split(), key=len, default="")) >= _DIGITS and _HEXADECIMAL.search(text) is not None)
    )


def borne(text: str) -> frozenset[str]:
    """The keys in `text` that only the word `Bearer` before them tells."""
    if "bearer" not in text.lower():
        return frozenset()
    words = (found[0].split() for found in _KEY.finditer(text))
    return frozenset(key for first, *rest in words if first.lower() == "bearer" for key in rest)


def masked(text: str, known: Iterable[str] = ()) -> str:
    """`text` with bullets over everything in it that looks like a key or is `known`; as long as before."""
    for key in known:
        text = text.replace(key, MASK * len(key))
    return _KEY.sub(lambda found: MASK * len(found[0]), text) if _may_hold_key(text) else text
