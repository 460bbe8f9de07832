"""`inferc init`: a first file that passes."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..files import save
from ..interview import filled, is_asked, template_of
from ..output import fail

EXAMPLES = """\
  inferc init                       # asks what is wanted; without a terminal, writes hello.infer
  inferc init prod.infer
  inferc init --template gateway    # writes gateway.infer
"""

TEMPLATES = {
    "chat": "a chat model at a provider",
    "rag": "answers from passages, with their sources",
    "classify": "messages sorted by what they are about",
    "gateway": "two providers behind one endpoint, with keys, limits and budgets",
    "cluster": "models on the GPUs of several machines",
}

_FOLDER = Path(__file__).parents[1] / "templates"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="default: hello.infer, or the name of the template"
    )
    listed = "; ".join(f"{name}: {text}" for name, text in TEMPLATES.items())
    parser.add_argument("--template", choices=TEMPLATES, metavar="NAME", help=f"what to begin with. {listed}")


def run(arguments: Namespace) -> int:
    asks = arguments.template is None and is_asked()
    try:
        template = template_of(TEMPLATES) if asks else arguments.template or "chat"
        files = arguments.files or ["hello.infer" if template == "chat" else f"{template}.infer"]
        if arguments.template is not None and not arguments.files:
            files = [f"{template}.infer"]
        there = [name for name in files if os.path.exists(name)]
        text = (_FOLDER / f"{template}.infer").read_text("utf-8")
        text = filled(template, text) if asks and not there else text
    except KeyboardInterrupt:
        print("\nnothing was written", file=sys.stderr)
        return 130
    return max(_init(Path(name), text) for name in files)


def _init(path: Path, text: str) -> int:
    if os.path.exists(path):
        return fail(f"{path} is already there, and is left as it is: name another file")
    return save(path, text, f"wrote {path}; next: inferc check {path}")
