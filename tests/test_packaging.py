"""What gets installed: one package called inferc, complete, from a wheel and from a source archive."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hatchling.build
import pytest

from inferc.dsl.version import __version__

ROOT = Path(__file__).parents[1]

PYTHONS = re.findall(r":: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))

FOLDERS = ("api", "cli", "compiler", "dsl", "editor", "grammar", "runtime", "src")
FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
FILES = ("pyproject.toml", "README.md", "LICENSE")
NOT_PYTHON = frozenset({"tree-sitter", "vim", "vscode", "zed"})
"""Folders of `grammar/` that editors take from the repository, or from an extension."""


def build(kind: str, project: Path, output: Path) -> Path:
    """The wheel or the source archive of `project`, built without the network, and packed quickly."""
    packed = zlib.compressobj

    def quickly(_level: int, *how: Any) -> Any:
        return packed(zlib.Z_BEST_SPEED, *how)

    with chdir(project), patch.object(zlib, "compressobj", quickly):
        name = getattr(hatchling.build, f"build_{kind}")(str(output))
    return output / name


def clone(folder: Path, *, links: bool) -> Path:
    """A copy of what a clone holds, so that building leaves no traces.

    links: else, a file in the place of each, with what it leads to; so does git where there are no links.
    """
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules", "out")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for path in (folder / "src" / "inferc").iterdir():
        if path.is_symlink() and not links:
            target = os.readlink(path)
            path.unlink()
            path.write_text(target)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone on a file system without symbolic links."""
    return clone(tmp_path_factory.mktemp("project"), links=False)


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the installed wheel."""
    target = tmp_path_factory.mktemp("installed")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-compile",
    ]
    alone = ("--no-index", "--no-deps", "--no-compile")
    subprocess.run(
        [*pip, *alone, "--target", str(target), str(wheel)], check=True, capture_output=True, timeout=200
    )
    return target


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    expected = {
        f"inferc/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        if folder != "src"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not NOT_PYTHON & set(path.parts)
    }
    expected |= {"inferc/__init__.py", "inferc/__main__.py", "inferc/py.typed"}
    packaged = {name for name in contents(wheel) if name.startswith("inferc/")}
    assert packaged == expected
    assert {"inferc/grammar/infer.lark", "inferc/grammar/tables.json", "inferc/dsl/py.typed"} <= packaged


def test_the_wheel_installs_one_package_and_one_command(installed: Path) -> None:
    found = {path.name for path in installed.iterdir()}
    assert found == {"inferc", "bin", f"inferc-{__version__}.dist-info"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["inferc"]


def test_the_installed_command_checks_a_file_in_another_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "first.infer").write_text('deployment a { model = "gpt-4o-mini", replica = 2 }\n')
    done = subprocess.run(
        [sys.executable, str(installed / "bin" / "inferc"), "check", "first.infer"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--> first.infer:1:39" in done.stderr
    where = subprocess.run(
        [sys.executable, "-c", "import inferc.dsl, inferc.cli; print(inferc.dsl.__path__[0])"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    assert Path(where.stdout.strip()) == installed / "inferc" / "dsl"


def test_the_installed_command_writes_and_schemas_need_no_file_of_the_project(
    installed: Path, tmp_path: Path
) -> None:
    commands = (["init"], ["check", "hello.infer"], ["compile", "hello.infer"], ["schema"])
    subprocess.run(
        [sys.executable, "-P", "-c", f"import inferc.cli.main as it; exit(any(map(it.main, {commands})))"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    assert (tmp_path / "hello.plan.json").exists()


def test_a_wheel_made_from_the_source_archive_holds_the_same(
    project: Path, wheel: Path, tmp_path: Path
) -> None:
    archive = build("sdist", project, tmp_path)
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", **FILTER)
    unpacked = tmp_path / "unpacked" / archive.name.removesuffix(".tar.gz")
    assert contents(build("wheel", unpacked, tmp_path)) == contents(wheel)


def test_symbolic_links_change_nothing(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    assert contents(build("wheel", clone(tmp_path / "linked", links=True), tmp_path)) == contents(wheel)


def test_the_version_is_written_in_one_place(wheel: Path) -> None:
    assert wheel.name.startswith(f"inferc-{__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"inferc-{__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    folders = [each for each in ROOT.iterdir() if each.is_dir() and each.name != "src"]
    for folder in (each for each in folders if not each.name.startswith(".")):
        for path in folder.rglob("*.py"):
            assert path.name == "version.py" or f'"{__version__}"' not in path.read_text("utf-8"), path


def test_nothing_that_git_is_to_ignore_is_in_it() -> None:
    asked = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=200)
    if listed.returncode:
        pytest.skip(listed.stderr)
    assert listed.stdout == ""


@pytest.mark.parametrize("version", PYTHONS)
def test_make_finds_each_python_that_is_supported(version: str, tmp_path: Path) -> None:
    (tmp_path / f"python{version}").symlink_to(sys.executable)
    say = tmp_path / "say.mk"
    say.write_text("say:\n\t@echo $(PYTHON)\n")
    done = subprocess.run(
        [shutil.which("make") or "make", "-s", "-f", "Makefile", "-f", say, "say"],
        cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.stdout.split() == [f"python{version}"], done.stderr
