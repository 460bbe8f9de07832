"""The action, the workflows, the hooks for pre-commit: right by others' schemas, and their steps run here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .support.forked import command_for_scripts

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

BEFORE = """\
import { steady } from "policies.infer"
deployment gpt from steady { model = "gpt-4o-mini" }
deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("ANTHROPIC_API_KEY") } }
route assistant = fallback [gpt, claude]
"""
POLICIES = """\
template steady { runtime openai { api_key = env("OPENAI_API_KEY"), retry { max_retries = 2 } } }
"""
GH = """\
#!/usr/bin/env bash
# Says what comments there are, and keeps what it is asked to write.
if [[ $* == *--jq* ]]; then echo "$OLD_COMMENT"; exit "${GH_FAILS:-0}"; fi
echo "$*" | sed 's/body=.*/body/' > "$GH_SEEN/asked"
for word in "$@"; do case $word in body=@*) cp "${word#body=@}" "$GH_SEEN/body" ;; esac; done
"""


@pytest.mark.parametrize(
    ("schema", "pattern"), [("actions", "action.yml"), ("workflows", ".github/workflows/*.yml")]
)
def test_github_takes_them(schema: str, pattern: str) -> None:
    files = sorted(str(path) for path in ROOT.glob(pattern))
    command = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.github-{schema}", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert files
    assert done.returncode == 0, done.stdout


def test_the_hooks_are_commands_of_inferc() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [(each["id"], each["entry"]) for each in hooks] == [
        ("inferc-check", "inferc check"),
        ("inferc-format", "inferc fmt"),
    ]
    for each in hooks:
        assert (each["language"], each["files"]) == ("python", r"\.infer$")


def test_the_hooks_take_a_file_whose_name_begins_as_an_option(tmp_path: Path) -> None:
    (tmp_path / "-x.infer").write_text("deployment gpt { model = 5 }")
    check, fmt = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    for hook, says in ((check, "`model` takes text"), (fmt, "formatted")):
        command = [BIN / "inferc", *hook["entry"].split()[1:], *hook["args"], "-x.infer"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
        assert says in done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a job of GitHub has: a checkout of two commits, a folder with `inferc`, and `gh`."""
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "prod.infer").write_text(BEFORE)
    (repository / "policies.infer").write_text(POLICIES)
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "before")
    (tmp_path / "runner" / "inferc" / "bin").mkdir(parents=True)
    (tmp_path / "gh" / "seen").mkdir(parents=True)
    (tmp_path / "gh" / "gh").write_text(GH)
    (tmp_path / "gh" / "gh").chmod(0o755)
    return repository


def git(folder: Path, *words: str) -> str:
    who = {
        f"GIT_{role}_{what}": "a@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=os.environ | who,
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    )
    return done.stdout.strip()


def step(checkout: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as GitHub's runner does it."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    [found] = [each for each in action["runs"]["steps"] if each["name"] == name]
    place = checkout.parent
    given = {
        "ACTION": str(ROOT),
        "BIN": "bin",
        "BASE": git(checkout, "rev-list", "--max-parents=0", "HEAD"),
        "COMMENT": "true",
        "DENY": "false",
        "FAIL_ON": "never",
        "FILES": ".",
        "GH_SEEN": str(place / "gh" / "seen"),
        "GH_TOKEN": "none",
        "GITHUB_REPOSITORY": "me/models",
        "GITHUB_STEP_SUMMARY": str(place / "summary.md"),
        "NUMBER": "7",
        "OLD_COMMENT": "",
        "PATH": f"{place / 'gh'}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(place / "runner"),
    }
    assert {*found["env"]} <= {*given}
    passed = command_for_scripts(place / "runner" / "inferc" / "bin")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
        cwd=checkout, env=os.environ | given | environment, pass_fds=passed,
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip


def change(checkout: Path, **texts: str) -> None:
    for name, text in texts.items():
        (path := checkout / f"{name}.infer").parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "after")


def test_the_action_marks_mistakes_in_the_lines_of_a_pull_request(checkout: Path) -> None:
    assert step(checkout, "Check").returncode == 0
    change(checkout, prod=BEFORE.replace("model =", "modell ="))
    done = step(checkout, "Check", FILES="prod.infer policies.infer")
    assert done.returncode == 1
    assert "::error file=prod.infer,line=2," in done.stdout


def test_the_action_says_what_a_change_means_for_requests(checkout: Path) -> None:
    change(checkout, policies=POLICIES.replace("= 2", "= 5"), new='deployment a { model = "x" }\n')
    done = step(checkout, "Compare")
    assert (done.returncode, done.stderr) == (0, "")
    seen = checkout.parent / "gh" / "seen"
    assert (seen / "asked").read_text() == (
        "api --silent --method POST repos/me/models/issues/7/comments --field body\n"
    )
    body = (seen / "body").read_text()
    assert body == (checkout.parent / "summary.md").read_text()
    assert "one request makes up to 6 calls, 3 calls before" in body
    assert "#### `new.infer`\n\nIt is new." in body
    assert "policies.infer" not in body


def test_there_is_one_comment_which_is_written_anew(checkout: Path) -> None:
    change(checkout, prod=BEFORE.replace("[gpt, claude]", "[claude, gpt]"))
    assert step(checkout, "Compare", OLD_COMMENT="42").returncode == 0
    asked = (checkout.parent / "gh" / "seen" / "asked").read_text()
    assert asked == "api --silent --method PATCH repos/me/models/issues/comments/42 --field body\n"


def test_what_cannot_be_commented_stands_in_the_summary(checkout: Path) -> None:
    change(checkout, prod=BEFORE.partition("route")[0])
    done = step(checkout, "Compare", GH_FAILS="1", FAIL_ON="breaking")
    assert done.returncode == 1
    assert "::notice::the comment could not be written" in done.stdout
    assert "::error::a change is `breaking` or worse" in done.stdout
    assert "`assistant` | is gone" in (checkout.parent / "summary.md").read_text()


def test_a_long_comment_is_cut_and_the_summary_is_not(checkout: Path) -> None:
    deep = f"{'much' * 60}/" * 3  # a path has at most 1,024 bytes on macOS
    change(checkout, **{f"{deep}{number}": "## more\n" for number in range(96)})
    assert step(checkout, "Compare").returncode == 0
    body = (checkout.parent / "gh" / "seen" / "body").read_text()
    assert body.startswith("<!-- inferc")
    assert body.endswith("the summary of the job has the rest.\n")
    assert len(body) < 60_000 < len((checkout.parent / "summary.md").read_text())


def test_files_with_mistakes_are_not_compared(checkout: Path) -> None:
    change(checkout, policies="template steady {\n")
    assert step(checkout, "Compare").returncode == 0
    assert "It cannot be compared" in (checkout.parent / "summary.md").read_text()


def test_other_changes_need_no_comment(checkout: Path) -> None:
    (checkout / "README.md").write_text("hello\n")
    change(checkout)
    assert step(checkout, "Compare").stdout == "no .infer file differs\n"
    assert not (checkout.parent / "summary.md").exists()


def test_the_workflows_publish_nothing() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        text = json.dumps(workflow)
        for word in (
            "twine upload",
            "uv publish",
            "pypi-publish",
            "gh release",
            "vsce publish",
            "docker push",
        ):
            assert word not in text
