"""What stands in another file: found, read once, and blamed where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferc.compiler.plan import RemotePoolPlan, SecretRef
from inferc.dsl.diagnostics import Severity

from ..support.projects import Project, chat, place
from ..support.rows import each_row

SHARED = """\
let replicas = 3
let patience = 20s
param region: text = "us-east-1"
template careful { runtime openai { retry { max_retries = 5, max_backoff = patience } } }
deployment reserve { model = "gpt-4o", runtime openai { api_key = env("KEY") } }
route spare = fallback [reserve]
"""

EVERY_LINE_END = ["\n", "\r\n"]


@pytest.fixture(autouse=True)
def _shared_file(project: Project) -> None:
    project.write("shared.infer", SHARED)


def only_own(project: Project, text: str) -> RemotePoolPlan:
    """The plan of the deployment `own`."""
    plan = project.deployments(text)["own"]
    assert isinstance(plan, RemotePoolPlan)
    return plan


@each_row(
    ("line", "prefix"),
    [
        ('import "shared.infer" as shared', "shared."),
        ('import { replicas, careful, patience } from "shared.infer"', ""),
    ],
    ids=["through an alias", "by name"],
)
def test_values_and_templates_come_from_another_file(project: Project, line: str, prefix: str) -> None:
    extra = f"replicas = {prefix}replicas * 2, runtime openai {{ timeouts {{ request = {prefix}patience }} }}"
    text = f'{line}\ndeployment own from {prefix}careful {{ model = "gpt-4o"\n {extra} }}'
    text = text.replace("timeouts", 'api_key = env("KEY"), timeouts')
    plan = only_own(project, text)
    assert len(plan.replicas) == 6
    assert str(plan.timeouts.request) == "20s"
    assert (plan.retry.max_retries, str(plan.retry.max_backoff)) == (5, "20s")


def test_an_imported_value_stands_inside_a_text(project: Project) -> None:
    text = f"""\
import "shared.infer" as shared
import {{ region }} from "shared.infer"
{chat("own", 'runtime openai { endpoint = "https://${shared.region}.example.com/${region}" }')}"""
    assert project.codes(text) == ["E0203"]
    plan = only_own(
        project,
        text.replace('{ api_key = env("KEY") } runtime openai {', '{ api_key = env("KEY"),'),
    )
    assert plan.endpoint == "https://us-east-1.example.com/us-east-1"


def test_set_reaches_the_parameters_of_imported_files(project: Project) -> None:
    project.write("between.infer", 'import "shared.infer" as shared\nlet url = "https://${shared.region}"')
    text = f'import "between.infer" as between\n{chat("own")}'.replace(
        'env("KEY")', 'env("KEY"), endpoint = between.url'
    )
    plan = project.deployments(text, settings={"region": "eu-west-1"})["own"]
    assert isinstance(plan, RemotePoolPlan)
    assert plan.endpoint == "https://eu-west-1"


@each_row(
    ("line", "target"),
    [
        ('import "shared.infer" as shared', "shared.reserve"),
        ('import { reserve } from "shared.infer"', "reserve"),
        ('import { reserve } from "shared.infer"', '"reserve"'),
    ],
)
def test_a_deployment_of_another_file_takes_over(project: Project, line: str, target: str) -> None:
    text = f"{line}\n{chat('own', f'serving {{ on_capacity_exhausted = fallback({target}) }}')}"
    plans = project.deployments(text)
    assert plans["own"].serving.on_capacity_exhausted.target == "reserve"
    assert "reserve" in plans


def test_routes_name_deployments_and_routes_of_other_files(project: Project) -> None:
    text = f"""\
