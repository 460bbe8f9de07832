"""Build what people install, and try it as they would: `make packages`.

The wheel is built from the source archive, and `twine` and `check-wheel-contents` look at both. The wheel is
installed into an empty environment of each Python by pip, and of the first one by uv and pipx, too. With
`--demo` the demo runs there, on the models of the samples. Nothing is published.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from _written import ROOT

TOOLS = Path(sys.executable).parent
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
PATIENCE = 600
"""Seconds that a command may take; a registry that does not answer is the slowest part of one."""
LARGEST = 60
"""MiB of an installed inferc, with all that it needs."""

FIRST = """\
param provider: text = "http://127.0.0.1:9090"
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY"), endpoint = "${provider}/v1" }
}
"""


class Failure(Exception):
    """A package that is not as it should be; the message says which, and how."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pythons", nargs="*", help="commands to try; else each Python from 3.11 that is here"
    )
    parser.add_argument("--demo", action="store_true", help="run the demo in each environment, too")
    parser.add_argument("--only-build", action="store_true", help="build and look, and install nowhere")
    arguments = parser.parse_args()
    try:
        wheel = build(ROOT / "dist")
        if arguments.only_build:
            return 0
        pythons = arguments.pythons or [f"python{version}" for version in SUPPORTED]
        here = [found for each in pythons if (found := which_python(each))]
        missing = [each for each in pythons if not which_python(each)]
        if not here:
            raise Failure(f"none of {', '.join(pythons)} is here")
        with tempfile.TemporaryDirectory(prefix="inferc-packages-") as folder:
            for python in here:
                by_pip(python, wheel, Path(folder), demo=arguments.demo)
            by_uv(here[0], wheel, Path(folder))
            by_pipx(here[0], wheel, Path(folder))
        if missing:
            print(f"not here, and so not tried: {', '.join(missing)}")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


def build(target: Path) -> Path:
    """The wheel, beside its source archive, in `target`; other versions that lie there are removed."""
    for old in [*target.glob("inferc-*.whl"), *target.glob("inferc-*.tar.gz")]:
        old.unlink()
    run(TOOLS / "python", "-m", "build", "--no-isolation", "--outdir", target, ROOT)
    built = sorted([*target.glob("inferc-*.whl"), *target.glob("inferc-*.tar.gz")])
    run(TOOLS / "twine", "check", "--strict", *built)
    [wheel] = target.glob("inferc-*.whl")
    run(TOOLS / "check-wheel-contents", wheel)
    for path in built:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(
            f"built {path.relative_to(ROOT)}: {path.stat().st_size / 1024**2:.1f} MiB, sha256 {digest[:16]}…"
        )
    return wheel


