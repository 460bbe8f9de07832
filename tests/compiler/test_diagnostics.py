"""What users read: for each code a file with mistakes, and beside it all that is said about it.

`pytest tests/compiler/test_diagnostics.py --record` writes the `.txt` files anew. Look at the diff as
somebody would who sees the message for the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from inferc.compiler.compile import check_file
from inferc.dsl.codes import known_codes
from inferc.dsl.diagnostics import Diagnostic
from inferc.dsl.render import OutputFormat, render

from ..support.rows import each_row

CORPUS = Path(__file__).parent / "golden_diagnostics"
CODES = sorted(path.stem for path in CORPUS.glob("*.infer"))

NEED_MORE_THAN_A_FILE = {"E0001", "E0110", "E0212", "E0315", "E0512", "E0710", "E0711", "E0712"}
"""Codes that have a test of their own at the end, or in `tests/cli/test_test.py`."""

COMPANIONS = {"N0414": {"E0305"}, "E0616": {"W0445"}}
"""Codes that cannot but stand beside another: a guessed runtime has no endpoint, and a model that can do
nothing of all that is old."""

Golden = Callable[[str | Path], Callable[[str], None]]


@pytest.fixture(autouse=True)
def _in_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in messages start at the corpus, wherever it is."""
    monkeypatch.chdir(CORPUS)


@cache
def findings(code: str) -> tuple[Diagnostic, ...]:
    name = f"{code}.infer"
    return check_file(name, Path(name)).diagnostics


def shown(diagnostics: Iterable[Diagnostic]) -> str:
    return render(list(diagnostics), OutputFormat.TERMINAL, width=100)


def test_every_code_is_covered() -> None:
    assert set(CODES) | NEED_MORE_THAN_A_FILE == set(known_codes())


@each_row("code", CODES)
def test_the_message_is_the_one_that_was_reviewed(code: str, golden: Golden) -> None:
    golden(CORPUS / f"{code}.txt")(shown(findings(code)))


@each_row("code", CODES)
def test_a_mistake_is_said_once_and_leads_to_no_others(code: str) -> None:
    found = findings(code)
    assert {item.code for item in found} == {code} | COMPANIONS.get(code, set())
    places = [(item.primary.span.start, item.message) for item in found if item.primary is not None]
    assert len(places) == len(set(places))


def test_a_fix_is_not_repeated_as_help() -> None:
    for item in (item for code in CODES for item in findings(code)):
        titles = {fix.title for fix in item.fixes}
        assert titles.isdisjoint(item.help), item.code
        assert not (titles and any(text.startswith("did you mean") for text in item.help)), item.code


def test_a_file_that_is_not_there_is_said_without_an_excerpt(golden: Golden) -> None:
    checked = check_file("prodution.infer", Path("prodution.infer"))
    assert checked.program is None
    golden(CORPUS / "E0001.txt")(shown(checked.diagnostics))


def test_a_file_that_is_something_else_is_given_up(golden: Golden) -> None:
    text = "deployment chat {\n" + "".join(f"  replica{number}: {number}\n" for number in range(2000)) + "}\n"
    checked = check_file("main.infer", Path("main.infer"), text=text)
    [given_up] = [item for item in checked.diagnostics if item.code == "E0110"]
    golden(CORPUS / "E0110.txt")(shown([given_up]))


def test_a_setting_for_a_parameter_that_is_not_there(golden: Golden) -> None:
    text = (
        'param region: text = "eu-west-1"\ndeployment chat { model = "models/minilm.onnx", runtime = ort }\n'
    )
    checked = check_file("main.infer", Path("main.infer"), text=text, settings={"regoin": "us-east-1"})
    [unknown] = [item for item in checked.diagnostics if item.code == "E0315"]
    golden(CORPUS / "E0315.txt")(shown([unknown]))


def test_an_import_that_leaves_the_project(golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "shared.infer").write_text("let patience = 20s\n")
    (tmp_path / "project" / "linked.infer").symlink_to("../shared.infer")
    file = tmp_path / "project" / "main.infer"
    text = 'import "../shared.infer" as shared\nimport "linked.infer" as linked\n' + (
        'deployment chat {\n  model = "gpt-4o-mini"\n'
        '  runtime openai {\n    api_key = env("K")\n'
        "    timeouts { request = linked.patience, read = shared.patience }\n  }\n}\n"
    )
    checked = check_file(str(file), file, text=text)
    assert [item.code for item in checked.diagnostics] == ["E0212"]
    golden(CORPUS / "E0212.txt")(shown(checked.diagnostics).replace(str(tmp_path), "/home/me"))


def test_a_model_outside_of_the_project(golden: Golden, tmp_path: Path) -> None:
    for folder in ("project/.git", "project/deploy"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("minilm.onnx", "tokenizer.json"):
        (tmp_path / name).symlink_to(CORPUS / "models" / name)
    text = (
        "deployment embedder {\n"
        '  model = "../../minilm.onnx"\n'
        '  task embed { tokenizer = "../../tokenizer.json" }\n'
        "}\n"
    )
    file = tmp_path / "project" / "deploy" / "main.infer"
    checked = check_file(str(file), file, text=text)
    assert [item.code for item in checked.diagnostics] == ["E0512", "E0512"]
    golden(CORPUS / "E0512.txt")(shown(checked.diagnostics).replace(str(tmp_path), "/home/me"))
