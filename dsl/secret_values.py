"""Secrets of the model, read from parsed values: where each is, and what it is called there."""

from __future__ import annotations

import re
from typing import Any

from .keys import KeySecret, is_hash
from .kinds import SecretSource
from .mismatch import Mismatch, SecretMismatch
from .runtimes import SecretRef
from .values import Call, Word

SECRET_FUNCTIONS = tuple(source.value for source in SecretSource if source is not SecretSource.HASH)
"""What names a secret."""

_SECRET_FORMS = {
    SecretSource.EXEC: (r"\s*\S.*", "a command and its arguments"),
    SecretSource.VAULT: (r"[^#/]+/[^#]+#[^#]+", 'a path and a field, such as `"secret/openai#api_key"`'),
    SecretSource.AWS_SECRET: (r"[^#\s]+(#[^#]+)?", 'the name of a secret, such as `"prod/openai#api_key"`'),
    SecretSource.GCP_SECRET: (
        r"projects/[^/#\s]+/secrets/[^/#\s]+(/versions/[^/#\s]+)?(#[^#]+)?",
        'the name of a secret, such as `"projects/shop/secrets/openai"`',
    ),
}
"""How others call their secrets; a field of one that is JSON stands behind `#`."""


def read_secret(value: Any) -> SecretRef:
    """Where a secret is. Raises Mismatch."""
    match value:
        case SecretRef():
            return value
        case Call(name=name, args=(Word() as word,)) if name in SECRET_FUNCTIONS:
            raise Mismatch("its argument as a text", value, f'{name}("{word}")')
        case Call(name=name, args=(str(argument),)) if name in SECRET_FUNCTIONS:
            return _secret_at(SecretSource(name), argument, value)
        case dict() if len(value) == 1 and isinstance(argument := next(iter(value.values())), str):
            if next(iter(value)) in SECRET_FUNCTIONS:
                return _secret_at(SecretSource(next(iter(value))), argument, value)
    raise SecretMismatch(value)


def _secret_at(source: SecretSource, argument: str, value: object) -> SecretRef:
    form = _SECRET_FORMS.get(source)
    if form is not None and not re.fullmatch(form[0], argument):
        raise Mismatch(form[1], value)
    return SecretRef(source, argument)


def read_key_secret(value: Any) -> KeySecret:
    """Where the key of a client is, or its hash. Raises Mismatch."""
    match value:
        case KeySecret():
            return value
        case Call(name="hash", args=(str(digest),)) | {"hash": str(digest)}:
            if isinstance(digest, Word) or not is_hash(digest):
                raise Mismatch("`sha256:` and 64 hexadecimal digits", value)
            return KeySecret.hash(digest)
    secret = read_secret(value)
    return KeySecret(secret.source, secret.name)
