"""Who may import whom: the rooms hand finished values on, and nothing flows back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from .support.rows import each_row

ROOT = Path(__file__).parents[1]

ROOMS: dict[str, tuple[str, ...]] = {
    "grammar": (),
    "dsl": ("inferc.grammar",),
    "compiler": ("inferc.grammar", "inferc.dsl"),
    "runtime": ("inferc.compiler.plan",),
    "editor": ("inferc.grammar", "inferc.dsl", "inferc.compiler"),
    "cli": ("inferc.grammar", "inferc.dsl", "inferc.compiler", "inferc.runtime", "inferc.editor"),
    "api": ("inferc.grammar", "inferc.dsl", "inferc.compiler", "inferc.runtime"),
}
"""What each room may import, besides itself."""

HEAVY = ("onnxruntime", "aiohttp", "jinja2", "numpy", "yaml", "tokenizers", "openai", "pygls", "lsprotocol")

ORDER: dict[str, tuple[str, ...]] = {
    "grammar": ("files", "build", "words", "editors"),
    "dsl": (
        "units",
        "kinds",
        "catalogues",
        "secrets",
        "source",
        "syntax",
        "policies",
        "tasks",
        "runtimes",
        "validation",
        "deployment",
        "diagnostics",
        "codes",
        "render",
        "convert",
        "parsing",
        "formatting",
    ),
    "compiler": (
        "onnx_model",
        "plan",
        "modules",
        "incremental",
        "scope",
        "evaluation",
        "blocks",
        "declare",
        "capabilities",
        "typing",
        "pipelines",
        "routes",
        "graph",
        "scenarios",
        "program",
        "checks",
        "lowering",
        "analysis",
        "pictures",
        "compile",
        "importers",
        "exporters",
        "emit",
    ),
    "runtime": (
        "concurrency",
        "regular_file",
        "systemd",
        "admin",
        "redis_errors",
        "issued_keys",
        "requests",
        "secrets",
        "http",
        "dialects",
        "policies",
        "limits",
        "replicas",
        "serving",
        "running_plan",
        "starting",
        "executor",
        "plan_changes",
        "scaling",
        "reload",
        "gateway",
        "mock_provider",
        "simulation",
        "ray",
    ),
    "editor": (
        "positions",
        "documents",
        "occurrences",
        "workspace",
        "view",
        "types",
        "features",
        "checks",
        "server",
        "bindings",
        "serve",
    ),
    "cli": ("output", "sources", "plans", "workers", "calling", "testing", "simulating", "commands"),
    "api": ("checking", "plans", "answer", "executor", "loop_thread", "sync_executor", "server"),
}
"""The parts of each room from the ground up: each imports only those that stand before it. All folders are
here, and the files that a reader looks for first."""

ALLOWED_FOR_TYPES: dict[str, tuple[tuple[str, str], ...]] = {
    "runtime": (
        # a step is given the run of the block that it is part of
        ("inferc.runtime.serving.pipelines.block", "inferc.runtime.serving.pipelines.activation"),
        # a pipeline's steps call pipelines
        ("inferc.runtime.serving.pipelines.calls.steps", "inferc.runtime.serving.pipelines.pipeline"),
    )
}
"""By room: which module may import which for type checking, although that closes a circle."""


def modules(room: str) -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """The full name of the module at `path`; a package has that of its folder."""
    parts = path.with_suffix("").parts
    return ".".join(("inferc", *(parts[:-1] if parts[-1] == "__init__" else parts)))


@cache
def imports_of(path: Path) -> tuple[tuple[ast.Import | ast.ImportFrom, bool], ...]:
    """The statements of the module at `path` that import, anywhere in it; whether for type checking alone."""
    return tuple(_imports_in(ast.parse((ROOT / path).read_text("utf-8")), False))


def _imports_in(node: ast.AST, for_types: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, for_types
    for part in ("body", "handlers", "cases", "orelse", "finalbody"):  # where statements stand in others
        for child in getattr(node, part, ()):
            yield from _imports_in(child, for_types or (part == "body" and _is_type_checking(node)))


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imported_by(path: Path, *, for_types: bool = True) -> tuple[str, ...]:
    """What the module at `path` imports of inferc, anywhere in it, such as `inferc.dsl.source.Span`.

    for_types: also what is there for type checking alone.
    """
    return tuple(_imported_by(path, for_types))


def _imported_by(path: Path, for_types: bool) -> Iterator[str]:
    package = ["inferc", *path.parent.parts]
    for node, is_for_types in imports_of(path):
        match node:
            case _ if is_for_types and not for_types:
                continue
            case ast.Import():
                yield from (name.name for name in node.names if name.name.split(".")[0] == "inferc")
            case ast.ImportFrom(level=0, module=str(module)) if module.split(".")[0] == "inferc":
                yield from (f"{module}.{name.name}" for name in node.names)
            case ast.ImportFrom(level=level) if level > 0:
                base = [*package[: len(package) - level + 1], *([node.module] if node.module else [])]
                yield from (".".join((*base, name.name)) for name in node.names)


def module_graph(room: str, *, for_types: bool) -> dict[str, dict[str, list[str]]]:
    """The modules of a room; for each those of the room that it imports, and the names that it takes."""
    paths = {name_of(path): path for path in modules(room)}
    graph: dict[str, dict[str, list[str]]] = {name: {} for name in paths}
    for name, path in paths.items():
        for imported in imported_by(path, for_types=for_types):
            home = imported if imported in paths else imported.rpartition(".")[0]
            if home in paths and home != name:
                graph[name].setdefault(home, []).append(imported.rpartition(".")[2])
    return graph


def circle_in(graph: dict[str, dict[str, list[str]]]) -> str | None:
    """One circle of modules and the names that close it, None when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][::-1]
        steps = (f"{a} → {b} ({', '.join(graph[a][b])})" for a, b in pairwise(circle))
        return f"{' → '.join(circle)}: " + ", ".join(steps)
    return None


