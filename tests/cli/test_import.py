"""`inferc import`: a file, its report, and nothing half written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Command

CONFIG = """\
model_list:
  - model_name: chat
    litellm_params: {model: gpt-4o, api_key: os.environ/KEY, timeout: 60}
litellm_settings: {callbacks: [otel]}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG, "utf-8")


def test_what_is_written_passes_and_the_table_tells_what_did_not_come_over(inferc: Command) -> None:
    done = inferc("import", "config.yaml", "-o", "chat.infer")
    assert (done.status, done.out) == (0, "")
    assert "wrote chat.infer; next: inferc check chat.infer" in done.err
    assert "lost        4  litellm_settings.callbacks" in done.err
    assert "3 kept, 1 changed, 1 lost" in done.err
    assert inferc("check", "chat.infer").status == 0
    assert inferc("fmt", "--check", "chat.infer").status == 0


def test_the_report_as_json_lists_settings_and_notes(inferc: Command) -> None:
    done = inferc("import", "config.yaml", "-o", "chat.infer", "--report", "json")
    report = json.loads(done.out)
    assert report["kept"] == [f"model_list[0].{each}" for each in ("model_name", "litellm_params.model")] + [
        "model_list[0].litellm_params.api_key"
    ]
    assert report["changed"] == ["model_list[0].litellm_params.timeout"]
    assert report["lost"] == ["litellm_settings.callbacks"]
    assert [(note["line"], note["outcome"]) for note in report["notes"]] == [(3, "changed"), (4, "lost")]


def test_without_a_name_it_goes_to_standard_output(inferc: Command) -> None:
    done = inferc("import", "config.yaml", "--report", "none")
    assert done.out.startswith("# Imported from config.yaml, a file of LiteLLM.\n")
    assert done.err == ""


def test_a_file_that_cannot_be_read_leaves_what_was_there(inferc: Command) -> None:
    Path("chat.infer").write_text("# mine\n", "utf-8")
    Path("broken.yaml").write_text("a: [\n", "utf-8")
    done = inferc("import", "broken.yaml", "-o", "chat.infer")
    assert done.status == 1
    assert done.err.startswith("error: broken.yaml:2: this is no YAML")
    assert Path("chat.infer").read_text("utf-8") == "# mine\n"
    assert (
        inferc("import", "nowhere.yaml").err
        == "error: nowhere.yaml: it cannot be read: there is no such file\n"
    )


def test_a_misspelt_file_is_answered_with_the_one_beside_it(inferc: Command) -> None:
    Path("config.yaml").write_text("model_list: []\n", "utf-8")
    assert inferc("import", "confg.yaml").err.endswith("no such file; did you mean config.yaml?\n")


def test_the_file_that_is_read_is_never_the_one_that_is_written(inferc: Command) -> None:
    done = inferc("import", "config.yaml", "-o", "./config.yaml")
    assert done.status == 1
    assert "is the file that is read" in done.err
    assert Path("config.yaml").read_text("utf-8") == CONFIG
