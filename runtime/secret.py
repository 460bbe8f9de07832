"""Secrets: read when a plan starts, never shown afterwards."""

from __future__ import annotations

import os
from pathlib import Path

from ..compiler.plan import SecretRef, SecretSource
from .errors import StartError


class Secret:
    """A secret and where it came from. Only `reveal()` gives the value; `str` and `repr` name the origin."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        self._value = value
        self.origin = origin

    def reveal(self) -> str:
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the secret in it."""
        return text.replace(self._value, "[secret]")

    def __repr__(self) -> str:
        return f"Secret(from {self.origin})"


def read_secret(ref: SecretRef, base_dir: Path, owner: str) -> Secret:
    """The secret that `ref` names; files are relative to `base_dir`.

    owner: who needs it, as the error says it: "deployment `gpt`". Raises StartError.
    """
    if ref.source is SecretSource.ENV:
        origin = f"the environment variable {ref.name}"
        value = os.environ.get(ref.name, "").strip()
        if not value:
            state = "is empty" if ref.name in os.environ else "is not set"
            raise StartError(f"{owner}: {origin} {state}: set it to the key (export {ref.name}=…)")
    else:
        origin = f"the file {ref.name}"
        try:
            value = (base_dir / ref.name).read_text("utf-8").strip()
        except FileNotFoundError:
            raise StartError(f"{owner}: {origin} is not there: put the key into it") from None
        except UnicodeDecodeError:
            raise StartError(f"{owner}: {origin} is not UTF-8 text: put the key into it") from None
        except OSError as error:
            raise StartError(f"{owner}: {origin} cannot be read: {error.strerror}") from None
        if not value:
            raise StartError(f"{owner}: {origin} is empty: put the key into it")
    if not (value.isascii() and value.isprintable()):
        raise StartError(f"{owner}: {origin} holds characters that no HTTP header can carry")
    return Secret(value, origin)
