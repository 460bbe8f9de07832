"""Modules, compiled by a second process while the first one collects the tests that need them.

To rewrite asserts takes as long as all else of collecting, and is kept in files until a module changes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from compileall import compile_file
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from importlib.util import find_spec, module_from_spec
from pathlib import Path

import pytest


@contextmanager
def compiled_beside(config: pytest.Config) -> Iterator[None]:
    """What the block imports is compiled beside it, from its end on, where what is compiled can be kept."""
    if sys.dont_write_bytecode or not os.access(config.rootpath / "tests", os.W_OK):
        yield
        return
    if (pid := os.fork()) == 0:
        try:
            for path in sorted(config.rootpath.glob("src/inferc/*/**/*.py"), reverse=True):
                compile_file(path, quiet=2)
            for path in reversed(list(_collected(config))):
                if not _is_compiled(path):
                    compile_tests(".".join(path.relative_to(config.rootpath).with_suffix("").parts))
        finally:
            os._exit(0)  # whoever collects says what is wrong with a module
    try:
        yield
    finally:
        os.waitpid(pid, 0)


def _collected(config: pytest.Config) -> Iterator[Path]:
    left_out = config.getini("norecursedirs")
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        for each in sorted(path.rglob("test_*.py")) if path.is_dir() else [path]:
            within = each.relative_to(path).parts
            if not any(fnmatch(part, pattern) for part in within for pattern in left_out):
                yield each


def _is_compiled(path: Path) -> bool:
    kept = path.parent.glob(f"__pycache__/{path.stem}.*-pytest-{pytest.__version__}.pyc")
    return any(each.stat().st_mtime > path.stat().st_mtime for each in kept)


def compile_tests(name: str) -> None:
    """Import a module as pytest does, but with nothing built in: the import that it begins with fails."""
    if (spec := find_spec(name)) and spec.loader:
        module = module_from_spec(spec)
        module.__dict__["__builtins__"] = {}
        with suppress(ImportError):
            spec.loader.exec_module(module)
