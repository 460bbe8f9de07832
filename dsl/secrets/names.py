"""Which fields hold a secret, by their names. Such a field may be misspelt."""

from __future__ import annotations

from functools import lru_cache

from ..late_pattern import late_pattern
from ..suggest import distance

_ALWAYS = late_pattern(
    r"(?:api|access|private|secret|[_-]|(?<=[a-z])(?=K))_?-?[Kk]ey(?:s?\Z|(?=[A-Z_-]))"
    r"|(?i:secret|password|passwd|passphrase|passwort|authorization|credential|apikey)"
    r"|(?<!(?:first|input|after))(?<!(?:max|min|per|eos|bos|pad))(?<!(?:last|next|stop))(?<!output)(?<!prompt)"
    r"(?:[_-]token|(?<=[a-z])Token)\Z"
)
"""How fields are called that hold nothing else."""
_OFTEN = ("key", "token", "auth", "bearer", "pass", "pwd", "pw", "sig", "signature")
"""Fields that hold something else, too: a word alone behind one may be the name of a value."""
_OFTEN_SORTED = tuple("".join(sorted(each)) for each in _OFTEN if each not in ("pw", "sig"))
"""Their letters, which may be in another order, but for those that make other names: `wp`, `gis`."""
_NEVER = late_pattern(r"(?i)(?:name|env|var|file|path|id|ref|version|arn|url|uri|type|header)s?\Z")
"""How a field ends that says something about a secret."""
_MISSPELT = {"apikey": 1, "secret": 1, "token": 1, "password": 2, "authorization": 2, "credentials": 2}
"""Names that are recognised when they are written wrongly, and how many steps away."""
_OTHERS = ("tokens", "taken", "secrete", "spoken")
"""Words that are near one of them, and are none."""
_FIELD_BEFORE = late_pattern(r"(?<![\w-])(?P<name>[^\W\d][\w-]*+)\"?+[ \t]*+(?:=|:)[ \t]*+\Z")
_NEAR = 200


@lru_cache(maxsize=1024)
def holds_secret(name: str) -> bool | None:
    """Whether a field of this name holds a secret, and nothing else: None if it may. Misspelt ones count, and
    variables of the environment, `OPENAI_API_KEY`."""
    name = (name.lower() if name.isupper() else name).replace(" ", "_")
    if _NEVER.search(name) is not None:
        return False
    if _ALWAYS.search(name) is not None:
        return True
    short = name.lower().replace("_", "").replace("-", "")
    if short in _OFTEN or "".join(sorted(short)) in _OFTEN_SORTED:
        return None
    if short in _OTHERS:
        return False
    return any(distance(short, known, most) <= most for known, most in _MISSPELT.items())


def stands_for_secret(text: str, offset: int, *, surely: bool = False) -> bool:
    """Whether the value that begins at `offset` is that of a field for a secret.

    surely: and for nothing else.
    """
    found = _FIELD_BEFORE.search(text, max(0, offset - _NEAR), offset)
    holds = holds_secret(found["name"]) if found is not None else False
    return holds is True if surely else holds is not False
