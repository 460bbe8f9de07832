"""Diagnostics as programs read them: JSON, SARIF, and annotations for GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from inferc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity
from inferc.dsl.render import OutputFormat, render
from inferc.dsl.source import Source, Span

from ..support.rows import each_row

SARIF_SCHEMA = Path(__file__).parent / "data" / "sarif-2.1.0-rtm.5.json"

MAIN = Source("configs/main.infer", 'model = "日本"\r\nmodel = 2\n')
OTHER = Source("a b/ü:1,%.infer", "let x = 1\n")

GIVEN_TWICE = Diagnostic(
    "E0302",
    Severity.ERROR,
    "`model` is given twice: 100%",
    Label(Span(MAIN, 14, 19), "again, here"),
    (Label(Span(MAIN, 0, 5), "first here"), Label(Span(OTHER, 4, 5))),
    ("a note\nof two lines",),
    ("keep one",),
    (
        Fix("remove it", (Edit(Span(MAIN, 14, 24), ""), Edit(Span(OTHER, 4, 5), "y"))),
        Fix("think about it", (), safe=False),
    ),
)
OVER_LINES = Diagnostic("W0301", Severity.WARNING, "unused", Label(Span(MAIN, 8, 19)))
EVERYWHERE = Diagnostic("N0001", Severity.NOTE, "no source")
ALL = [GIVEN_TWICE, OVER_LINES, EVERYWHERE]


def point(line: int, column: int, offset: int) -> dict[str, int]:
    return {"line": line, "column": column, "offset": offset}


def test_json_says_everything_in_a_fixed_order() -> None:
    text = render([GIVEN_TWICE], OutputFormat.JSON)
    again = {"start": point(2, 1, 14), "end": point(2, 6, 19)}
    first = {"start": point(1, 1, 0), "end": point(1, 6, 5)}
    other = {"start": point(1, 5, 4), "end": point(1, 6, 5)}
    removed = {"start": point(2, 1, 14), "end": point(3, 1, 24)}
    expected = {
        "schema": "inferc.diagnostics/1",
        "diagnostics": [
            {
                "code": "E0302",
                "severity": "error",
                "message": "`model` is given twice: 100%",
                "file": "configs/main.infer",
                "range": again,
                "label": "again, here",
                "labels": [
                    {"file": "configs/main.infer", "range": first, "text": "first here"},
                    {"file": "a b/ü:1,%.infer", "range": other, "text": ""},
                ],
                "notes": ["a note\nof two lines"],
                "help": ["keep one"],
                "fixes": [
                    {
                        "title": "remove it",
                        "safe": True,
                        "edits": [
                            {"file": "configs/main.infer", "range": removed, "replacement": ""},
                            {"file": "a b/ü:1,%.infer", "range": other, "replacement": "y"},
                        ],
                    },
                    {"title": "think about it", "safe": False, "edits": []},
                ],
            }
        ],
        "summary": {"errors": 1, "warnings": 0, "notes": 0},
    }
    assert text == json.dumps(expected, ensure_ascii=False, indent=2) + "\n"


def test_json_without_a_source_has_no_file_and_no_range() -> None:
    (found,) = json.loads(render([EVERYWHERE], OutputFormat.JSON))["diagnostics"]
    assert (found["file"], found["range"]) == (None, None)


def test_json_of_nothing_is_an_empty_document() -> None:
    assert json.loads(render([], OutputFormat.JSON)) == {
        "schema": "inferc.diagnostics/1",
        "diagnostics": [],
        "summary": {"errors": 0, "warnings": 0, "notes": 0},
    }


def sarif_run(diagnostics: list[Diagnostic]) -> Any:
    return json.loads(render(diagnostics, OutputFormat.SARIF))["runs"][0]


@each_row("diagnostics", [[], ALL], ids=["nothing", "everything"])
def test_sarif_is_valid_against_its_schema(diagnostics: list[Diagnostic]) -> None:
    schema = json.loads(SARIF_SCHEMA.read_text())
    jsonschema.Draft4Validator(schema).validate(json.loads(render(diagnostics, OutputFormat.SARIF)))


def test_sarif_lists_each_code_once_and_points_to_it() -> None:
    run = sarif_run([*ALL, OVER_LINES])
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E0302", "N0001", "W0301"]
    assert [(item["ruleId"], item["ruleIndex"]) for item in run["results"]] == [
        ("E0302", 0),
        ("W0301", 2),
        ("N0001", 1),
        ("W0301", 2),
    ]
    assert [item["level"] for item in run["results"]] == ["error", "warning", "note", "warning"]


def test_sarif_places_are_lines_columns_and_characters() -> None:
    run = sarif_run([OVER_LINES, EVERYWHERE])
    assert run["columnKind"] == "unicodeCodePoints"
    over_lines, everywhere = run["results"]
    assert over_lines["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "configs/main.infer", "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": 1,
            "startColumn": 9,
            "endLine": 2,
            "endColumn": 6,
            "charOffset": 8,
            "charLength": 11,
        },
    }
    assert everywhere["locations"] == []


def test_sarif_tells_secondary_places_and_what_is_seen_there() -> None:
    (result,) = sarif_run([GIVEN_TWICE])["results"]
    first, other = result["relatedLocations"]
    assert first["message"] == {"text": "first here"}
    assert "message" not in other
    assert result["message"]["text"].splitlines()[1:] == [
        "note: a note",
        "of two lines",
        "help: keep one",
        "help: think about it",
    ]


def test_sarif_fixes_are_changes_of_files() -> None:
    (result,) = sarif_run([GIVEN_TWICE])["results"]
    (fix,) = result["fixes"]
    main, other = fix["artifactChanges"]
    assert main["artifactLocation"]["uri"] == "configs/main.infer"
    assert main["replacements"][0]["deletedRegion"]["charLength"] == 10
    assert main["replacements"][0]["insertedContent"] == {"text": ""}
    assert other["replacements"][0]["insertedContent"] == {"text": "y"}


@each_row(
    ("name", "uri"),
    [
        ("a b/ü:1,%.infer", "a%20b/%C3%BC%3A1%2C%25.infer"),
        ("<stdin>", "%3Cstdin%3E"),
        ("../up.infer", "../up.infer"),
        ("/abs/x.infer", "file:///abs/x.infer"),
        ("not-utf8-\udcff.infer", "not-utf8-%FF.infer"),
    ],
)
def test_sarif_names_files_by_uri(name: str, uri: str) -> None:
    label = Label(Span(Source(name, ""), 0, 0))
    (result,) = sarif_run([Diagnostic("E1", Severity.ERROR, "m", label)])["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_github_gets_one_escaped_command_for_each() -> None:
    escaped = Diagnostic("E1", Severity.ERROR, "m", Label(Span(OTHER, 4, 5)))
    assert render([*ALL, escaped], OutputFormat.GITHUB).splitlines() == [
        "::error file=configs/main.infer,line=2,endLine=2,col=1,endColumn=6,title=E0302"
        "::`model` is given twice: 100%25%0Aagain, here%0Aconfigs/main.infer:1:1: first here"
        "%0Anote: a note%0Aof two lines%0Ahelp: keep one%0Ahelp: remove it%0Ahelp: think about it",
        "::warning file=configs/main.infer,line=1,endLine=2,title=W0301::unused",
        "::notice title=N0001::no source",
        "::error file=a b/ü%3A1%2C%25.infer,line=1,endLine=1,col=5,endColumn=6,title=E1::m",
    ]


def test_github_of_nothing_is_nothing() -> None:
    assert render([], OutputFormat.GITHUB) == ""