import "shared.infer" as shared
import {{ reserve }} from "shared.infer"
{chat("own")}
route one = fallback [own, shared.reserve, shared.spare]
route two = balance [own, reserve] by least_busy
route three = split {{ own: 50%, shared.reserve: 50% }}
"""
    assert project.findings(text) == []


@each_row(
    ("text", "where", "message"),
    [
        ('import "shared.infer" as s\nlet _x = s.replica', "main.infer:2:12", "declares no `replica`"),
        (
            'import "shared.infer" as s\nlet _x = "${s.replica}"',
            "main.infer:2:13",
            "no value `s.replica`",
        ),
        ('import { replica } from "shared.infer"\nlet _x = replica', "main.infer:1:10", "declares no"),
        (
            'import "shared.infer" as shared\nlet _x = sharde.replicas',
            "main.infer:2:10",
            "`sharde` is no imported file",
        ),
        ('import "shared.infer" as s\ntemplate _t from s.carefull { }', "main.infer:2:18", "s.carefull"),
        ('import "shared.infer" as s\nroute _r = fallback [s.reserv]', "main.infer:2:22", "s.reserv"),
    ],
)
def test_a_name_that_the_other_file_does_not_have_is_an_error_with_the_one_meant(
    project: Project, text: str, where: str, message: str
) -> None:
    [item] = [item for item in project.findings(text) if item.severity is Severity.ERROR]
    assert (item.code, place(item)) == ("E0201", where)
    assert message in item.message
    assert "did you mean" in "".join(item.help)


def test_an_import_that_nothing_uses_is_a_warning(project: Project) -> None:
    text = f'import "shared.infer" as s\nimport {{ patience, careful }} from "shared.infer"\n{chat("own")}'
    found = project.findings(text)
    assert [item.code for item in found] == ["W0210"] * 3
    assert [item.message for item in found] == [
        "the import `s` is never used",
        "the imported name `patience` is never used",
        "the imported name `careful` is never used",
    ]


# ---- names that clash


@each_row(
    ("text", "name"),
    [
        ('import "shared.infer" as own\n' + chat("own"), "own"),
        ('import { patience } from "shared.infer"\nlet patience = 1s\n', "patience"),
        ('import { patience, patience } from "shared.infer"\nlet _x = patience\n', "patience"),
    ],
)
def test_an_imported_name_that_is_there_already_is_an_error_that_shows_both(
    project: Project, text: str, name: str
) -> None:
    [item] = [item for item in project.findings(text) if item.code == "E0202"]
    assert f"`{name}`" in item.message
    assert len(item.secondary) == 1


def test_one_name_for_deployments_of_two_files_is_an_error_that_shows_both(project: Project) -> None:
    text = f'import "shared.infer" as shared\nlet _x = shared.replicas\n{chat("reserve")}'
    [item] = project.findings(text)
    assert item.code == "E0202"
    assert place(item) == "shared.infer:5:12"
    assert item.secondary[0].span.source.name == "main.infer"


def test_templates_and_values_of_two_files_may_have_one_name(project: Project) -> None:
    text = f"""\
import "shared.infer" as shared
let replicas = 1 + shared.replicas
template careful from shared.careful {{ replicas = replicas }}
{chat("own", bases="careful")}"""
    plan = only_own(project, text)
    assert (len(plan.replicas), plan.retry.max_retries) == (4, 5)


# ---- circles and diamonds


def test_files_that_import_each_other_are_an_error_that_prints_the_circle(project: Project) -> None:
    project.write("a.infer", 'import "b.infer" as b\n' + chat("one"))
    project.write("b.infer", 'import "sub/c.infer" as c\n')
    project.write("sub/c.infer", 'import "../a.infer" as a\n')
    [item] = [item for item in project.findings(name="a.infer") if item.is_error]
    assert (item.code, place(item)) == ("E0207", "sub/c.infer:1:8")
    assert item.notes == ("a.infer → b.infer → sub/c.infer → a.infer",)


def test_a_file_that_imports_itself_is_a_circle(project: Project) -> None:
    [item] = [item for item in project.findings('import "main.infer" as me\n' + chat("a")) if item.is_error]
    assert item.code == "E0207"
    assert item.notes == ("main.infer → main.infer",)


def test_the_top_of_a_diamond_is_read_once(project: Project) -> None:
    for side in ("left", "right"):
        project.write(f"{side}.infer", f'import "top.infer" as top\nlet {side} = top.value')
    project.write("top.infer", "let value = 1\n")
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return path.read_text("utf-8")

    text = 'import "left.infer" as l\nimport "./right.infer" as r\nlet _both = l.left + r.right\n'
    assert project.findings(text, read=counted) == []
    assert sorted(read) == ["left.infer", "right.infer", "top.infer"]


def test_a_mistake_in_a_shared_file_is_reported_there_and_once(project: Project) -> None:
    for side in ("left", "right"):
        project.write(
            f"{side}.infer",
            f'import "top.infer" as top\ntemplate {side} from top.base {{ }}\nlet {side}_value = top.value',
        )
    project.write("top.infer", "let value = 1s + 1GiB\ntemplate base { serving { max_concurent = 3 } }\n")
    text = f"""\
