"""One budget for many gateways in many regions: what is overspent, what is left, and what stores have to do.

    python bench/leases.py [--gateways 1000] [--regions 10] [--seconds 40] [--svg FILE]

Nothing is sent: leases, budgets and the code before Redis are inferc's own, on a virtual clock
(`_lease_tree.py`). Half of all requests come to one region. The budget is spent before the end, and what is
lost there is seen. `refused` counts requests before 90 % of it were spent; `wait` is of one in a hundred.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

from _lease_tree import Seen, p99, play

from inferc.cli.simulating.svg import Panel, picture
from inferc.runtime.concurrency.virtual_time import run_virtual

FAR, NEAR = 0.050, 0.0005
"""Seconds between regions and within one, there and back."""
REQUESTS = 1000.0
"""Requests a second, all together."""
SPENT_AT = 0.6
"""The part of the time after which the budget is spent."""
LEAST = 0.97
"""The share of a spent budget that is to be used."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gateways", type=int, default=1000, help="all together")
    parser.add_argument("--regions", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path, help="draw the tree into this file")
    asked = parser.parse_args()
    few = max(asked.gateways // asked.regions, 1)
    cases = (
        ("one region, one store in it", few, 1, NEAR, None),
        ("regions, one store far away", few, asked.regions, FAR, None),
        ("regions, a tree of leases", asked.gateways, asked.regions, FAR, NEAR),
    )
    print(f"seed {asked.seed}; {asked.seconds} s, half of the requests in one region")
    heads = ("over $", "used", "refused", "failed", "wait", "at end", "top/s", "region/s", "processor")
    print(f"{'':30}{'gateways':>9}" + "".join(f"{each:>10}" for each in heads))
    logging.disable()  # of a store that cannot be used
    fine = True
    for name, gateways, regions, far, near in cases:
        began = time.process_time()
        each = gateways // regions
        shares = 2 * regions - 2 if regions > 1 else 1  # the first region's requests are those of all others
        rate = REQUESTS * gateways / asked.gateways / each / shares
        dollars = REQUESTS * gateways / asked.gateways * 0.01 * asked.seconds * SPENT_AT
        seen, _, _ = run_virtual(
            play(
                regions=regions,
                gateways=each,
                far=far,
                near=near,
                seconds=asked.seconds,
                rate=rate,
                dollars=dollars,
                seed=asked.seed,
            )
        )
        used = seen.total / dollars
        over = max(seen.total - dollars, 0.0)
        row = (
            f"{over:.2f}",
            f"{used:.1%}",
            str(seen.early),
            str(seen.failed),
            f"{p99(seen.waits) * 1000:.0f} ms",
            f"{p99(seen.late) * 1000:.0f} ms",
            f"{sum(seen.top) / asked.seconds:.0f}",
            f"{max(seen.regional):.0f}",
            f"{time.process_time() - began:.0f} s",
        )
        print(f"{name:30}{gateways:>9}" + "".join(f"{each:>10}" for each in row), flush=True)
        if near is not None:
            fine = over == 0 and used >= LEAST
            if asked.svg is not None:
                asked.svg.write_text(drawn(seen, dollars, asked), "utf-8")
    return 0 if fine else 1


def drawn(seen: Seen, dollars: float, asked: argparse.Namespace) -> str:
    """The tree, second by second."""
    panels: list[Panel] = [
        ("used of the budget", [("all regions", [each / dollars for each in seen.spent])], 1.0, "%"),
        ("requests per second", [("asked", seen.asked), ("refused", seen.refused)], 0.0, ""),
        (
            "changes per second at a store",
            [("top", seen.top), ("busiest region", seen.regional)],
            0.0,
            "",
        ),
    ]
    title = f"{asked.gateways} gateways in {asked.regions} regions, {FAR * 1000:.0f} ms apart, one budget"
    return picture(title, panels, float(asked.seconds))


if __name__ == "__main__":
    sys.exit(main())
