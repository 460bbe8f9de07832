"""`inferc graph`: pictures on standard output and in files."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from inferc.compiler.plan import dump_plan

from ..support.commands import ROOT
from ..support.graph_plans import shop
from .conftest import Command


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "shop.plan.json"
    path.write_text(dump_plan(shop()), "utf-8")
    return path


def test_a_file_is_drawn_as_mermaid(inferc: Command) -> None:
    done = inferc("graph", "samples/remote.infer")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("flowchart TB\n")
    assert 'deployment_chat -.->|"when full"| deployment_spare\n' in done.out


def test_a_plan_is_drawn_too_and_a_part_of_it(inferc: Command, plan: Path) -> None:
    done = inferc("graph", plan, "search", "--format", "dot")
    assert done.status == 0
    assert done.out.startswith('digraph "search" {\n')
    assert "pipeline reply" not in done.out


@pytest.mark.parametrize(
    ("name", "begin"),
    [("out.mmd", "flowchart"), ("out.dot", "digraph"), ("out.GV", "digraph"), ("x", "flow")],
)
def test_the_name_of_the_output_decides_the_format(
    inferc: Command, plan: Path, tmp_path: Path, name: str, begin: str
) -> None:
    done = inferc("graph", plan, "-o", tmp_path / name)
    assert (done.status, done.out, done.err) == (0, "", f"wrote {tmp_path / name}\n")
    assert (tmp_path / name).read_text("utf-8").startswith(begin)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_svg_is_drawn_by_graphviz(inferc: Command, plan: Path, tmp_path: Path) -> None:
    assert inferc("graph", plan, "-o", tmp_path / "shop.svg").status == 0
    assert ET.parse(tmp_path / "shop.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize(("name", "magic"), [("shop.png", b"\x89PNG"), ("shop.PDF", b"%PDF")])
def test_pictures_for_documents_are_drawn_by_graphviz(
    inferc: Command, plan: Path, tmp_path: Path, name: str, magic: bytes
) -> None:
    assert inferc("graph", plan, "-o", tmp_path / name).status == 0
    assert (tmp_path / name).read_bytes().startswith(magic)


def test_a_name_that_ends_like_no_picture_is_refused(inferc: Command, plan: Path, tmp_path: Path) -> None:
    done = inferc("graph", plan, "-o", tmp_path / "shop.jpg")
    assert done.status == 2
    assert ".png, .pdf, or say --format" in done.err
    assert not (tmp_path / "shop.jpg").exists()


def test_svg_without_graphviz_says_how_to_get_it_and_what_needs_nothing(
    inferc: Command, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = inferc("graph", plan, "-o", tmp_path / "shop.svg")
    assert (done.status, done.out) == (1, "")
    assert "apt-get install graphviz" in done.err
    assert "--format mermaid or --format dot, which need nothing" in done.err
    assert not (tmp_path / "shop.svg").exists()


def test_a_graphviz_that_fails_is_quoted(
    inferc: Command, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dot").write_text("#!/bin/sh\necho 'no layout engine' >&2\nexit 3\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    done = inferc("graph", plan, "--format", "svg")
    assert (done.status, done.out) == (1, "")
    assert done.err == f"error: {tmp_path}/dot failed: no layout engine\n"


def test_a_name_that_is_not_there_is_answered_with_near_ones(inferc: Command, plan: Path) -> None:
    done = inferc("graph", plan, "serach")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "error: no pipeline, route or deployment is called `serach`: did you mean `search`?\n"
    )


def test_a_file_with_an_error_is_not_drawn(inferc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.infer").write_text("deployment a { modle = 1 }")
    done = inferc("graph", tmp_path / "a.infer", "-o", tmp_path / "a.mmd")
    assert (done.status, done.out) == (1, "")
    assert "modle" in done.err
    assert not (tmp_path / "a.mmd").exists()


def test_a_picture_too_large_for_mermaid_comes_with_advice(inferc: Command, tmp_path: Path) -> None:
    endpoint = 'runtime openai { api_key = env("KEY") }'
    names = [f"deployment_with_a_long_name_{number}" for number in range(600)]
    text = "\n".join(f'deployment {name} {{ model = "gpt-4o-mini", {endpoint} }}' for name in names)
    (tmp_path / "a.infer").write_text(text)
    done = inferc("graph", tmp_path / "a.infer")
    assert done.status == 0
    assert done.out.count("remote: gpt-4o-mini") == 600
    assert "--format svg" in done.err
