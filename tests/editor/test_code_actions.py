"""What can be done about a place: fixes, missing fields, and templates made and taken apart."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from inferc.compiler.provenance import values_of
from inferc.editor.features.code_actions import code_actions

from .conftest import Desk, edited


def actions(desk: Desk, marked: str, only: list[str] | None = None) -> dict[str, lsp.CodeAction]:
    view, place = desk.at(marked)
    return {each.title: each for each in code_actions(view, lsp.Range(place, place), only)}


def done(desk: Desk, marked: str, title: str) -> str:
    """The text after an action."""
    action = actions(desk, marked)[title]
    assert action.edit is not None
    assert action.edit.document_changes is not None
    [change] = action.edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    edits = [each for each in change.edits if isinstance(each, lsp.TextEdit)]
    return edited(marked.replace("|", ""), edits)


def effective(desk: Desk, text: str) -> dict[str, dict[str, str]]:
    """The values of all deployments, wherever they come from."""
    program = desk.open(text).checked.program
    assert program is not None
    return {
        deployment.name: {".".join(each.path): each.value for each in values_of(declared, deployment)}
        for declared, deployment in program.deployments
    }


MISTAKES = """\
deployment gpt {
  model = "gpt-4o-mini"
  replica = 2
  runtime openai { api_key = env("KEY"), timeouts { request = 20 } }
}
"""


def test_each_fix_of_a_finding(desk: Desk) -> None:
    text = MISTAKES.replace("repl", "re|pl")
    found = actions(desk, text)
    assert found["Write `replicas`"].is_preferred
    assert found["Write `replicas`"].diagnostics is not None
    assert done(desk, text, "Write `replicas`") == MISTAKES.replace("replica ", "replicas ")


def test_all_safe_fixes_at_once(desk: Desk) -> None:
    text = done(desk, f"|{MISTAKES}{MISTAKES.replace('gpt {', 'two {')}", "Make all 2 safe fixes")
    assert text.count("replicas = 2") == 2
    assert "request = 20 }" in text, "guessing a unit may change a meaning"


def test_only_the_kinds_that_are_asked_for(desk: Desk) -> None:
    text = MISTAKES.replace("runtime", "run|time")
    assert list(actions(desk, text, [lsp.CodeActionKind.Refactor])) == ["Extract `runtime` into a template"]
    assert list(actions(desk, text, [lsp.CodeActionKind.SourceFixAll])) == ["Make the one safe fix"]


@pytest.mark.parametrize(
    ("text", "name", "after"),
    [
        ("deployment a| { }\n", "model", 'deployment a {\n  model = "gpt-4o-mini"\n}\n'),
        (
            'deployment a| { model = "gpt-4o" }\n',
            "api_key",
            'deployment a { model = "gpt-4o", runtime openai { api_key = env("OPENAI_API_KEY") } }\n',
        ),
        (
            'deployment a {\n  model = "claude-sonnet-4-0"\n'
            "  runtime| anthropic {\n    endpoint2 = 1\n  }\n}\n",
            "api_key",
            'deployment a {\n  model = "claude-sonnet-4-0"\n  runtime anthropic {\n    endpoint2 = 1\n'
            '    api_key = env("ANTHROPIC_API_KEY")\n  }\n}\n',
        ),
        (
            'deployment a {\n  model = "x"\n  runtime| openai_compatible {\n  }\n}\n',
            "endpoint",
            'deployment a {\n  model = "x"\n  runtime openai_compatible {\n'
            '    endpoint = "http://127.0.0.1:8000/v1"\n  }\n}\n',
        ),
        (
            'deployment a { model = "gpt-4o", budget| { max_spend_per_hour = $1 } }\n',
            "on_exceeded",
            'deployment a { model = "gpt-4o", budget { max_spend_per_hour = $1, on_exceeded = reject } }\n',
        ),
    ],
)
def test_a_missing_field_is_added_where_it_belongs(desk: Desk, text: str, name: str, after: str) -> None:
    assert done(desk, text, f"Add `{name}`") == after


EXTRACTED = """\
## The one to ask.
deployment gpt from base {
  model = "gpt-4o-mini"
  run|time openai {
    api_key = env("KEY")
    retry { max_retries = 2 }
  }
  replicas = 2
}
template base { replicas = 5 }
"""


def test_a_block_becomes_a_template(desk: Desk) -> None:
    text = done(desk, EXTRACTED, "Extract `runtime` into a template")
    assert text == (
        "template gpt_runtime {\n"
        "  runtime openai {\n"
        '    api_key = env("KEY")\n'
        "    retry { max_retries = 2 }\n"
        "  }\n"
        "}\n"
        "\n"
        "## The one to ask.\n"
        "deployment gpt from base, gpt_runtime {\n"
        '  model = "gpt-4o-mini"\n'
        "  replicas = 2\n"
        "}\n"
        "template base { replicas = 5 }\n"
    )
    assert effective(desk, text) == effective(desk, EXTRACTED.replace("|", ""))


def test_a_block_on_one_line_leaves_no_comma(desk: Desk) -> None:
    text = 'deployment a { model = "gpt-4o", run|time openai { api_key = env("K") }, replicas = 2 }\n'
    after = done(desk, text, "Extract `runtime` into a template")
    assert after.endswith('deployment a from a_runtime { model = "gpt-4o", replicas = 2 }\n')
    assert effective(desk, after) == effective(desk, text.replace("|", ""))


def test_the_name_of_the_new_template_is_free(desk: Desk) -> None:
    text = EXTRACTED + "template gpt_runtime { }\n"
    assert "template gpt_runtime_2 {" in done(desk, text, "Extract `runtime` into a template")


INLINED = """\
template root { replicas = 3 }
template base from root {
  runtime openai {
    api_key = env("KEY")
    retry { max_retries = 3, jitter = full }
  }
  serving { max_concurrent = 3 }
}
deployment gpt from ba|se {
  model = "gpt-4o-mini"
  runtime openai {
    retry { max_retries = 2 }
  }
}
"""


def test_a_template_is_written_into_the_deployment(desk: Desk) -> None:
    text = done(desk, INLINED, "Inline the template `base`")
    assert "deployment gpt from root {\n  serving { max_concurrent = 3 }\n" in text
    assert (
        '    api_key = env("KEY")\n    retry { jitter = full, max_retries = 2 }' in text.partition("gpt")[2]
    )
    assert effective(desk, text) == effective(desk, INLINED.replace("|", ""))


def test_only_the_last_template_can_be_written_in(desk: Desk) -> None:
    base = "template a { replicas = 2 }\ntemplate b { replicas = 3 }\n"
    assert "Inline the template `a`" not in actions(desk, f'{base}deployment d from |a, b {{ model = "m" }}')
    text = f'{base}deployment d from a, |b {{ model = "m" }}'
    assert 'deployment d from a { replicas = 3, model = "m" }' in done(desk, text, "Inline the template `b`")


def test_a_template_of_another_file_that_uses_its_own_names_stays_there(desk: Desk) -> None:
    desk.write("lib.infer", "let x = 2\ntemplate a { replicas = x }\ntemplate b { replicas = 2 }\n")
    head = 'import "lib.infer" as lib\n'
    assert not actions(desk, f"{head}deployment d from lib.|a {{ }}", [lsp.CodeActionKind.RefactorInline])
    found = actions(desk, f"{head}deployment d from lib.|b {{ }}", [lsp.CodeActionKind.RefactorInline])
    assert list(found) == ["Inline the template `b`"]
