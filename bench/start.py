"""How long commands take to be of use, against importing their libraries alone.

    python bench/start.py [--runs N]

`inferc check` of a small file, against importing lark, attrs and cattrs. `inferc run` of a file with one
remote deployment, until its first chat is answered, against importing aiohttp.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from _servers import serving

SAMPLE = Path(__file__).parent.parent / "samples" / "hello.infer"
UPSTREAM = [str(Path(__file__).with_name("_proxy.py")), "upstream", "1", "0"]
LIBRARIES = [sys.executable, "-c", "import lark, attrs, cattrs"]
AIOHTTP = [sys.executable, "-c", "import aiohttp, aiohttp.web"]
CHECK = [sys.executable, "-m", "inferc.cli", "check", str(SAMPLE)]
# As for everyone who installed it: modules are compiled once, and not at each start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

FILE = """
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("KEY"), endpoint = "URL/v1" }
}
gateway { bind = "127.0.0.1:PORT" }
"""
BODY = b'{"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}'


def seconds(command: list[str]) -> float:
    """Wall time of one run of `command`."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - started


def first_answer(path: Path, port: int) -> float:
    """Seconds from the start of `inferc run` until a chat is answered."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "inferc.cli", "run", str(path)]
    server = subprocess.Popen(
        command, env=ENVIRONMENT | {"KEY": "k"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            client = HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                client.request("POST", "/v1/chat/completions", BODY)
            except ConnectionRefusedError:
                assert server.poll() is None, "the server has ended"
                time.sleep(0.001)
                continue
            answer = client.getresponse()
            answer.read()
            client.close()
            assert answer.status == 200, answer.status
            return time.perf_counter() - started
    finally:
        server.terminate()
        server.wait()


def compare(runs: int, floor: str, command: list[str], what: str, measure: Callable[[], float]) -> None:
    """Both in turn, once more than counted."""
    seconds(command), measure()
    pairs = [(seconds(command), measure()) for _ in range(runs)]
    least, taken = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{floor:36} {least * 1000:7.1f} ms")
    print(f"{what:36} {taken * 1000:7.1f} ms   {taken / least:.2f} × the floor")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    compare(runs, "import lark, attrs, cattrs", LIBRARIES, "inferc check hello.infer", lambda: seconds(CHECK))
    with tempfile.TemporaryDirectory() as folder, serving(UPSTREAM) as upstream:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        path = Path(folder) / "remote.infer"
        address = f"http://{urlsplit(upstream.url).netloc}"
        path.write_text(FILE.replace("URL", address).replace("PORT", str(port)), "utf-8")
        compare(
            runs,
            "import aiohttp",
            AIOHTTP,
            "inferc run, to its first answer",
            lambda: first_answer(path, port),
        )


if __name__ == "__main__":
    main()