import "left.infer" as l
import "right.infer" as r
let _both = l.left_value + r.right_value
{chat("one", bases="l.left, r.right")}{chat("two", bases="r.right")}"""
    found = project.findings(text)
    assert [(item.code, place(item)) for item in found] == [
        ("E0307", "top.infer:1:16"),
        ("E0204", "top.infer:2:27"),
    ]


def test_a_row_of_more_than_a_hundred_files_is_refused_without_a_crash(project: Project) -> None:
    for number in range(300):
        project.write(
            f"{number}.infer", f'import "{number + 1}.infer" as next\ntemplate t from next.t {{ }}\n'
        )
    project.write("300.infer", "template t { }\n")
    found = project.findings('import "0.infer" as first\n' + chat("own", bases="first.t"))
    assert [item.code for item in found if item.is_error] == ["E0206"]
    assert "100 files deep" in found[0].message


# ---- files that cannot be read


@pytest.mark.parametrize("written", ["shared/polices.infer", "shared/policies"])
def test_an_import_of_no_file_is_answered_with_the_one_that_is_there(project: Project, written: str) -> None:
    project.write("shared/policies.infer", "let burst = 4\n")
    [item] = project.findings(f'import "{written}" as policies\n')
    assert [fix.title for fix in item.fixes] == ['write `"shared/policies.infer"`']


def test_an_import_of_an_address_says_that_nothing_is_fetched(project: Project) -> None:
    [item] = project.findings('import "https://example.com/policies.infer" as policies\n')
    assert item.help == ("an import names a file of this project: nothing is fetched when a file is checked",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.infer", "there is no such file"),
        ("folder", "it is a directory"),
        ("latin.infer", "it is not UTF-8 text (byte 9)"),
        ("x" * 5000, "file name too long"),
        ("a\\0b.infer", "embedded null"),
        ("shared.infer/x.infer", "not a directory"),
    ],
    ids=["missing", "folder", "latin", "long", "nul", "below a file"],
)
def test_a_file_that_cannot_be_read_is_said_at_the_import_and_nowhere_else(
    project: Project, name: str, says: str
) -> None:
    (project.folder / "folder").mkdir()
    project.write("latin.infer", b'let x = "\xe9t\xe9"\n')
    text = f"""\
import "{name}" as other
import {{ careful, limit }} from "{name}"
{chat("own", "replicas = other.count, serving { max_concurrent = limit }", "careful, other.base")}
let _x = "${{other.region}} ${{limit}}"
route _r = fallback [own, other.reserve]
"""
    found = project.findings(text)
    assert [(item.code, place(item)) for item in found] == [
        ("E0206", "main.infer:1:8"),
        ("E0206", "main.infer:2:32"),
    ]
    assert says in found[0].message


def test_a_path_with_a_name_in_it_is_an_error(project: Project) -> None:
    assert project.codes('param x: text = "a"\nimport "${x}.infer" as y\n' + chat("own"))[0] == "E0206"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", EVERY_LINE_END, ids=["lf", "crlf"])
def test_how_an_imported_file_was_saved_does_not_matter(project: Project, mark: bytes, end: str) -> None:
    project.write("shared.infer", mark + SHARED.replace("\n", end).encode())
    text = f'import "shared.infer" as s\n{chat("own", "replicas = s.replicas", "s.careful")}'
    assert len(only_own(project, text).replicas) == 3
    assert place(project.findings(text + "let _x = s.regio\n")[0]) == "main.infer:3:12"


@pytest.mark.parametrize("end", EVERY_LINE_END, ids=["lf", "crlf"])
def test_places_in_a_file_with_a_byte_order_mark_are_those_that_an_editor_shows(
    project: Project, end: str
) -> None:
    project.write("odd.infer", b"\xef\xbb\xbf" + f"let a = 1{end}let b = 1s + 2{end}".encode())
    [item] = [item for item in project.findings(name="odd.infer") if item.is_error]
    assert place(item) == "odd.infer:2:12"


# ---- unsaved text, and paths


def test_text_that_is_not_saved_yet_counts_instead_of_the_file(project: Project) -> None:
    def unsaved(path: Path) -> str:
        return SHARED.replace("replicas = 3", "replicas = 7")

    text = f'import "shared.infer" as s\n{chat("own", "replicas = s.replicas")}'
    assert len(project.deployments(text, read=unsaved)["own"].replicas) == 7
    assert len(project.deployments(text)["own"].replicas) == 3


def test_paths_count_from_the_file_that_says_them(project: Project) -> None:
    library = """\
