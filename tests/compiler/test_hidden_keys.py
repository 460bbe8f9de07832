"""Keys that stand in a file are in nothing that is said about it."""

from __future__ import annotations

import pytest

from ..support.projects import Project


@pytest.mark.parametrize(
    "text",
    [
        'import "Bearer {}"\n',
        'deployment a {{ model = "m", runtime openai {{ api_key = Bearer {} }} }}\n',
        'deployment a {{ model = "m", runtime openai {{ api_key = "Bearer {0}" }} }}\nlet {0} = 1\n',
    ],
)
def test_a_key_behind_bearer_is_in_no_word_of_a_finding(project: Project, text: str) -> None:
    key = "abcdefghijklmnop1234"
    found = project.findings(text.format(key))
    assert found
    assert key not in repr(found)
