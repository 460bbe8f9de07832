"""`# infer: allow W0210` turns a finding off where it stands, and nothing else."""

from __future__ import annotations

from ..support.projects import Project, chat
from ..support.rows import each_row

GPT = chat("gpt")


@each_row(
    "text",
    [
        "let spare = 1 # infer: allow W0210",
        "# infer: allow W0210\nlet spare = 1",
        "   # infer: allow W0210   \nlet spare = 1",
        "let spare = 1 # infer: allow N0414, W0210",
        "let spare = 1 # infer:allow W0210,N0414",
        "let spare = 1 # kept for the docs # infer: allow W0210",
        "## Spared. infer: allow\n# infer: allow W0210\nlet spare = 1",
        "let spare = 1 # infer: allow W0210\r",
    ],
)
def test_a_comment_turns_a_warning_off(project: Project, text: str) -> None:
    assert project.codes(f"{text}\n{GPT}") == []


@each_row(
    "text",
    [
        "let spare = 1 # infer: allow W0211",
        "let spare = 1 # allow W0210",
        "let spare = 1 # infer: allow",
        "let spare = 1 # infer: allow w0210",
        "let spare = 1\n# infer: allow W0210",
        "# infer: allow W0210\n\nlet spare = 1",
        "# infer: allow W0210\nlet _other = 1\nlet spare = 1",
        'let spare = "# infer: allow W0210"',
        "let _other = 1 # infer: allow W0210\nlet spare = 1",
    ],
    ids=[
        "another code",
        "another comment",
        "no code",
        "no such code",
        "the line below",
        "two lines above",
        "another declaration",
        "a text",
        "the end of the line above",
    ],
)
def test_a_warning_elsewhere_stays(project: Project, text: str) -> None:
    assert project.codes(f"{text}\n{GPT}") == ["W0210"]


def test_a_note_can_be_turned_off(project: Project) -> None:
    text = 'deployment it {\n  model = "gpt-4-unheard-of" # infer: allow N0415\n'
    text += '  runtime openai { api_key = env("KEY") }\n}\n'
    assert project.codes(text) == []
    assert project.codes(text.replace("N0415", "N0416")) == ["N0415"]


def test_an_error_cannot_be_turned_off(project: Project) -> None:
    assert project.codes(f"let _x = 1s + 1GiB # infer: allow E0307\n{GPT}") == ["E0307"]


def test_only_the_file_that_the_finding_is_in_counts(project: Project) -> None:
    project.write(
        "lib.infer", "gateway { } # infer: allow W0211\ncluster { node a { gpus = 1 } }\nlet x = 1\n"
    )
    text = f'import "lib.infer" as lib\n{chat("gpt", "replicas = lib.x")}'
    assert project.codes(text) == ["W0211"]


def test_each_finding_is_turned_off_for_itself(project: Project) -> None:
    lines = "".join(f"let spare{n} = 1{' # infer: allow W0210' if n % 2 else ''}\n" for n in range(10))
    assert project.codes(lines + GPT) == ["W0210"] * 5
