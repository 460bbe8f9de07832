"""Build all that a release consists of into `dist/`, and publish nothing: `make release VERSION=1.2.3`.

Only the standard library is needed; what builds brings its own environment.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
VERSION = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:(?:a|b|rc)[1-9]\d*)?")
OPTIONAL = {"site": "site", "playground": "playground"}
"""Targets of make whose folders under `build/` are packed, where there are such targets."""


class Failure(Exception):
    """What stands in the way of the release, and what to do, in a line."""


def main() -> int:
    try:
        if len(sys.argv) != 2 or not sys.argv[1]:
            raise Failure("say which version: make release VERSION=1.2.3")
        version = sys.argv[1]
        notes = check(version)
        build(version, notes)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


def check(version: str) -> str:
    """What the change log says of `version`. Raises Failure, unless all is there for a release of it."""
    if not VERSION.fullmatch(version):
        raise Failure(f"`{version}` is no version: write one like 1.2.3, or 1.2.3rc1")
    for path in (
        "dsl/version.py",
        "grammar/vscode/package.json",
        "grammar/zed/extension.toml",
        "grammar/zed/Cargo.toml",
    ):
        found = re.search(
            r'(?m)(?:^__version__ = |^  "version": |^version = )"([^"]+)"', (ROOT / path).read_text("utf-8")
        )
        if found is None or found[1] != version:
            said = found[1] if found else "none"
            raise Failure(f"{path} says version {said}: change it to {version}, and commit that")
    heading = rf"(?m)^## \[{re.escape(version)}\] - (.+)$"
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    section = re.search(heading + r"\n((?:(?!^## ).*\n?)*)", log)
    if section is None:
        raise Failure(f"CHANGELOG.md has no section `## [{version}] - DATE`: write what is new")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", section[1]):
        raise Failure(f"CHANGELOG.md says `{section[1]}` for {version}: write the day, such as 2027-01-31")
    if not section[2].strip():
        raise Failure(f"CHANGELOG.md says nothing about {version}: write what is new")
    if changed := git("status", "--porcelain").splitlines():
        raise Failure(f"{len(changed)} files differ from the commit, such as {changed[0][3:]}: commit them")
    tagged = git("tag", "--list", f"v{version}") and git("rev-list", "-n", "1", f"v{version}")
    if tagged and tagged != git("rev-parse", "HEAD"):
        raise Failure(
            f"{version} was released before: the tag v{version} is at {tagged[:12]}; take a new version"
        )
    return section[2].strip() + "\n"


def build(version: str, notes: str) -> None:
    """Everything, in `dist/`, which is emptied before."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    make("dist")
    make("editors")
    shutil.copy(ROOT / "grammar" / "vscode" / "out" / "infer.vsix", DIST / f"inferc-{version}.vsix")
    for target, folder in OPTIONAL.items():
        if has_target(target):
            make(target)
            shutil.make_archive(str(DIST / f"inferc-{version}-{target}"), "gztar", ROOT / "build" / folder)
    (DIST / "notes.md").write_text(notes, "utf-8")
    built = sorted(path for path in DIST.iterdir())
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in built}
    (DIST / "SHA256SUMS").write_text("".join(f"{sums[name]}  {name}\n" for name in sums), "utf-8")
    for path in built:
        print(f"dist/{path.name}: {path.stat().st_size / 1024:,.0f} KiB, sha256 {sums[path.name][:16]}…")
    print(f"built {version}; nothing is published. Next: git tag v{version}, and hand the files out")


def has_target(name: str) -> bool:
    return re.search(rf"(?m)^{name}:", (ROOT / "Makefile").read_text("utf-8")) is not None


def make(target: str) -> None:
    print(f"make {target}", flush=True)
    done = subprocess.run(["make", target], cwd=ROOT, check=False)
    if done.returncode != 0:
        raise Failure(f"`make {target}` failed; nothing is published")


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"`git {words[0]}` failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.rstrip()


if __name__ == "__main__":
    sys.exit(main())
