"""`make release`: what stands in its way is one line; what it makes lies in one folder, with checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .support.rows import each_row

ROOT = Path(__file__).parents[1]
FILES = {
    "dsl/version.py": '__version__ = "1.2.3"\n',
    "grammar/vscode/package.json": '{\n  "name": "infer",\n  "version": "1.2.3"\n}\n',
    "grammar/zed/extension.toml": 'id = "infer"\nversion = "1.2.3"\n',
    "grammar/zed/Cargo.toml": '[package]\nversion = "1.2.3"\n',
    "CHANGELOG.md": "# Changes\n\n## [1.2.3] - 2027-01-31\n\n- New.\n\n## [1.2.2] - 2027-01-01\n\n- Old.\n",
    ".gitignore": "dist/\nout/\n",
    "Makefile": ".PHONY: dist editors\ndist:\n\t@echo wheel > dist/inferc-1.2.3.whl\n"
    "editors:\n\t@mkdir -p grammar/vscode/out; echo vsix > grammar/vscode/out/infer.vsix\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that could be released, with targets that build nothing large."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "release.py", tmp_path / "scripts")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=200)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "more")


def release(folder: Path, version: str = "1.2.3") -> tuple[int, str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    command = [sys.executable, "scripts/release.py", version]
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout, done.stderr


def test_a_release_is_one_folder_with_checksums(project: Path) -> None:
    git(project, "tag", "v1.2.3")  # of this commit: it may be built again
    status, out, err = release(project)
    assert (status, err) == (0, "")
    assert "nothing is published" in out
    made = {path.name for path in (project / "dist").iterdir()}
    assert made == {"inferc-1.2.3.whl", "inferc-1.2.3.vsix", "notes.md", "SHA256SUMS"}
    assert (project / "dist" / "notes.md").read_text() == "- New.\n"
    digest = hashlib.sha256(b"vsix\n").hexdigest()
    assert f"{digest}  inferc-1.2.3.vsix\n" in (project / "dist" / "SHA256SUMS").read_text()


@each_row("version", ["", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3 ", "../1.2.3"])
def test_what_is_no_version_is_said(project: Path, version: str) -> None:
    status, _, err = release(project, version)
    assert status == 1
    assert "1.2.3" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("dsl/version.py", "1.2.3", "1.2.2", "dsl/version.py says version 1.2.2: change it to 1.2.3"),
        ("grammar/vscode/package.json", "1.2.3", "1.2.2", "package.json says version 1.2.2"),
        ("grammar/zed/Cargo.toml", "1.2.3", "1.2.2", "Cargo.toml says version 1.2.2"),
        ("CHANGELOG.md", "[1.2.3]", "[Unreleased]", "has no section `## [1.2.3] - DATE`"),
        ("CHANGELOG.md", "2027-01-31", "unreleased", "says `unreleased` for 1.2.3: write the day"),
        ("CHANGELOG.md", "- New.\n", "", "says nothing about 1.2.3"),
    ],
)
def test_what_is_not_ready_is_said(project: Path, name: str, old: str, new: str, said: str) -> None:
    path = project / name
    path.write_text(path.read_text().replace(old, new))
    commit(project)
    status, _, err = release(project)
    assert status == 1
    assert said in err
    assert err.count("\n") == 1
    assert not (project / "dist").exists()


def test_what_is_not_committed_is_named(project: Path) -> None:
    (project / "CHANGELOG.md").write_text(FILES["CHANGELOG.md"] + "\n")
    assert release(project)[2] == "error: 1 files differ from the commit, such as CHANGELOG.md: commit them\n"


def test_a_version_is_released_once(project: Path) -> None:
    git(project, "tag", "v1.2.3")
    commit(project)
    status, _, err = release(project)
    assert status == 1
    assert "1.2.3 was released before" in err


def test_what_cannot_be_built_ends_it(project: Path) -> None:
    makefile = project / "Makefile"
    makefile.write_text(makefile.read_text().replace("@echo wheel", "@false #"))
    commit(project)
    status, _, err = release(project)
    assert status == 1
    assert "error: `make dist` failed" in err
