"""One file in the colours of every grammar, as pictures that should look the same.

    python -m tests.grammars.pictures FOLDER [FILE]

Writes an HTML page for each engine into FOLDER, a PNG of each where Chromium is installed, and `colours.svg`,
which is the picture of docs/editors.md. Pages of Pygments and Vim are made by their own HTML writers.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.style import Style

from inferc.grammar.editors.pygments import KINDS, InferLexer
from inferc.grammar.editors.vim import group

from . import engines
from .colouring import Spans

COLOURS = {
    "comment": "#6e7781",
    "doc": "#57606a",
    "keyword": "#cf222e",
    "constant": "#0550ae",
    "type": "#8250df",
    "string": "#0a5c36",
    "escape": "#bf8700",
    "interpolation": "#bc4c00",
    "template": "#bc4c00",
    "number": "#0550ae",
    "unit": "#1b7c83",
    "operator": "#cf222e",
    "punctuation": "#57606a",
    "declaration": "#6639ba",
    "field": "#24292f",
    "block": "#953800",
    "label": "#116329",
    "function": "#8250df",
    "name": "#24292f",
}
"""One colour for each class."""

FONT = "font: 15px/21px 'DejaVu Sans Mono', monospace"
WIDTH, LINE, LETTER = 1060, 21, 9.03
"""Sizes in pixels."""


STYLE = f"""
body {{ margin: 16px; background: white }}
pre {{ margin: 0; {FONT} !important; color: {COLOURS["name"]} }}
pre * {{ font: inherit !important }}
a {{ color: inherit !important; text-decoration: none }}
"""


def page(body: str) -> str:
    """A page that shows `body` and nothing else."""
    return f"<!DOCTYPE html><meta charset=utf-8><style>{STYLE}</style>\n{body}\n"


def pieces(text: str, spans: Spans) -> list[tuple[str, str]]:
    """`text` in pieces of one class each."""
    roles = ["name"] * len(text)
    for start, end, role in spans:
        roles[start:end] = [role] * (end - start)
    found: list[tuple[str, str]] = []
    for role, char in zip(roles, text, strict=True):
        if found and found[-1][0] == role:
            found[-1] = (role, found[-1][1] + char)
        else:
            found.append((role, char))
    return found


def by_spans(text: str, spans: Spans) -> str:
    inner = "".join(
        f'<span style="color: {COLOURS[role]}">{escape(piece)}</span>' for role, piece in pieces(text, spans)
    )
    return page(f"<pre>{inner}</pre>")


def by_pygments(text: str) -> str:
    class Colours(Style):
        styles = {kind: COLOURS[role] for role, kind in KINDS.items()}  # noqa: RUF012

    formatter = HtmlFormatter(style=Colours, noclasses=True, nobackground=True, prestyles=FONT)
    return page(highlight(text, InferLexer(stripnl=False), formatter))


def by_vim(path: Path, folder: Path) -> str:
    """What `:TOhtml` makes of the file."""
    colours = "\n".join(f"hi {group(role)} guifg={colour}" for role, colour in COLOURS.items())
    output = folder / "tohtml.html"
    (folder / "tohtml.vim").write_text(
        f"set nocompatible encoding=utf-8 termguicolors background=light\nset runtimepath^={engines.VIM}\n"
        f"filetype plugin on\nsyntax on\nedit {path}\n{colours}\n"
        f"hi Normal guifg={COLOURS['name']} guibg=white\n"
        f"let g:html_number_lines = 0\nruntime plugin/tohtml.vim\nTOhtml\nwrite! {output}\nqall!\n"
    )
    command = ["vim", "-u", "NONE", "-N", "-i", "NONE", "-n", "-es", "-S", str(folder / "tohtml.vim")]
    subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False)
    head, body = output.read_text("utf-8").split("<body", 1)
    return f"{head}<style>{STYLE}</style><body{body}"


def svg(text: str, spans: Spans) -> str:
    """The same as a drawing."""
    lines: list[list[str]] = [[]]
    for role, piece in pieces(text, spans):
        for number, part in enumerate(piece.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(f'<tspan fill="{COLOURS[role]}">{escape(part)}</tspan>')
    while lines and not lines[-1]:
        lines.pop()
    rows = [
        f'<text xml:space="preserve" x="16" y="{16 + LINE * (number + 1) - 6}">{"".join(line)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    width = int(32 + LETTER * max(map(len, text.splitlines())))
    height = 32 + LINE * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'style="{FONT}; white-space: pre; background: white">\n' + "\n".join(rows) + "\n</svg>\n"
    )


def main(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = path.read_text("utf-8")
    pages = {
        "textmate": by_spans(text, engines.textmate_spans([path])[0]),
        "tree-sitter": by_spans(text, engines.tree_sitter_spans(text)),
        "pygments": by_pygments(text),
        "vim": by_vim(path, folder),
    }
    (folder / "colours.svg").write_text(svg(text, engines.tree_sitter_spans(text)), "utf-8")
    height = 32 + LINE * len(text.splitlines())
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, "utf-8")
        if browser := shutil.which("chromium"):
            shot = [f"--window-size={WIDTH},{height}", f"--screenshot={folder / name}.png"]
            command = [browser, "--headless", "--no-sandbox", "--hide-scrollbars", *shot]
            address = f"file://{folder / name}.html"
            subprocess.run([*command, address], stderr=subprocess.DEVNULL, timeout=120, check=True)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]).resolve(),
        Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parent / "picture.infer").resolve(),
    )
