"""Make a virtual environment with inferc in it, and say how far that is.

    python scripts/set_up.py .venv gpu,embed

It is run by the Python that the environment is made with, before anything is installed. One that works is
only brought up to date.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cli.progress import Seen, progress  # noqa: E402

EACH = 4.0
"""Seconds between two signs of life where there is no terminal."""

NO_VENV = "error: no virtual environment: on Debian and Ubuntu, install python3-venv"
NO_PACKAGES = """\
error: the packages could not be installed; see above. They come from PyPI: a proxy is named by HTTPS_PROXY,
       and without a network PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER takes those that lie in a folder"""


class Pip(threading.Thread):
    """What pip says, read as it comes: which package it is at, and how many it will install."""

    def __init__(self, process: subprocess.Popen[str], site: Path) -> None:
        super().__init__(daemon=True)
        self.said: list[str] = []
        self._process, self._site = process, site
        self._names: set[str] = set()
        self._now = "asking for what is there"
        self._before = self._installed()
        self._total = 0

    def run(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            self.said.append(text.rstrip())
            if found := re.match(r"Collecting ([\w.-]+)", text):
                self._names.add(found[1].lower())
                self._now = found[1]
            elif found := re.match(r"\s+Downloading (\S+?)-\d\S* (\(.+\))", text):
                self._now = f"downloading {found[1].rpartition('/')[2]} {found[2]}"
            elif text.startswith("Installing collected packages:"):
                self._total = text.count(",") + 1
                self._before = self._installed()

    def seen(self) -> Seen:
        """How far it is; the packages that are there are counted, as pip does not say."""
        if self._total:
            return min(self._installed() - self._before, self._total), self._total, "packages unpacked"
        count = len(self._names)
        return 0, 0, f"{count} package{'s' * (count != 1)} found, {self._now}" if count else self._now

    def _installed(self) -> int:
        return sum(1 for _ in self._site.glob("*.dist-info"))


def main() -> int:
    venv, extras = Path(sys.argv[1]), sys.argv[2]
    began = time.monotonic()
    python = venv / "bin" / "python"
    if not _works(python):
        shutil.rmtree(venv, ignore_errors=True)
        print(f"making {venv} with Python {sys.version.split()[0]}", flush=True)
        with progress(f"making {venv}", said_each=EACH):
            made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False)
        if made.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            print(NO_VENV, file=sys.stderr)
            return 1
    print(f"installing inferc[{extras}]; the first time, this downloads ONNX Runtime", flush=True)
    return _install(python, venv, extras, began)


def _install(python: Path, venv: Path, extras: str, began: float) -> int:
    pip = [
        str(python),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--progress-bar",
        "off",
    ]
    with subprocess.Popen(
        [*pip, "--editable", f".[{extras}]"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        reader = Pip(process, next(iter(venv.glob("lib/python*/site-packages")), venv))
        reader.start()
        with progress("installing", reader.seen, said_each=EACH):
            status = process.wait()
        reader.join()
    if status != 0:
        wrong = [text.strip() for text in reader.said if text.strip().lower().startswith("error:")]
        print("\n".join(dict.fromkeys(wrong[-3:] or reader.said[-5:])), file=sys.stderr)
        print(NO_PACKAGES, file=sys.stderr)
        return 1
    print(f"{venv} is ready, after {time.monotonic() - began:.0f} s", flush=True)
    return 0


def _works(python: Path) -> bool:
    try:
        done = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