template local { model = "model.onnx", task embed { tokenizer = "tokenizer.json" } }
template remote { runtime openai { api_key = file("keys/openai") } }
let model = "model.onnx"
"""
    project.write("lib/library.infer", library)
    project.write("lib/tokenizer.json", "{}")
    text = """\
import "lib/library.infer" as lib
deployment far from lib.local { }
deployment near from lib.local { model = lib.model }
deployment gpt from lib.remote { model = "gpt-4o-mini" }
"""
    found = [item for item in project.findings(text) if item.code == "E0501"]
    assert [(place(item), item.help[-1]) for item in found] == [
        ("lib/library.infer:1:26", _means(project.folder / "lib" / "model.onnx")),
        ("main.infer:3:42", _means(project.folder / "model.onnx")),
    ]


def _means(path: Path) -> str:
    return f"paths are relative to the file that says them: this is `{path}`"


def test_a_secret_file_counts_from_the_file_that_names_it_and_is_written_from_the_plan(
    project: Project,
) -> None:
    project.write("lib/remote.infer", 'template remote { runtime openai { api_key = file("keys/openai") } }')
    text = 'import "lib/remote.infer" as lib\ndeployment gpt from lib.remote { model = "gpt-4o-mini" }'
    assert project.remote(text).api_key == (SecretRef.file("lib/keys/openai"),)
    assert project.remote(text, base="plans").api_key == (SecretRef.file("../lib/keys/openai"),)
    absolute = text.replace("from lib.remote {", 'from lib.remote { runtime openai { api_key = file("/k") }')
    assert project.remote(absolute).api_key == (SecretRef.file("/k"),)


def test_the_gateway_and_the_cluster_of_an_imported_file_do_not_count(project: Project) -> None:
    project.write("other.infer", 'gateway { bind = "0.0.0.0:1" }\ncluster { node a { gpus = 1 } }\nlet x = 1')
    text = f'import "other.infer" as other\n{chat("own", "replicas = other.x")}'
    assert project.codes(text) == ["W0211", "W0211"]
    assert project.plan(text).gateway.port == 8080


# ---- what may be imported


def test_only_files_of_the_language_are_imported(project: Project) -> None:
    project.write("values.txt", "let patience = 20s\n")
    (project.folder / "linked.infer").symlink_to("values.txt")
    (project.folder / "to_source.infer").symlink_to("shared.infer")
    for name, why in (
        ("values.txt", "only `.infer` files are imported"),
        ("linked.infer", "it is a link to another kind of file"),
    ):
        [item] = project.findings(f'import "{name}" as s\nlet _x = s.patience\n{chat("own")}')
        assert (item.code, item.message) == ("E0206", f"cannot import `{name}`: {why}")
    assert project.findings(f'import "to_source.infer" as s\nlet _x = s.patience\n{chat("own")}') == []


def test_what_stands_in_no_working_copy_may_lie_beside_its_folder(project: Project) -> None:
    text = f'import "%s" as s\nlet _x = s.patience\n{chat("own")}'
    (project.folder / "inner").mkdir()
    assert project.codes(text % "../shared.infer", "inner/main.infer") == []
    assert project.codes(text % (project.folder / "shared.infer"), "inner/main.infer") == ["E0212"]
    assert project.codes(text % (project.folder / "shared.infer"), "main.infer") == []
    (project.folder / ".git").mkdir()
    assert project.codes(text % (project.folder / "shared.infer"), "inner/main.infer") == []
    assert project.codes(text % "../../shared.infer", "inner/main.infer") == ["E0212"]