def part_of(module: str, room: str) -> str:
    """The folder or file of a room that holds a module; the room itself for its `__init__`."""
    return module.removeprefix(f"inferc.{room}.").split(".")[0]


@each_row("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    allowed = (f"inferc.{room}", *ROOMS[room])
    strangers = [
        f"{path} imports {name}"
        for path in modules(room)
        for name in imported_by(path)
        if not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]
    assert strangers == []


@each_row("room", ROOMS)
def test_no_modules_import_each_other_in_a_circle(room: str) -> None:
    circle = circle_in(module_graph(room, for_types=False))
    assert circle is None, circle


@each_row("room", ROOMS)
def test_imports_for_type_checking_close_no_circle_either(room: str) -> None:
    graph = module_graph(room, for_types=True)
    for importer, imported in ALLOWED_FOR_TYPES.get(room, ()):
        assert graph[importer].pop(imported, None), f"{importer} does not import {imported} any more"
    circle = circle_in(graph)
    assert circle is None, circle


@each_row("room", ROOMS)
def test_each_part_of_a_room_imports_only_those_before_it(room: str) -> None:
    place = {part: number for number, part in enumerate(ORDER[room])}
    backwards = [
        f"{module} imports {imported}"
        for module, imports in module_graph(room, for_types=True).items()
        for imported in imports
        if place.get(part_of(module, room), -1) < place.get(part_of(imported, room), -1)
        and part_of(module, room) in place
    ]
    assert backwards == []


@each_row("room", ROOMS)
def test_the_order_names_all_folders_of_a_room_and_nothing_that_is_gone(room: str) -> None:
    parts = {part_of(module, room) for module in module_graph(room, for_types=True)}
    folders = {path.relative_to(room).parts[0] for path in modules(room) if len(path.parts) > 2}
    assert folders <= set(ORDER[room]) <= parts


def test_a_circle_is_told_with_the_names_that_close_it() -> None:
    graph = {"a": {"b": ["make"]}, "b": {"a": ["Made", "take"]}, "c": {"a": ["Made"]}}
    assert circle_in(graph) in (
        "a → b → a: a → b (make), b → a (Made, take)",
        "b → a → b: b → a (Made, take), a → b (make)",
    )


def test_only_type_checking_may_be_left_out_of_the_imports(tmp_path: Path) -> None:
    text = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .shapes import Shape\nelse:\n    from . import shapes\n"
        "def draw():\n    from .pens import Pen\n"
    )
    path = tmp_path / "drawing.py"
    path.write_text(text, "utf-8")
    for for_types, names in ((False, ["shapes", "Pen"]), (True, ["Shape", "shapes", "Pen"])):
        assert [name.rpartition(".")[2] for name in imported_by(path, for_types=for_types)] == names


@each_row("room", ROOMS)
def test_the_packages_import_each_other_by_relative_names(room: str) -> None:
    for path in modules(room):
        for node, _ in imports_of(path):
            match node:
                case ast.Import():
                    names = [name.name for name in node.names]
                case ast.ImportFrom(level=0, module=str(module)):
                    names = [module]
                case _:
                    continue
            assert not {name.split(".")[0] for name in names} & {"inferc", *ROOMS}, path


def test_the_rooms_are_all_there_is() -> None:
    found = {path.name for path in (ROOT / "src" / "inferc").iterdir()} - {"__pycache__"}
    assert found == {*ROOMS, "__init__.py", "__main__.py", "py.typed"}
    assert all(len(modules(room)) > 1 for room in ROOMS)


PROGRAMS = (
    "import inferc.dsl",
    "import inferc.dsl.deployment, inferc.dsl.convert, inferc.dsl.parsing.parser",
    "import inferc; assert inferc.check('samples/hello.infer').ok",
    "from inferc.cli.main import main; assert main(['check', 'samples/hello.infer']) == 0",
    "main(['--version'])",
)


def test_checking_a_file_loads_no_heavy_library_and_no_plan() -> None:
    unwanted = (*HEAVY, "inferc.compiler.plan")
    then = f"assert not (found := {{*{unwanted!r}}} & {{*sys.modules}}), found"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(("import sys", *(f"{each}\n{then}" for each in PROGRAMS)))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
