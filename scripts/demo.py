"""Show inferc at work: a file is checked, compiled and served, and real requests are answered.

    make demo

Everything listens on free ports of this machine alone, and is stopped at the end, also after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INFERC = str(Path(sys.executable).with_name("inferc"))
HELLO = "samples/hello.infer"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 60
"""Seconds that a server has to start, and an answer to come."""

BROKEN = """\
deployment gpt {
  model = "gpt-4o-mini"
  replicas = "two"
  runtime openai {
    api_key = "sk-not-a-real-key"
    timeouts { request = 20 }
  }
}
"""

SENTENCES = (
    "The invoice was charged twice.",
    "I paid the same bill two times.",
    "Penguins cannot fly, but they swim well.",
)
SUPPORT = "samples/support/support.infer"
COMPLAINT = "My parcel is three weeks late. Where is it?"
QUESTION = "Good morning! Please say something in many small pieces."


class Failure(Exception):
    """The demo did not show what it should; the message says what went wrong."""


class Server:
    """A command of inferc that serves until it is stopped; `url` is where."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self._arguments = arguments
        self._environment = environment or {}
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._found = threading.Event()
        self._announced = ""
        self.url = ""

    def start(self) -> None:
        """Come back once the server has said where it listens. Raises Failure."""
        command(*self._arguments)
        with uninterrupted():  # a server that has begun is known, and so can be stopped
            self._process = subprocess.Popen(
                [INFERC, *self._arguments],
                cwd=ROOT,
                env=os.environ | {"NO_COLOR": "1"} | self._environment,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops its servers
            )
        threading.Thread(target=self._read, args=[self._process.stderr], daemon=True).start()
        if not self._found.wait(PATIENCE) or not self.url:
            raise Failure(f"`inferc {self._arguments[0]}` did not start:\n" + "\n".join(self._lines))
        say(dim(f"  {self._announced.removesuffix(' (Ctrl-C stops)')}"))

    def stop(self) -> int:
        """Ask the server to finish, and give its exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._lines.append(line.rstrip())
            announced = re.match(r"(?:serving|mock provider) .*?at (http://[^\s,]+)", line)
            if announced:
                self._announced, self.url = line.rstrip(), announced[1]
                self._found.set()
        self._found.set()


def main() -> int:
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    (ROOT / "build").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=ROOT / "build"))
    servers: list[Server] = []
    failure = ""
    try:
        show(folder, servers)
    except Failure as error:
        failure = str(error)
    except KeyboardInterrupt:
        failure = "stopped before its end"
    except BrokenPipeError:
        failure = "nobody reads any further"
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        statuses = [server.stop() for server in reversed(servers)]
        shutil.rmtree(folder, ignore_errors=True)
    if not failure and any(statuses):
        failure = f"the servers ended with {statuses}, not with 0"
    if failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    say(f"\n{dim('Both servers finished what they had, and stopped. Nothing is left running.')}")
    say(f"Next: {bold('README.md')}, or your own first file: {bold('.venv/bin/inferc init')}")
    return 0


def show(folder: Path, servers: list[Server]) -> None:
    """The demo itself. Raises Failure."""
    heading("1", "A file says what to serve")
    command_line("cat", HELLO)
    say(indent(colour_file((ROOT / HELLO).read_text("utf-8"))))

    heading("2", "It is checked, and compiled into a plan")
    inferc("check", HELLO)
    provider = Server("mock-provider", "--port", "0", "--gap", "60")
    servers.append(provider)
    provider.start()
    plan = os.path.relpath(folder / "hello.plan.json", ROOT)
    inferc("compile", HELLO, "--set", f"provider_url={provider.url}/v1", "-o", plan)
    show_plan(json.loads((ROOT / plan).read_text("utf-8")))

    heading("3", "The plan runs, behind one endpoint")
    key = {"OPENAI_API_KEY": "any-key-will-do-here"}
    gateway = Server("run", plan, "--port", "0", environment=key)
    servers.append(gateway)
    gateway.start()

    heading("4", "Text embedded by a model on this machine")
    show_embeddings(gateway.url)

    heading("5", "A chat answer, streamed from the provider as it comes")
    show_chat(gateway.url)

    heading("6", "A pipeline: a model here decides who is asked, and how")
    keys = {"OPENAI_API_KEY": "any-key", "ANTHROPIC_API_KEY": "any-key"}
    asked = ("call", SUPPORT, "support", COMPLAINT, "--trace", "--set", f"provider={provider.url}")
    inferc(*asked, environment=keys)

    heading("7", "And when a file is wrong")
    (folder / "broken.infer").write_text(BROKEN, "utf-8")
    inferc("check", "broken.infer", folder=folder, expected=1)


def show_plan(plan: dict[str, Any]) -> None:
    """A few of the plan's lines: what was found out, and what was filled in."""
    local, remote = plan["deployments"]
    shown = [
        {key: local[key] for key in ("kind", "deployment", "model", "providers")},
        {key: remote[key] for key in ("kind", "deployment", "endpoint", "api_key", "retry")},
    ]
    local["model"]["sha256"] = local["model"]["sha256"][:12] + "…"
    for deployment in shown:
        for index, (key, value) in enumerate(deployment.items()):
            text = json.dumps(value, ensure_ascii=False)
            if len(text) > 78:
                text = text[:77].rsplit(",", 1)[0] + ", …}"
            say(f"  {'{ ' if index == 0 else '  '}{json.dumps(key)}: {text},")
        say(dim("    … }"))


