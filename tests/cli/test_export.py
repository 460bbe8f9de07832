"""`inferc export`: files for other systems, and what those cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support import onnx_models as models
from .conftest import Command

FILE = """\
deployment chat {
  model = "gpt-4o"
  runtime openai { api_key = env("KEY"), retry { jitter = full } }
}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chat.infer").write_text(FILE, "utf-8")


def test_one_file_is_printed_or_written_and_losses_are_said(inferc: Command) -> None:
    done = inferc("export", "chat.infer", "--to", "litellm")
    assert "  - model_name: chat\n" in done.out or "- model_name: chat\n" in done.out
    assert done.err == "lost  chat.retry.jitter: there is no word for it\n"
    written = inferc("export", "chat.infer", "--to", "atomr", "-o", "front.toml")
    assert (written.status, written.err) == (0, "wrote front.toml\n")
    assert 'name = "chat"' in Path("front.toml").read_text("utf-8")
    assert inferc("import", "front.toml", "-o", "back.infer").status == 0


def test_models_of_triton_have_a_folder_each(inferc: Command, tmp_path: Path) -> None:
    models.save(models.digits(), tmp_path / "digits.onnx")
    both = "".join(f'deployment {name} {{ model = "digits.onnx" }}\n' for name in ("a", "b"))
    Path("models.infer").write_text(both, "utf-8")
    refused = inferc("export", "models.infer", "--to", "triton")
    assert (refused.status, refused.err) == (2, "error: these are 2 files: name a folder with -o\n")
    assert inferc("export", "models.infer", "--to", "triton", "-o", "repository/").status == 0
    assert 'name: "b"' in Path("repository/b/config.pbtxt").read_text("utf-8")


def test_a_file_with_mistakes_or_nothing_to_write_is_an_error(inferc: Command) -> None:
    Path("wrong.infer").write_text("deployment a { modl = 1 }\n", "utf-8")
    assert "E0204" in inferc("export", "wrong.infer", "--to", "litellm").err
    nothing = inferc("export", "chat.infer", "--to", "triton")
    assert nothing.status == 1
    assert "nothing in chat.infer can be written for triton" in nothing.err
