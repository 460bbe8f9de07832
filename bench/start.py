"""How long commands take to be of use, against importing their libraries alone.

    python bench/start.py [--runs N]

`inferc check` of a small file, against importing lark, attrs and cattrs. `inferc run` of a file with one
remote deployment, until its first chat is answered, against importing aiohttp. Both with what `pip install
inferc` brings and nothing else: libraries import what happens to be installed, such as `regex`.
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
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import urlsplit

from _servers import serving
from packaging.requirements import Requirement

import inferc

SAMPLE = Path(__file__).parent.parent / "samples" / "hello.infer"
UPSTREAM = [str(Path(__file__).with_name("_proxy.py")), "upstream", "1", "0"]
LIBRARIES = ["-c", "import lark, attrs, cattrs"]
AIOHTTP = ["-c", "import aiohttp, aiohttp.web"]
CHECK = ["-m", "inferc.cli", "check", str(SAMPLE)]
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


def installed(folder: Path) -> str:
    """The Python of an environment in `folder`: inferc and what it needs, linked from this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "inferc").symlink_to(Path(inferc.__path__[0]).resolve())
    for distribution in needed("inferc", {}).values():
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            if not name.endswith(".pth"):
                (site / name).symlink_to(str(distribution.locate_file(name)))
    return str(folder / "bin" / "python")


def needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """A distribution and all that it requires without extras, added to `found`."""
    made = Distribution.from_name(name)
    if made.name not in found:
        found[made.name] = made
        for requirement in map(Requirement, made.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name, found)
    return found


def seconds(command: list[str]) -> float:
    """Wall time of one run of `command`."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - started


def first_answer(python: str, path: Path, port: int) -> float:
    """Seconds from the start of `inferc run` until a chat is answered."""
    started = time.perf_counter()
    command = [python, "-m", "inferc.cli", "run", str(path)]
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
    with tempfile.TemporaryDirectory() as folder, serving(UPSTREAM) as upstream:
        python = installed(Path(folder) / "installed")
        check = [python, *CHECK]
        floor = "import lark, attrs, cattrs"
        compare(runs, floor, [python, *LIBRARIES], "inferc check hello.infer", lambda: seconds(check))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        path = Path(folder) / "remote.infer"
        address = f"http://{urlsplit(upstream.url).netloc}"
        path.write_text(FILE.replace("URL", address).replace("PORT", str(port)), "utf-8")
        compare(
            runs,
            "import aiohttp",
            [python, *AIOHTTP],
            "inferc run, to its first answer",
            lambda: first_answer(python, path, port),
        )


if __name__ == "__main__":
    main()
