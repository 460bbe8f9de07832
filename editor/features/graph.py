"""The picture of an open text, as `inferc graph` draws it of a file; a client shows it beside the text."""

from __future__ import annotations

from typing import Any

from ..view import View

LARGEST = 400_000
"""Characters of a picture; whoever draws a larger one is busy for longer than anybody looks at it."""


def graph(view: View, name: str | None = None) -> dict[str, Any]:
    """`{"dot": …}`, the picture in the language of Graphviz, or `{"problem": …}`, why there is none.

    name: of a deployment, route or pipeline, which is drawn alone with all that it needs.
    """
    from pathlib import Path

    from ...compiler.compile import compile_checked
    from ...compiler.pictures import NotThere, picture_of, to_dot

    errors = sum(each.is_error for each in view.checked.diagnostics)
    if errors:
        return {"problem": f"the file has {errors} {'error' if errors == 1 else 'errors'}"}
    path = view.document.path
    try:
        plan = compile_checked(view.checked, path.parent if path is not None else Path())
        dot = to_dot(picture_of(plan, name))
    except NotThere as problem:
        return {"problem": str(problem)}
    if len(dot) > LARGEST:
        return {"problem": "the picture is too large: `graph` above a route or a pipeline draws a part of it"}
    return {"dot": dot}