def which_python(command: str) -> str | None:
    """The path of the interpreter that `command` starts, if it is there and new enough."""
    where = "import sys; print(sys.version_info >= (3, 11) and sys.executable or '')"
    try:
        done = subprocess.run([command, "-c", where], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def by_pip(python: str, wheel: Path, folder: Path, *, demo: bool) -> None:
    """Installed by pip into an empty environment, and used."""
    place = folder / "pip"
    run(python, "-m", "venv", "--clear", place)
    began = time.perf_counter()
    run(place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    took = time.perf_counter() - began
    version = run(place / "bin" / "python", "--version").strip()
    size = installed_size(place)
    if size > LARGEST:
        raise Failure(f"{version}: what is installed takes {size:.0f} MiB, more than {LARGEST}")
    checked = use(place / "bin" / "inferc", folder)
    print(
        f"{version}, pip: {size:.0f} MiB in {took:.1f} s, checked in {checked:.1f} s; compiled, ran, answered"
    )
    if demo:
        run(place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[cpu,embed]")
        run(place / "bin" / "python", ROOT / "samples" / "fetch_models.py")
        run(place / "bin" / "python", ROOT / "scripts" / "demo.py")
        print(f"{version}, pip, extras cpu and embed: the demo ran")


def installed_size(place: Path) -> float:
    """MiB in an environment, without pip and what a venv brings."""
    brought = ("pip", "pip-", "setuptools", "_distutils_hack", "pkg_resources")
    [packages] = place.glob("lib/python*/site-packages")
    folders = [path for path in packages.iterdir() if not path.name.startswith(brought)]
    files = (file for folder in folders for file in [folder, *folder.rglob("*")])
    return sum(file.stat().st_size for file in files if file.is_file()) / 1024**2


def by_uv(python: str, wheel: Path, folder: Path) -> None:
    """`uv tool install`, into folders of its own."""
    places = {"UV_TOOL_DIR": str(folder / "uv"), "UV_TOOL_BIN_DIR": str(folder / "uv-bin")}
    places["UV_PYTHON_DOWNLOADS"] = "never"
    began = time.perf_counter()
    run(TOOLS / "uv", "tool", "install", "--quiet", "--python", python, wheel, environment=places)
    took = time.perf_counter() - began
    use(folder / "uv-bin" / "inferc", folder)
    print(f"uv: in {took:.1f} s; checked, compiled, ran, answered")


def by_pipx(python: str, wheel: Path, folder: Path) -> None:
    """`pipx install`, into folders of its own."""
    places = {"PIPX_HOME": str(folder / "pipx"), "PIPX_BIN_DIR": str(folder / "pipx-bin")}
    run(TOOLS / "pipx", "install", "--quiet", "--python", python, wheel, environment=places)
    use(folder / "pipx-bin" / "inferc", folder)
    print("pipx: checked, compiled, ran, answered")


def use(inferc: Path, folder: Path) -> float:
    """Check, compile and serve a file, and ask it something; gives how long checking took."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    (work / "first.infer").write_text(FIRST, "utf-8")
    began = time.perf_counter()
    run(inferc, "check", "first.infer", folder=work)
    took = time.perf_counter() - began
    with serving(inferc, work, "mock-provider", "--port", "0") as provider:
        run(inferc, "compile", "first.infer", "--set", f"provider={provider}", folder=work)
        with serving(inferc, work, "run", "first.plan.json", "--port", "0") as gateway:
            message = {"role": "user", "content": "Good morning!"}
            body = json.dumps({"model": "gpt", "messages": [message]}).encode()
            request = urllib.request.Request(f"{gateway}/v1/chat/completions", body)
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            try:
                with direct.open(request, timeout=PATIENCE) as response:
                    answer = json.load(response)["choices"][0]["message"]["content"]
            except OSError as error:
                raise Failure(f"{inferc}: a request was not answered: {error}") from None
    if answer != "You said: Good morning!":
        raise Failure(f"{inferc}: answered {answer!r}")
    return took


@contextmanager
def serving(inferc: Path, folder: Path, *arguments: str) -> Iterator[str]:
    """A command that serves until it is left; gives where. Raises Failure."""
    environment = os.environ | {"OPENAI_API_KEY": "any", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [inferc, *arguments], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r" at (http://[^\s,]+)", line):
                yield found[1]
                break
        else:
            raise Failure(f"`inferc {' '.join(arguments)}` ended with {process.wait()}:\n{said}")
    finally:
        process.terminate()
        rest = process.communicate(timeout=PATIENCE)[1]
    if process.returncode != 0:
        raise Failure(f"`inferc {' '.join(arguments)}` ended with {process.returncode}:\n{rest}")


def run(*command: str | Path, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """What a command printed. Raises Failure, with what it said, when it fails."""
    words: Sequence[str] = [str(word) for word in command]
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    try:
        done = subprocess.run(
            words, cwd=folder, env=clean | (environment or {}), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failure(f"`{' '.join(words)}` took more than {PATIENCE} s") from None
    except OSError as error:
        raise Failure(f"`{words[0]}` cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Failure(f"`{' '.join(words)}` ended with {done.returncode}:\n{said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
