"""What each step of a request took, as a table with a bar for each on one scale of time."""

from __future__ import annotations

from collections.abc import Sequence

from ...runtime.requests.trace import Span, Spent, dollars

BAR = 32
_HEADINGS = ("STEP", "ANSWERED BY", "START", "TOOK", "TOKENS", "COST")
_RIGHT = (2, 3, 4, 5)


def timeline(spans: Sequence[Span], began: float, ended: float) -> str:
    """One row for each span, the earliest first, and one for the whole. began, ended: of the request."""
    ordered = sorted(spans, key=lambda span: (span.began, span.ended))
    total = max(ended - began, 1e-9)
    rows = [_row(span, began) for span in ordered]
    spent = Spent.of(list(spans))
    rows.append(("total", "", "", _time(total), str(spent.tokens), _cost(spent.cost)))
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    bars = [_bar(span, began, total) for span in ordered]
    lines = [_line(_HEADINGS, widths, "")]
    lines += [_line(row, widths, bar) for row, bar in zip(rows, [*bars, ""], strict=True)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _row(span: Span, began: float) -> tuple[str, ...]:
    by = span.deployment if span.ok else f"{span.deployment} (failed)"
    tokens = str(span.tokens) if span.tokens else ""
    cost = _cost(Spent.of([span]).cost) if span.tokens else ""
    return span.step or "", by, _time(span.began - began), _time(span.seconds), tokens, cost


def _line(row: Sequence[str], widths: Sequence[int], bar: str) -> str:
    cells = [
        text.rjust(width) if index in _RIGHT else text.ljust(width)
        for index, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join([*cells, bar])


def _bar(span: Span, began: float, total: float) -> str:
    start = min(int((span.began - began) / total * BAR), BAR - 1)
    length = max(round(span.seconds / total * BAR), 1)
    filled = ("=" if span.ok else "x") * min(length, BAR - start)
    return f"|{' ' * start}{filled}".ljust(BAR + 1) + "|"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g}ms" if seconds < 1 else f"{seconds:.2f}s"


def _cost(cost: float | None) -> str:
    return "?" if cost is None else dollars(cost)
