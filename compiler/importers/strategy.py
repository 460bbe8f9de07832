"""How the members of a route share the work, before it is text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from ...dsl.record import frozen


@frozen(eq=False)
class Strategy:
    """`fallback [a, b]` and the like. shares: those of a split. option: what stands behind the members."""

    kind: str
    members: tuple[Strategy | str, ...]
    shares: tuple[float, ...] = ()
    option: str = ""

    def names(self) -> Iterator[str]:
        for member in self.members:
            if isinstance(member, str):
                yield member
            else:
                yield from member.names()

    def without(self, gone: Iterable[str]) -> Strategy | str | None:
        """The strategy without the members `gone`; one that is left stands for itself."""
        gone = set(gone)
        shares = self.shares or (1.0,) * len(self.members)
        kept = [
            (left, share)
            for member, share in zip(self.members, shares, strict=True)
            if (left := left_of(member, gone)) is not None
        ]
        if not kept:
            return None
        if len(kept) == 1:
            return kept[0][0]
        members = tuple(member for member, _ in kept)
        return evolve(self, members=members, shares=tuple(s for _, s in kept) if self.shares else ())


def split(members: Sequence[str], shares: Sequence[float]) -> Strategy | str:
    """Members by their shares; those without one are left out, and one that is left stands for itself."""
    some = [(member, share) for member, share in zip(members, shares, strict=True) if share > 0]
    if len(some) < 2:
        return some[0][0] if some else members[0]
    return Strategy("split", tuple(member for member, _ in some), tuple(share for _, share in some))


def left_of(member: Strategy | str, gone: set[str]) -> Strategy | str | None:
    """A member without the members `gone`; None where nothing is left of it."""
    if isinstance(member, str):
        return None if member in gone else member
    return member.without(gone)
