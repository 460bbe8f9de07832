"""Build the documentation into build/site: a folder for each version, and the newest at /latest.

    python site/build.py

`make site` does that after it has made what this needs: the playground, and an environment with Zensical.
What is in docs/ stands as it is; this gives each error a page, and examples a link into the playground.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from inferc.cli.graphviz import GraphvizError, drawn
from inferc.compiler.compile import check_file
from inferc.compiler.pictures import Picture, to_dot
from inferc.dsl.codes import explain, known_codes
from inferc.dsl.version import __version__

HERE = Path(__file__).parent
ROOT = HERE.parent
WORK = ROOT / "build" / "site-source"
PAGES = WORK / "docs"
OUT = ROOT / "build" / "site"
ZENSICAL = ROOT / ".venv-site" / "bin" / "zensical"
PLAYGROUND = ROOT / "build" / "playground"

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from build_errors import section  # noqa: E402
from build_pictures import with_pictures  # noqa: E402
from playground.links import fragment  # noqa: E402

FENCE = re.compile(r"^```infer ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]+)\]\((?!https?:)([^)#\s]+)(?:#([^)\s]+))?\)")
ELSEWHERE = {"README.md": "index.md", "CHANGELOG.md": "changes.md", "samples/README.md": "samples.md"}
"""Pages that are elsewhere in the repository, and what they are here."""


_DOCS = '<a class="button" href="../index.html">Documentation</a>'
_OPEN = '<a class="md-button md-button--primary" href="playground/index.html">Open the playground</a>'


def main() -> int:
    shutil.rmtree(WORK, ignore_errors=True)
    sources = {path: path.relative_to(ROOT / "docs") for path in sorted((ROOT / "docs").rglob("*.*"))}
    sources |= {ROOT / there: Path(here) for there, here in ELSEWHERE.items()}
    sources[HERE / "style.css"] = Path("style.css")
    sources[ROOT / "playground" / "static" / "icon.svg"] = Path("icon.svg")
    for source, here in sources.items():
        (PAGES / here).parent.mkdir(parents=True, exist_ok=True)
        if here.suffix != ".md":
            shutil.copy(source, PAGES / here)
        elif source != ROOT / "README.md":
            text = _with_links(source, here, _with_pictures(source, here, source.read_text("utf-8")), sources)
            if here.name == "playground.md":
                text = text.replace("\n\n", f"\n\n{_OPEN}\n\n", 1)
            (PAGES / here).write_text(_with_playground(here, text), "utf-8")
    _write_errors()
    if not _built():
        return 1
    target = OUT / __version__
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(WORK / "site", target)
    (target / "404.html").unlink()  # it is for a site that is no folder of another one
    shutil.copytree(PLAYGROUND, target / "playground")
    page = target / "playground" / "index.html"
    page.write_text(page.read_text("utf-8").replace("<!-- docs -->", _DOCS), "utf-8")
    _write_versions()
    pages = len(list(target.rglob("*.html")))
    print(f"built build/site/{__version__}, {pages} pages; to look at it:")
    print("  python3 -m http.server --directory build/site 8000")
    return 0


def _built() -> bool:
    """Run Zensical; what it warns of is printed, and is a failure."""
    shutil.copy(HERE / "zensical.toml", WORK)
    done = subprocess.run(
        [str(ZENSICAL), "build", "--strict", "--clean"],
        cwd=WORK, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
    if done.returncode == 0 and "Warning" not in said:
        return True
    print(said.partition("Traceback")[0], file=sys.stderr)
    return False


def _with_links(source: Path, here: Path, text: str, sources: dict[Path, Path]) -> str:
    """Links between pages, wherever these are now; of a link to anything else here, its words stay."""

    def moved(found: re.Match[str]) -> str:
        mark, words, path, anchor = found.groups()
        target = (source.parent / path).resolve()
        if target == ROOT / "docs" / "errors.md" and anchor:
            return f"[{words}]({_up(here)}errors/{anchor.upper()}.md)"
        if target.is_relative_to(ROOT / "docs" / "pictures") and not target.exists():
            return f"{mark}[{words}](pictures/{target.name})"  # drawn here
        if target in sources:
            kept = f"#{anchor}" if anchor and target != ROOT / "README.md" else ""
            return f"{mark}[{words}]({_up(here)}{sources[target].as_posix()}{kept})"
        return words if target.exists() else found[0]

    return LINK.sub(moved, text)


def _with_pictures(source: Path, here: Path, text: str) -> str:
    """Graphs as pictures, which GitHub draws of Mermaid's words."""

    def pictured(found: re.Match[str], picture: Picture) -> str:
        file = found[3].rpartition("/")[2]
        name = "-".join((found[2], *source.relative_to(ROOT).with_suffix("").parts, Path(file).stem)).lower()
        (PAGES / "pictures").mkdir(parents=True, exist_ok=True)
        (PAGES / "pictures" / f"{name}.svg").write_bytes(drawn(to_dot(picture), "svg"))
        what = "Which way data takes" if found[2] == "flows" else "What calls what"
        shown = f"![{what} in {file}](../docs/pictures/{name}.svg)"
        return f'<a href="{_up(here)}pictures/{name}.svg" markdown>{shown}</a>'

    return with_pictures(text, source.parent, pictured)


