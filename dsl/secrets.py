"""Texts that look like a key. A file names where a secret comes from; it never holds one.

What looks like a key is masked wherever a source or a message is shown.
"""

from __future__ import annotations

import re

_KEY = re.compile(
    r"""(?x)(?<![\w-])
    (?: sk-[A-Za-z0-9_-]{8,}            # OpenAI, Anthropic, DeepSeek, …
      | AIza[A-Za-z0-9_-]{20,}          # Google
      | (?:gsk|hf|ghp|xai|r8|pplx)[_-][A-Za-z0-9_-]{16,}
      | AKIA[A-Z0-9]{16}
      | (?i:bearer)\s+[^\s()"']{16,}
      | [0-9a-fA-F]{40}
    )(?![\w-])"""
)

MASK = "•"

SECRET_ADVICE = (
    'name the environment variable that holds it: `env("NAME")`',
    'or a file: `file("/run/secrets/key")`; and replace the key, since it was written down',
)
"""What to do instead of writing a secret into a file."""


def looks_like_key(text: str) -> bool:
    """Whether the whole of `text` has the form of a provider's key."""
    return _KEY.fullmatch(text.strip()) is not None


def holds_key(text: str) -> bool:
    """Whether something in `text` has the form of a provider's key."""
    return _KEY.search(text) is not None


def masked(text: str) -> str:
    """`text` with bullets over everything in it that looks like a key; as long as before."""
    return _KEY.sub(lambda found: MASK * len(found[0]), text)