def show_embeddings(url: str) -> None:
    """Three sentences, and how close each is to each."""
    body = {"model": "embedder", "input": SENTENCES}
    curl(url, "/v1/embeddings", {"model": "embedder", "input": ["…", "…", "…"]})
    with post(url, "/v1/embeddings", body) as response:
        vectors = [item["embedding"] for item in json.load(response)["data"]]
    say(f"  {len(vectors)} vectors with {len(vectors[0])} numbers each. How close they are (cosine):\n")
    for index, (one, other) in enumerate([(0, 1), (0, 2), (1, 2)]):
        closeness = cosine(vectors[one], vectors[other])
        bar = "█" * max(0, round(closeness * 30))
        say(f"  {closeness:5.2f}  {good(bar) if index == 0 else bar}")
        say(dim(f"         {SENTENCES[one]}  ↔  {SENTENCES[other]}"))
    related, *unrelated = (cosine(vectors[a], vectors[b]) for a, b in [(0, 1), (0, 2), (1, 2)])
    if related <= max(unrelated):
        raise Failure("the related sentences should be closer than the others, and are not")


def show_chat(url: str) -> None:
    """One streamed answer, each piece between bars, as it comes."""
    message = {"role": "user", "content": QUESTION}
    body = {"model": "gpt", "stream": True, "messages": [message]}
    curl(url, "/v1/chat/completions", body | {"messages": ["…"]})
    pieces = 0
    print("  ", end="", flush=True)
    with post(url, "/v1/chat/completions", body) as response:
        for data in events(response):
            text = "".join(choice["delta"].get("content") or "" for choice in data["choices"])
            if text:
                pieces += 1
                print(good("│") + text, end="", flush=True)
    print(good("│"))
    say(dim(f"  {pieces} pieces"))
    if pieces < 2:
        raise Failure("the answer should come in pieces, and came in one")


def events(response: Any) -> Iterator[dict[str, Any]]:
    """The events of a stream, until its end marker. Raises Failure without one."""
    for line in response:
        data = line.decode().strip().removeprefix("data: ")
        if data == "[DONE]":
            return
        if data:
            yield json.loads(data)
    raise Failure("the stream ended without its end marker")


def post(url: str, path: str, body: dict[str, Any]) -> Any:
    """The answer to a request. Raises Failure."""
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        return _DIRECT.open(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        raise Failure(f"{path} answered {error.code}: {error.read().decode()}") from None
    except OSError as error:
        raise Failure(f"{path} did not answer: {error}") from None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Requests to this machine, past any proxy."""


def cosine(one: list[float], other: list[float]) -> float:
    """1 for the same direction, 0 for unrelated ones; the vectors have length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def inferc(
    *arguments: str, folder: Path = ROOT, expected: int = 0, environment: dict[str, str] | None = None
) -> None:
    """Run a command of inferc as a user would, and show what it says. Raises Failure."""
    command(*arguments)
    colour = {"FORCE_COLOR": "1"} if COLOUR else {"NO_COLOR": "1"}
    done = subprocess.run(
        [INFERC, *arguments],
        cwd=folder,
        env=os.environ | colour | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    say(indent(done.stdout.rstrip()))
    if done.returncode != expected:
        raise Failure(f"`inferc {arguments[0]}` ended with {done.returncode}, not with {expected}")


def command(*arguments: str) -> None:
    """A command of inferc as it would be typed."""
    command_line("inferc", *(f'"{word}"' if " " in word else word for word in arguments))


def curl(url: str, path: str, body: dict[str, Any]) -> None:
    """A request as it would be typed."""
    short = json.dumps(body, separators=(",", ":"), ensure_ascii=False).replace('["…"]', "[…]")
    command_line("curl", url + path, "-d", f"'{short}'")


def command_line(*words: str) -> None:
    say(f"{dim('$')} {bold(' '.join(words))}")


def heading(number: str, text: str) -> None:
    say(f"\n{good(f'── {number} ')}{bold(text)} {good('─' * max(0, 70 - len(text)))}\n")


def colour_file(text: str) -> str:
    """The text of a file with its comments in the background."""
    return re.sub(r"(?m)#.*$", lambda comment: dim(comment[0]), text.rstrip())


def indent(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())


def say(text: str) -> None:
    print(text, flush=True)


COLOUR = bool(os.environ.get("FORCE_COLOR")) or (
    sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
)


def bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if COLOUR else text


def dim(text: str) -> str:
    return f"\x1b[2m{text}\x1b[0m" if COLOUR else text


def good(text: str) -> str:
    return f"\x1b[32m{text}\x1b[0m" if COLOUR else text


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let no signal in between; one that came meanwhile takes effect at the end."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
