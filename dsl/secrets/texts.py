"""Texts that look like a key. A file names where a secret comes from; it never holds one.

What looks like a key is masked wherever a source or a message is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from attrs import field

from ..kinds import SecretSource
from ..late_pattern import late_pattern
from ..record import frozen

_NO_NAME = "(?![A-Za-z0-9]{1,15}+(?:[_-][A-Za-z0-9]{1,15}+)*+(?![\\w-]))"
"""Not words with `-` or `_` between them, as in `xai-grok-4-fast-reasoning`: those keys are one long word."""

_NAMES = dict.fromkeys(("gsk", "hf", "ghp", "xai", "r8", "pplx"), "_-") | {
    **dict.fromkeys(("csk", "xoxb", "xoxp", "xapp", "tvly"), "-"),
    **dict.fromkeys(("sk", "fw", "jina", "vck", "rpa", "esecret", "lsv2", "npm", "glsa"), "_"),
    **dict.fromkeys(("github_pat", "gho", "ghu", "ghs", "ghr"), "_"),
}
"""How keys of providers and of those who keep code begin, and the signs behind it."""

_URL_SAFE = "[A-Za-z0-9_-]"
_STARTS = {
    "sk-": f"{_URL_SAFE}{{8,}}",  # OpenAI, Anthropic, DeepSeek, …
    "AIza": f"{_URL_SAFE}{{20,}}",  # Google
    "AKIA": "[A-Z0-9]{16}",
    "ASIA": "[A-Z0-9]{16}",
    "ABSK": "[A-Za-z0-9+/]{60,}={0,2}",  # Amazon Bedrock
    "bedrock-api-key-": "[A-Za-z0-9+/]{20,}={0,2}",
    "dapi": "[a-f0-9]{32}",  # Databricks
    "eyJ": rf"{_URL_SAFE}{{12,}}\.eyJ{_URL_SAFE}{{10,}}\.{_URL_SAFE}*",  # tokens of JSON
    "hvs.": f"{_URL_SAFE}{{24,}}",  # Vault
    "ya29.": f"{_URL_SAFE}{{20,}}",  # Google, for an hour
    "AQ.": f"{_URL_SAFE}{{40,}}",
    "nvapi-": f"{_URL_SAFE}{{16,}}",
    "glpat-": f"{_URL_SAFE}{{20,}}",
    "GOCSPX-": f"{_URL_SAFE}{{20,}}",
    "tgp_v1_": f"{_URL_SAFE}{{30,}}",  # Together
    "pa-": rf"(?=[a-z_-]*[A-Z\d]){_URL_SAFE}{{43}}",  # Voyage
} | {f"{name}{sign}": f"{_NO_NAME}{_URL_SAFE}{{16,}}" for name, signs in _NAMES.items() for sign in signs}
"""How keys begin, and how they go on."""
_BEGINNINGS = tuple(_STARTS)
_IN_WORDS = tuple(each for each in _BEGINNINGS if each.isalnum())
_FIRST_WORDS = frozenset(re.split("[_.-]", each)[0] for each in _BEGINNINGS if not each.isalnum())
_APART = {number: " " for number in range(128) if not chr(number).isalnum()}
"""So that words of a text stand apart."""
_BEGUN = "|".join(_STARTS).replace(".", "[.]")

_DIGITS = 40
"""Hexadecimal ones of a key that begins anyhow."""

_SHORTEST = len("sk-12345678")
"""No key has fewer characters."""

SEEN_IN = 64
"""In so many characters `may_hold_key` and `may_give_keys` see whatever makes them say so."""

_SIXTEEN = late_pattern(_ROW := "(?![a-z]{16})[A-Za-z0-9]{16}")
"""What no word has, however it begins: sixteen letters and digits in a row, not all of them small letters."""

LIKE_KEY = r"(?=[^\s\d\"'`,;(){}\[\]]*+\d)(?=[^\sA-Za-z\"'`,;(){}\[\]]*+[A-Za-z])[^\s\"'`,;(){}\[\]]{8,}"
"""A word with letters and digits, as few words are that are no key."""

_GLUED = rf"(?:(?<=[_-])|(?<=%[0-9A-Fa-f]{{2}}))(?:{_BEGUN})(?=[A-Za-z0-9_-]{{0,64}}?{_ROW})[\w-]+"
"""A key with something before it, as in the name of a header, `x-sk-…`."""

_BEARER = r"(?i:bearer)(?:\s|%20|\+)++"

_KEY = late_pattern(
    rf"""(?x)(?<![\w-])
    (?: {"|".join(start.replace(".", "[.]") + rest for start, rest in _STARTS.items())}
      | {_BEARER}[^\s()"']{{16,}}(?:(?<=(?i:bearer))\s+[^\s()"']{{16,}})*
      | [0-9a-fA-F]{{{_DIGITS}}}
    )(?![\w-])
    | {_GLUED}"""
)
_HEXADECIMAL = late_pattern(rf"[0-9a-fA-F]{{{_DIGITS}}}")
_BEHIND = late_pattern(_BEARER)
_PIECES = late_pattern(r"[A-Za-z0-9._~+/-]{16,}")
"""What may be a key for itself in what stands behind `Bearer`: the characters that RFC 6750 allows."""

_RANDOM = late_pattern(
    r"(?<![\w+/.-])(?=[A-Z\d+/]{0,39}[a-z])(?=[a-z\d+/]{0,39}[A-Z])[A-Za-z\d+/]{40}(?![\w+/.=-])"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*+\d)(?=\d*+[A-Za-z])[A-Za-z0-9]{20,}+"
)
"""What may be made by chance: a long row of letters and digits, or what Amazon calls a secret access key."""
_LEAST_BY_CHANCE = 20
_ROWS = bytes(97 if chr(number).isalnum() and number < 128 else 32 for number in range(256))
_AMAZON_ROWS = bytes(97 if chr(number) in "+/" else _ROWS[number] for number in range(256))
"""Bytes of a text as `a` where letters and digits are, and signs that Amazon has among them."""
_DIGEST = late_pattern(r"(?:[0-9a-f]{32}){1,2}|[0-9a-f]{40}")
_PIECE = late_pattern(r"[A-Z]?[a-z]+|[A-Z]+|\d+|[+/]")
"""A word or a number in such a row."""
_LONGEST_PIECES = 3.4
"""How long they are where chance made them, on average, at most: in names they are words, and longer."""

_ANY_DIGEST = late_pattern(r"[0-9a-fA-F]{32}(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{32})?")
_NAMES_DIGEST = late_pattern(
    r"(?i)(?:(?<![a-z\d])(?:revision|commit|digest|checksum|sha(?:1|256)?|md5|uuid|guid)(?:_id|_sha|_hash)?"
    r"[\"']?[ \t]*[=:,]?[ \t]*[\"']?|/[\w.-]{1,100}@(?:sha256:)?)\Z"
)
"""What stands before digits that name a version of something, as `--revision` and `sha256:` do."""
_NAMES_OBJECT = late_pattern(
    r"(?<![\w-])(?:asst|thread|msg|run|vs|resp|pmpt|batch|call|toolu|proj)_\Z"
    r"|(?<![\w-])(?:file|org|ftjob|chatcmpl)-\Z"
)
"""How the names begin that providers give to what one keeps with them."""
_OBJECT = late_pattern(r"(?:[a-f0-9]{48,56}+|[A-Za-z0-9]{20,30}+)(?![\w+/=]|[.-]\w)")
"""How they go on."""
_WORDS_OF_MODELS = late_pattern(
    r"(?i)mi[sx]tral|llama|qwen|gemma|deepseek|distill|instruct|coder|preview|vision|embed(?:ding)?|turbo|gptq|gguf"
)
"""What is in them, and in no row that chance made."""
_FAR_BEFORE = 120
"""So many characters before a row are looked at."""

_FILLED = late_pattern(r"\{[^{}]*\}")
"""What stands for a value, as in `Bearer ${token}`."""

MASK = "•"

SECRET_ADVICE = (
    'name the environment variable that holds it: `env("NAME")`',
    'or a file: `file("/run/secrets/key")`; and replace the key, since it was written down',
)
"""What to do instead of writing a secret into a file."""
NAME_ADVICE = "if it is a name and no key, choose one that begins otherwise: no form tells the two apart"
"""The same, where words are all that stands there."""


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


def gives_key(text: str) -> bool:
    """Whether a text or a name of a file is a key or surely has one in it."""
    return looks_like_key(text) or surely_holds_key(text)


def surely_holds_key(text: str) -> bool:
    """Whether something in `text` has the form of a key, and is longer than any word."""
    found = (_FILLED.sub("", each[0]) for each in _KEY.finditer(text))
    return any(_SIXTEEN.search(each) and not _HEXADECIMAL.fullmatch(each) for each in found)


def has_long_row(text: str) -> bool:
    """Whether it has letters and digits in a row as no word has: where a key stands, it is one."""
    return _SIXTEEN.search(text) is not None


def holds_key(text: str, known: Iterable[str] = ()) -> bool:
    """Whether something in `text` has the form of a provider's key or is `known`."""
    return any(key in text for key in known) or (may_hold_key(text) and _KEY.search(text) is not None)


def may_hold_key(text: str) -> bool:
    """Whether it has to be looked at closely, which few texts have."""
    if len(text) < _SHORTEST:
        return False
    if _may_begin_key(text) and any(map(text.__contains__, _BEGINNINGS)):
        return True
    lower = text.lower()
    if lower.count("bearer") > lower.count("bearer("):
        return True
    return len(max(text.split(), key=len, default="")) >= _DIGITS and _HEXADECIMAL.search(text) is not None


def _may_begin_key(text: str) -> bool:
    """Whether one of its words begins as keys do: most texts are done with by that."""
    if not text.isascii() or "%" in text:
        return True
    words = text.translate(_APART).split()
    return not _FIRST_WORDS.isdisjoint(words) or any(map(text.__contains__, _IN_WORDS))


def may_give_keys(source: str) -> bool:
    """Whether names and texts of a file have to be looked at: some may hold a key, or do by their escapes."""
    return may_hold_key(source) or "\\u" in source or "\\x" in source or "\\\n" in source or "\\\r" in source


def borne(text: str) -> tuple[str, ...]:
    """The keys in `text` that only the word `Bearer` before them tells, and what of them may be quoted alone.

    The longest come first.
    """
    if "bearer" not in text.lower():
        return ()
    behind = [each for found in _KEY.finditer(text) for each in _BEHIND.split(found[0])[1:]]
    keys = {key for each in behind for key in (each, *_PIECES.findall(each))}
    return tuple(sorted(keys, key=lambda key: (-len(key), key)))


def keys_in(text: str, *, may_hold: bool | None = None) -> Iterator[tuple[int, int]]:
    """Where something starts and ends that looks like a key, or is made by chance as keys without a name are.

    What is made by chance is no mistake, since it may be a digest or the name of an account; it is not shown.
    may_hold: what `may_hold_key` says, or True; None: it is asked.
    """
    known = _KEY.finditer(text) if may_hold or (may_hold is None and may_hold_key(text)) else ()
    by_chance = _RANDOM.finditer(text) if _has_rows(text) else ()
    rows = (each for each in by_chance if is_random(each[0]) and not _is_object(text, *each.span()))
    return (each.span() for each in chain(known, rows) if not is_digest(text, *each.span()))


def is_digest(text: str, start: int, end: int) -> bool:
    """Whether what stands there is the digest of something, by what stands before it."""
    is_one = _ANY_DIGEST.fullmatch(text, start, end) is not None
    return is_one and _NAMES_DIGEST.search(text, max(0, start - _FAR_BEFORE), start) is not None


def _is_object(text: str, start: int, end: int) -> bool:
    """Whether it is the rest of an object's name. Keys are longer, or have other signs in them."""
    row = _OBJECT.match(text, start)
    is_one = row is not None and row.end() == end
    return is_one and _NAMES_OBJECT.search(text, max(0, start - _FAR_BEFORE), start) is not None


def _has_rows(text: str) -> bool:
    """Whether something is as long as what chance makes, which is quick to see."""
    data = text.encode(errors="surrogatepass")
    is_long = b"a" * _LEAST_BY_CHANCE in data.translate(_ROWS)
    return is_long or b"a" * _DIGITS in data.translate(_AMAZON_ROWS)


def is_random(row: str) -> bool:
    """Whether a long row of letters and digits is made of pieces that are shorter than words."""
    if _DIGEST.fullmatch(row) is not None:
        return True
    rest = _WORDS_OF_MODELS.sub("", row)
    return len(rest) >= _LEAST_BY_CHANCE and len(rest) <= _LONGEST_PIECES * len(_PIECE.findall(rest))


def masked(text: str, known: Iterable[str] = ()) -> str:
    """`text` with bullets over everything in it that looks like a key or is `known`; as long as before."""
    for key in known:
        text = text.replace(key, MASK * len(key))
    return _KEY.sub(lambda found: MASK * len(found[0]), text) if may_hold_key(text) else text


def veiled(text: str) -> str:
    """`text` with bullets over what looks like a key, and over what is made by chance as a key is, too."""
    shown = list(text)
    for start, end in keys_in(text):
        shown[start:end] = MASK * (end - start)
    return "".join(shown)
