"""Build the playground into build/playground: static files for any server. See docs/playground.md.

    python playground/build.py

Needs Node.js with npm. The Python of the page is that of the environment it is built in: the packages that
inferc needs, without what is compiled for this machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
OUT = ROOT / "build" / "playground"
MADE = HERE / "src" / "made"

CHECKING = (
    "attrs",
    "cattrs",
    "jinja2",
    "lark",
    "lsprotocol",
    "markupsafe",
    "pygls",
    "python-jsonpath",
    "typing-extensions",
)
PLAYING = (
    "aiohappyeyeballs",
    "aiohttp",
    "aiosignal",
    "frozenlist",
    "idna",
    "jsonschema",
    "jsonschema-specifications",
    "multidict",
    "prometheus-client",
    "propcache",
    "referencing",
    "yarl",
)
"""What checks and tests need. What is compiled in them has a twin in Python, or one in `stand_ins`."""

PYODIDE = (
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "pyodide-lock.json",
    "pyodide.mjs",
    "python_stdlib.zip",
)
_LEFT_OUT = {"__pycache__", "tests", "benchmarks", "vscode", "vim", "tree-sitter", "node_modules"}
_KEPT = {".py", ".json", ".md", ".infer", ".lark", ".j2"}


def main() -> int:
    if shutil.which("npm") is None:
        print(
            "error: the playground is built with Node.js 20 or newer and npm, which is not here",
            file=sys.stderr,
        )
        return 1
    _run("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    _write_made()
    _bundle()
    shutil.copytree(HERE / "static", OUT, dirs_exist_ok=True)
    (OUT / "pyodide").mkdir()
    for name in PYODIDE:
        shutil.copy(HERE / "node_modules" / "pyodide" / name, OUT / "pyodide")
    _pack_python()
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"built {OUT.relative_to(ROOT)}, {size / 1e6:.1f} MB: serve it with any web server, such as")
    print(f"  python3 -m http.server --directory {OUT.relative_to(ROOT)} 8000")
    return 0


def _run(*command: str) -> None:
    subprocess.run(command, cwd=HERE, check=True)


def _write_made() -> None:
    """The colours and the samples, which the page holds."""
    from inferc.grammar.editors.codemirror import codemirror

    MADE.mkdir(exist_ok=True)
    samples = []
    for sample in json.loads((HERE / "samples.json").read_text("utf-8")):
        paths = [ROOT / name for name in sample["files"]]
        files = {path.name: path.read_text("utf-8") for path in paths}
        samples.append({"title": sample["title"], "files": files, "open": paths[0].name})
    for name, value in (("colours", codemirror()), ("samples", samples)):
        (MADE / f"{name}.json").write_text(json.dumps(value), "utf-8")


def _bundle() -> None:
    flags = ("--bundle", "--format=esm", "--minify", "--target=es2022", f"--outdir={OUT}")
    _run("npx", "--no-install", "esbuild", "src/main.ts", *flags, "--splitting", "--log-level=warning")
    _run("npx", "--no-install", "esbuild", "src/worker.ts", *flags, "--log-level=warning")


def _pack_python() -> None:
    """All that is imported, as bytecode, in two archives: tests are played later than the first check."""
    checking, playing = OUT / "checking", OUT / "playing"
    for folder, packages in ((checking, CHECKING), (playing, PLAYING)):
        for name in packages:
            _copy_package(name, folder)
    _copy_folder(ROOT / "src" / "inferc", checking / "inferc")
    _copy_folder(HERE / "python" / "stand_ins", checking)
    shutil.copy(HERE / "python" / "playground.py", checking)
    (playing / "inferc").mkdir()
    shutil.move(checking / "inferc" / "runtime", playing / "inferc")
    for folder in (checking, playing):
        _run("node", "precompile.mjs", str(folder))
        shutil.make_archive(str(folder), "zip", folder)
        shutil.rmtree(folder)


def _copy_package(name: str, folder: Path) -> None:
    found = distribution(name)
    for file in found.files or ():
        is_wanted = file.suffix in _KEPT or file.name == "METADATA"
        if is_wanted and not _LEFT_OUT & set(file.parts) and ".." not in file.parts:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), target)


def _copy_folder(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.name in _LEFT_OUT:
            continue
        if path.is_dir():
            _copy_folder(path, target / path.name)
        elif path.suffix in _KEPT:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


if __name__ == "__main__":
    sys.exit(main())
