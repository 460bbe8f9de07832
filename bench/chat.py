"""Chat through a plain gateway against a bare aiohttp forwarder, both in front of the same upstream.

    python bench/chat.py [--requests N] [--rounds N]

See `_proxy.py` for how it is measured, and `pool.py proxy` for the same with every policy on.
"""

from __future__ import annotations

import argparse

from _proxy import measure, show

CONNECTIONS, CHUNKS = 32, 50


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=4000, help="unary requests per round")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    for name, stream, requests in (
        ("chat, unary", False, options.requests),
        (f"chat, {CHUNKS} chunks", True, options.requests // 4),
    ):
        medians = measure(
            policies=False,
            stream=stream,
            connections=CONNECTIONS,
            requests=requests,
            rounds=options.rounds,
            chunks=CHUNKS,
        )
        show(name, medians)


if __name__ == "__main__":
    main()
