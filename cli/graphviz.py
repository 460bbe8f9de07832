"""Pictures drawn by Graphviz, a program of its own."""

from __future__ import annotations

import shutil
import subprocess

PATIENCE = 120
"""Seconds after which a picture is given up."""


class GraphvizError(Exception):
    """No picture; the message says why, and what to do."""


def drawn(dot: str, form: str) -> bytes:
    """The picture that `dot`, a text in DOT, describes, as `svg`, `png` or `pdf`. Raises GraphvizError."""
    program = shutil.which("dot")
    if program is None:
        raise GraphvizError(
            f"{form.upper()} is drawn by Graphviz, and its program `dot` is not on the PATH: install it "
            "(apt-get install graphviz, or brew install graphviz), or use --format mermaid or "
            "--format dot, which need nothing"
        )
    try:
        done = subprocess.run(
            [program, f"-T{form}"], input=dot.encode(), capture_output=True, timeout=PATIENCE, check=False
        )
    except OSError as error:
        raise GraphvizError(f"{program} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise GraphvizError(
            f"{program} found no layout within {PATIENCE} s: name a pipeline or a route to draw a part, "
            "or use --format mermaid"
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        raise GraphvizError(f"{program} failed: {said[0]}")
    return done.stdout