def _up(here: Path) -> str:
    return "../" * (len(here.parts) - 1)


def _write_errors() -> None:
    """A page for each code; what is in `errors.md` of them is the index alone."""
    folder = PAGES / "errors"
    folder.mkdir()
    for code in known_codes():
        page = explain(code)
        assert page is not None
        text = section(page).replace(f"### {code}\n", f"# {code}\n", 1)
        here = Path("errors") / f"{code}.md"
        text += "\n[All errors, warnings and notes](../errors.md)\n"
        (PAGES / here).write_text(_with_playground(here, text), "utf-8")
    index = (PAGES / "errors.md").read_text("utf-8")
    index = re.sub(r"^### [EWN]\d{4}\n.*?(?=^#{2,3} |\Z)", "", index, flags=re.MULTILINE | re.DOTALL)
    index = re.sub(r"\]\(#([ewn]\d{4})\)", lambda found: f"](errors/{found[1].upper()}.md)", index)
    (PAGES / "errors.md").write_text(index, "utf-8")


def _with_playground(here: Path, text: str) -> str:
    """A link below each example that is right as it stands, with the files that the page names."""
    folder = WORK / "examples" / here.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in FENCE.findall(text):
        if name:
            (folder / name).write_text(body, "utf-8")

    def linked(found: re.Match[str]) -> str:
        name, body = found.groups()
        title = f' title="{name}"' if name else ""
        block = f"``` {{ .infer{title} }}\n{body}```"
        shown = name or "example.infer"
        (folder / shown).write_text(body, "utf-8")  # a later version of the file may stand further down
        checked = check_file(shown, folder / shown, text=body)
        if any(each.is_error for each in checked.diagnostics):
            return block
        files = {each.source.path.name: each.source.text for each in checked.modules if each.source.path}
        address = f"{_up(here)}playground/index.html{fragment({**files, shown: body}, shown)}"
        return f'{block}\n<a class="try" href="{address}">Open in the playground</a>\n'

    text = FENCE.sub(linked, text)
    return re.sub(r"^```(\w+) (\S+)$", r'``` { .\1 title="\2" }', text, flags=re.MULTILINE)


def _versions() -> Iterator[str]:
    """Those that are built, the newest first."""
    built = [each.name for each in OUT.iterdir() if (each / "index.html").exists() and each.name != "latest"]
    yield from sorted(built, key=lambda name: [int(part) for part in re.findall(r"\d+", name)], reverse=True)


def _write_versions() -> None:
    """What the menu of versions reads, and the way from the root to the newest one."""
    versions = list(_versions())
    listed = [
        {"version": each, "title": each, "aliases": ["latest"] if each == versions[0] else []}
        for each in versions
    ]
    (OUT / "versions.json").write_text(json.dumps(listed), "utf-8")
    (OUT / "index.html").write_text(_MOVED.format(version=versions[0]), "utf-8")


_MOVED = """\
<!doctype html>
<meta charset="utf-8">
<title>inferc</title>
<link rel="icon" href="{version}/icon.svg">
<meta http-equiv="refresh" content="0; url={version}/index.html">
<a href="{version}/index.html">inferc {version}</a>
"""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GraphvizError as error:
        sys.exit(f"error: {error}")
