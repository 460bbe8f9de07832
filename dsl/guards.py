"""Guards: code of the user's that sees what clients ask and what they are answered, before it goes on."""

from __future__ import annotations

from .fields import at_least, doc
from .keys import NameOrPattern
from .kinds import GuardAction
from .record import frozen


class ExternName(str):
    """The name of an extern."""

    __slots__ = ()


@frozen(slots=False)
class Guard:
    """What looks at requests before anything is done with them, and at answers before they are given."""

    request: ExternName | None = doc("the extern that sees what is asked; unset: none does", default=None)
    answer: ExternName | None = doc("the extern that sees what is answered; unset: none does", default=None)
    models: tuple[NameOrPattern, ...] = doc(
        'the deployments, routes and pipelines that are asked: names, or patterns such as `"embed*"`; '
        "unset: all",
        default=(),
    )
    keys: tuple[NameOrPattern, ...] = doc(
        "whose requests: keys of the gateway; unset: everyone's", default=()
    )
    on_failure: GuardAction = doc(
        "when the extern fails, or takes too long: nothing passes, or all does", default=GuardAction.REFUSE
    )
    unreadable: GuardAction = doc(
        "what holds no text, such as images, sound and token ids: it is refused, or passes unseen",
        default=GuardAction.REFUSE,
    )
    pieces: int | None = at_least(
        1,
        "characters of a streamed answer that are seen at a time, to the end of a word; unset: the answer is "
        "held back until all of it was seen",
        default=None,
    )
