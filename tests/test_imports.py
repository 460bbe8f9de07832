"""Who may import whom: the rooms hand finished values on, and nothing flows back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS: dict[str, tuple[str, ...]] = {
    "grammar": (),
    "dsl": ("inferc.grammar",),
    "compiler": ("inferc.grammar", "inferc.dsl"),
    "runtime": ("inferc.compiler.plan",),
    "editor": ("inferc.grammar", "inferc.dsl", "inferc.compiler"),
    "cli": ("inferc.grammar", "inferc.dsl", "inferc.compiler", "inferc.runtime", "inferc.editor"),
}
"""What each room may import, besides itself."""

HEAVY = ("onnxruntime", "aiohttp", "jinja2", "numpy", "tokenizers", "openai", "pygls", "lsprotocol")


def modules(room: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / room).rglob("*.py"))


def imported_by(path: Path) -> Iterator[str]:
    """The modules of inferc that the module at `path` imports anywhere, by their full names."""
    package = ["inferc", *path.parent.parts]
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        match node:
            case ast.Import():
                yield from (name.name for name in node.names if name.name.split(".")[0] == "inferc")
            case ast.ImportFrom(level=0, module=str(module)) if module.split(".")[0] == "inferc":
                yield module
            case ast.ImportFrom(level=level) if level > 0:
                base = ".".join(package[: len(package) - level + 1])
                if node.module is not None:
                    yield f"{base}.{node.module}"
                else:
                    yield from (f"{base}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = (f"inferc.{room}", *ROOMS[room])
    strangers = [
        f"{path} imports {name}"
        for path in modules(room)
        for name in imported_by(path)
        if not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]
    assert strangers == []


@pytest.mark.parametrize("room", ROOMS)
def test_the_packages_import_each_other_by_relative_names(room: str) -> None:
    for path in modules(room):
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            match node:
                case ast.Import():
                    names = [name.name for name in node.names]
                case ast.ImportFrom(level=0, module=str(module)):
                    names = [module]
                case _:
                    continue
            assert not {name.split(".")[0] for name in names} & {"inferc", *ROOMS}, path


def test_the_rooms_are_all_there_is() -> None:
    assert sorted(path.name for path in (ROOT / "src" / "inferc").iterdir()) == sorted(ROOMS)
    assert all(len(modules(room)) > 1 for room in ROOMS)


@pytest.mark.parametrize(
    "program",
    [
        "import inferc.dsl",
        "import inferc.dsl.deployment, inferc.dsl.convert, inferc.dsl.parser",
        "from inferc.cli.main import main; assert main(['check', 'samples/hello.infer']) == 0",
        "from inferc.cli.main import main; main(['--version'])",
    ],
)
def test_checking_a_file_loads_no_heavy_library(program: str) -> None:
    ended = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{ended}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
