"""Play the faults of tests/faults against real processes, and write docs/reliability.md.

    make faults
    scripts/faults.py --only key_in_every_field retry    # these alone; nothing is written

It ends with 1 when a promise was not kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.table import GROUPS, Fault, Seen, faults  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
AT_ONCE = 2
"""Most of a fault is waiting; those that must be alone come last."""

Played = tuple[Fault, Seen, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="faults whose names hold one of these")
    parser.add_argument("--quick", action="store_true", help="those that `make test` plays")
    arguments = parser.parse_args()
    chosen = [
        each
        for each in faults()
        if (not arguments.quick or each.quick)
        and (not arguments.only or any(part in f"{each.group}.{each.name}" for part in arguments.only))
    ]
    began = time.monotonic()
    played = play(chosen)
    broken = [fault.name for fault, seen, _ in played if seen.broken]
    seconds = time.monotonic() - began
    print(f"\n{len(played) - len(broken)} of {len(played)} promises kept, in {seconds:.0f} s")
    if broken:
        print(f"not kept: {', '.join(broken)}", file=sys.stderr)
    if not arguments.only and not arguments.quick:
        PAGE.write_text(page(played, seconds), "utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if broken else 0


def play(chosen: Iterable[Fault]) -> list[Played]:
    """Play them, and say what is seen; the order stays."""
    chosen = list(chosen)
    played: dict[Fault, Played] = {}

    def one(fault: Fault) -> None:
        seen, seconds = fault.played(busy=False)
        played[fault] = (fault, seen, seconds)
        verdict = "NOT KEPT" if seen.broken else "kept"
        print(
            f"{verdict:8} {seconds:5.1f} s  {fault.name}: {'; '.join(seen.broken or seen.notes)}", flush=True
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, (each for each in chosen if not each.alone)))
    for each in chosen:
        if each.alone:
            one(each)
    return [played[each] for each in chosen]


def page(played: list[Played], seconds: float) -> str:
    """docs/reliability.md."""
    kept = sum(not seen.broken for _, seen, _ in played)
    machine = f"{len(os.sched_getaffinity(0))} cores, {platform.system()}, Python {platform.python_version()}"
    day = time.strftime("%d %B %Y", time.gmtime())
    parts = [
        "# Reliability",
        "",
        "What inferc promises when others fail or attack it, and what was seen. `make faults` plays each of",
        "these from outside, against real processes, sockets, signals and Redis servers, and writes this",
        "page. `make test` plays those that are marked with a dot.",
        "",
        f"{kept} of {len(played)} promises were kept in this run, on {day}",
        f"({machine}, {seconds / 60:.0f} minutes).",
    ]
    for group, title in GROUPS.items():
        rows = [(fault, seen) for fault, seen, _ in played if fault.group == group]
        parts += ["", f"## {title}", "", "| promised | done | seen |", "| --- | --- | --- |"]
        parts += [row(fault, seen) for fault, seen in rows]
    return "\n".join(parts) + "\n"


def row(fault: Fault, seen: Seen) -> str:
    notes = "; ".join(f"**{note}**" if note in seen.broken else note for note in seen.notes)
    verdict = "**Not kept:** " if seen.broken else ""
    cells = (f"{fault.promise}{' ·' if fault.quick else ''}", fault.done, verdict + notes)
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
