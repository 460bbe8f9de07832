"""How long `inferc check` takes to start and check a small file, against importing its libraries alone.

python bench/start.py [--runs N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "samples" / "hello.infer"
FLOOR = [sys.executable, "-c", "import lark, attrs, cattrs"]
CHECK = [sys.executable, "-m", "inferc.cli", "check", str(SAMPLE)]
# As for everyone who installed it: modules are compiled once, and not at each start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str]) -> float:
    """Wall time of one run of `command`."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    seconds(FLOOR), seconds(CHECK)
    pairs = [(seconds(FLOOR), seconds(CHECK)) for _ in range(runs)]
    floor, check = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import lark, attrs, cattrs   {floor * 1000:7.1f} ms")
    print(f"inferc check hello.infer     {check * 1000:7.1f} ms   {check / floor:.2f} × the floor")


if __name__ == "__main__":
    main()
