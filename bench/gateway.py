"""Chat through a gateway as it is operated, over the bare aiohttp forwarders, in front of the same upstream.

    python bench/gateway.py [--requests N] [--rounds N] [--embeddings]

`operated`: a key with limits and a budget of its own, an access log as JSON, metrics and records, and every
policy; `inferc`: the policies alone. See `_proxy.py` for how it is measured. The target is 0.9 of what
the proxy with its policies reached before there were keys and logs: 0.75 of the forwarder.
"""

from __future__ import annotations

import argparse
import sys

from _proxy import measure, show

CONNECTIONS, TARGET = 32, 0.9 * 0.75


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=4000, help="requests per round")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--embeddings", action="store_true", help="of 16 texts, instead of chat")
    options = arguments.parse_args()
    medians = measure(
        policies=True,
        stream=False,
        connections=CONNECTIONS,
        requests=options.requests,
        rounds=options.rounds,
        operated=not options.embeddings,
        embeddings=options.embeddings,
    )
    show("embeddings, 16 texts" if options.embeddings else "chat, unary", medians)
    if options.embeddings:
        return 0
    ratio = medians["operated"].requests_per_second / medians["forwarder"].requests_per_second
    cost = medians["forwarder"].cpu / medians["operated"].cpu
    reached = "met" if ratio >= TARGET else "MISSED"
    print(f"gateway   {ratio:.2f} of the forwarder, {cost:.2f} by processor; target {TARGET:.2f}: {reached}")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
