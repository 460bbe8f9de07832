"""What is no `.infer` file, and what to do with it."""

from __future__ import annotations

import os
from pathlib import Path

_FOREIGN = (".yaml", ".yml", ".toml", ".json", ".pbtxt", ".baml")
_SHOWN = 3


def why_other(name: str, *, takes_plans: bool = False, takes_folders: bool = False) -> str | None:
    """What to do with `name`, where it is a file of another kind."""
    path = Path(name)
    start = f"{path.stem}.infer"
    if os.path.isdir(path):
        return None if takes_folders else _folder(path)
    if not os.path.exists(path):
        return None
    if path.suffix == ".json" and takes_plans:
        return None
    if path.name.endswith(".plan.json"):
        return (
            f"{path} is a plan, and this needs the .infer file that it was made from; `inferc run`, `call` "
            "and `graph` take plans"
        )
    if path.suffix in _FOREIGN:
        return f"{path} is no .infer file: `inferc import {path} -o {start}` reads those of other systems"
    if path.suffix == ".onnx":
        return f"{path} is a model: `inferc inspect {path} > {start}` writes a file to begin with"
    return None


def _folder(path: Path) -> str:
    inside = sorted(path.glob("*.infer"))[:_SHOWN]
    named = ", such as " + ", ".join(map(str, inside)) if inside else "; there is no .infer file in it"
    return f"{path} cannot be read, it is a directory: name a file{named}"
