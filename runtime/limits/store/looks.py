"""What is found in a store at one look after the other: only what has changed is read."""

from __future__ import annotations

from ...policies.lease import SpendState


class Looks:
    """seen: the texts of the last look, by account; None where there was none."""

    def __init__(self) -> None:
        self.seen: dict[str, str | None] = {}

    def changed(self, found: dict[str, str | None]) -> dict[str, SpendState]:
        """What those texts say that are new. One that cannot be read counts as none: its budget, which knows
        more, then asks for itself, and is told why."""
        seen, self.seen = self.seen, found
        return {account: _state(text) for account, text in found.items() if text != seen.get(account, "")}


def _state(text: str | None) -> SpendState:
    try:
        return SpendState() if text is None else SpendState.decode(text)
    except ValueError:
        return SpendState()
