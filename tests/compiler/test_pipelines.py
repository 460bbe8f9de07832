"""Pipelines and routes: what they compile to, and what is said about their names, steps and arms."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from onnx import TensorProto

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.pipelines.typed import FieldOf, StepValue
from inferc.compiler.plan import (
    CallNode,
    ConstantNode,
    DType,
    MapNode,
    MatchNode,
    NodeKind,
    PipelinePlan,
    TaskKind,
    TensorType,
    dump_plan,
    load_plan,
)
from inferc.dsl.render import OutputFormat, render

from ..support.commands import ROOT
from ..support.onnx_models import Value, model, save
from ..support.projects import Project, chat
from ..support.rows import each_row

Golden = Callable[[str | Path], Callable[[str], None]]
DATA = ROOT / "tests" / "dsl" / "data"
EVERYTHING = (DATA / "pipelines.infer").read_text("utf-8")
INTENT = (
    'type Verdict = { label: "refund" | "other", confidence: float }\n'
    'extern intent(message: text) -> Verdict = python("shop.intents:classify")\n'
)
GPT = chat("gpt")


def pipeline(project: Project, text: str, name: str = "p") -> PipelinePlan:
    """The plan of one pipeline in `text`."""
    return next(each for each in project.plan(text).pipelines if each.pipeline == name)


def shape(plan: PipelinePlan) -> list[tuple[str, str, str]]:
    return [(node.kind.value, node.name, node.block) for node in plan.nodes]


def floats(name: str, *shape: int | str) -> Value:
    return name, TensorProto.FLOAT, shape


# ---- plans


def test_everything_is_lowered_as_it_was_reviewed(project: Project, golden: Golden) -> None:
    plan = evolve(project.plan(EVERYTHING), compiler="", deployments=())
    golden(Path(__file__).parent / "golden_plans" / "pipelines.json")(dump_plan(plan))


def test_a_plan_with_pipelines_is_read_back_as_it_was_written(project: Project) -> None:
    plan = project.plan(EVERYTHING)
    path = project.write("m.plan.json", dump_plan(plan))
    assert load_plan(path) == plan


@each_row("name", ["reply", "judge", "numbers", "both", "search"])
def test_a_node_stands_behind_all_that_it_takes_and_blocks_before_their_nodes(
    name: str, project: Project
) -> None:
    plan = pipeline(project, EVERYTHING, name)
    written = json.loads(dump_plan(project.plan(EVERYTHING)))
    nodes = next(each["nodes"] for each in written["pipelines"] if each["pipeline"] == name)
    known = {parameter.name for parameter in plan.parameters}
    variables = {node.variable for node in plan.nodes if isinstance(node, MapNode)}
    for node in nodes:
        taken = set(_names_in(node)) & {each["name"] for each in nodes}
        assert taken <= known
        known.add(node["name"])
    assert len(known) == len(plan.parameters) + len(nodes)
    assert not variables & known
    assert plan.output in known


def _names_in(node: dict[str, Any]) -> list[str]:
    """The texts in the keys of a node that name other nodes."""
    keys = ("of", "operands", "items", "values", "variables", "arguments", "named", "subject", "condition")
    blocks = ("then", "otherwise", "first", "each", "over")
    found: list[str] = []
    for key in (*keys, *blocks):
        value = node.get(key, ())
        found += [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else value
    found += [arm["block"] for arm in node.get("arms", ())]
    return found + list(node.get("fields", {}).values() if node["kind"] == "record" else ())


def test_steps_are_in_the_order_in_which_they_need_each_other(project: Project) -> None:
    text = GPT + "pipeline p(x: text) -> text {\n return c\n c = gpt(b)\n b = gpt(a)\n a = gpt(x)\n}\n"
    assert [node.name for node in pipeline(project, text).nodes] == ["a", "b", "c"]


def test_pipelines_stand_behind_those_that_they_call(project: Project) -> None:
    text = (
        "pipeline a(x: text) -> text { return b(x) + c(x) }\n"
        "pipeline b(x: text) -> text { return c(x) }\n"
        "pipeline c(x: text) -> text { return x }\n"
    )
    assert [each.pipeline for each in project.plan(text).pipelines] == ["c", "b", "a"]


def test_an_arm_that_gives_an_outer_value_has_its_name_and_no_nodes(project: Project) -> None:
    text = (
        INTENT + "pipeline p(x: text) -> text {\n v = intent(x)\n"
        ' return match v.label { "refund" => x, _ => "no" }\n}\n'
    )
    plan = pipeline(project, text)
    [match] = [node for node in plan.nodes if isinstance(node, MatchNode)]
    assert [arm.block for arm in match.arms] == ["x", "return.2"]
    assert [node.name for node in plan.nodes if node.block] == ["return.2"]
    assert plan.output == "return"


def test_a_step_that_is_another_one_needs_no_node(project: Project) -> None:
    plan = pipeline(project, "pipeline p(x: text) -> text {\n a = x\n b = a\n return b\n}\n")
    assert (plan.nodes, plan.output) == ((), "x")


def test_lets_params_and_settings_are_constants(project: Project) -> None:
    text = (
        'let a = 80%\nparam b: text = "x"\nlet c = [1, 2]\n'
        "pipeline p() -> { a: float, b: text, c: list<int> } { return T(a = a, b = b, c = c) }\n"
        "type T = { a: float, b: text, c: list<int> }\n"
    )
    plan = project.plan(text, settings={"b": "y"}).pipelines[0]
    values = [node.value for node in plan.nodes if isinstance(node, ConstantNode)]
    assert values == [0.8, "y", [1, 2]]


def test_what_a_call_leaves_out_because_it_may_be_missing_is_null(project: Project) -> None:
    text = "pipeline q(x: text, y: text?) -> text { return x }\npipeline p(x: text) -> text { return q(x) }\n"
    nothing, call = pipeline(project, text).nodes
    assert isinstance(nothing, ConstantNode)
    assert isinstance(call, CallNode)
    assert nothing.value is None
    assert call.arguments == {"x": "x", "y": nothing.name}


def test_options_of_calls_and_loops_are_in_the_plan(project: Project) -> None:
    text = (
        GPT + INTENT + "let most = 100\npipeline p(xs: list<text>) -> list<Verdict> {\n"
        " return [gpt(x)"
        " with { timeout = 2s, retries = 2, max_tokens = most, temperature = 0, repair = true }"
        " as Verdict for x in xs] with { limit = 3 }\n}\n"
    )
    call, loop = pipeline(project, text).nodes
    assert isinstance(call, CallNode)
    assert isinstance(loop, MapNode)
    assert (call.timeout, call.retries, call.max_tokens, call.temperature) == (2.0, 2, 100, 0)
    assert (call.repair, str(call.answer), call.task, loop.limit) == (True, "Verdict", TaskKind.CHAT, 3)


@each_row(
    ("options", "expected"),
    [
        ("", ("process", 4, 60, None)),
        (" with { }", ("process", 4, 60, None)),
        (" with { workers = most, timeout = 2s, memory = 1GiB }", ("process", 8, 2, 1 << 30)),
        (" with { isolation = thread, timeout = 5s }", ("thread", 4, 5, None)),
    ],
)
def test_where_an_extern_runs_and_its_limits_are_in_the_plan(
    options: str, expected: tuple[object, ...], project: Project
) -> None:
    text = f'extern own(x: text) -> text = python("m:f"){options}\nlet most = 8 # infer: allow W0210\n'
    plan = project.plan(text + "pipeline p(x: text) -> text { return own(x) }\n")
    [found] = plan.externs
    assert (found.isolation, found.workers, found.timeout, found.memory) == expected
    assert (found.extern, found.target) == ("own", "m:f")


@each_row(
    ("options", "code"),
    [
        ("workers = 0", "E0304"),
        ("workers = 65", "E0304"),
        ("timeout = 0s", "E0304"),
        ("isolation = fork", "E0303"),
        ("isolation = thread, workers = 2", "E0606"),
        ("isolation = thread, memory = 1GiB", "E0606"),
        ("retries = 2", "E0204"),
    ],
)
def test_limits_of_an_extern_that_cannot_be(options: str, code: str, project: Project) -> None:
    text = f'extern own(x: text) -> text = python("m:f") with {{ {options} }}\n'
    assert project.codes(text + "pipeline p(x: text) -> text { return own(x) }\n") == [code]


def test_options_may_be_written_one_behind_the_other(project: Project) -> None:
    text = GPT + "pipeline p(x: text) -> text { return gpt(x) with { retries = 2 } with { timeout = 2s } }\n"
    [call] = pipeline(project, text).nodes
    assert isinstance(call, CallNode)
    assert (call.timeout, call.retries) == (2.0, 2)


@each_row(
    ("value", "advice"),
    [
        ("x as Verdict", "did you mean `(x as Verdict).label`?"),
        ("intent(x)", "did you mean `intent(x).label`?"),
        ("[x]", "this is for one value: go through the list with `[… for x in …]`"),
    ],
)
def test_what_would_fit_is_offered_as_it_would_be_written(value: str, advice: str, project: Project) -> None:
    [finding] = project.findings(INTENT + f"pipeline p(x: text) -> text {{ return {value} }}\n")
    assert finding.help == (advice,)


def test_positions_are_those_of_the_file_that_a_pipeline_stands_in(project: Project) -> None:
    project.write("other.infer", GPT + "\n\npipeline q(x: text) -> text {\n  return gpt(x)\n}\n")
    plan = project.plan('import "other.infer" as o\npipeline p(x: text) -> text { return o.q(x) }\n')
    assert [(each.pipeline, each.source.file, each.nodes[0].line) for each in plan.pipelines] == [
        ("q", "other.infer", 5),
        ("p", "main.infer", 2),
    ]


# ---- what models say


def test_a_model_without_a_tokenizer_is_called_by_the_names_of_its_inputs(project: Project) -> None:
    save(model([floats("x", "n", 3)], [floats("y", "n", 2), floats("z", 1)]), project.folder / "m.onnx")
    text = (
        'deployment m { model = "m.onnx" }\n'
        "pipeline p(x: tensor<f32, [8, 3]>) -> tensor<f32, [8, 2]> { return m(x = x).y }\n"
    )
    assert project.codes(text) == []
    assert pipeline(project, text).nodes[1].type == "tensor<f32, [8, 2]>"


@each_row(("rows", "given"), [("1", "Best"), ("4", "list<Best>"), ("k", "list<Best>")])
def test_a_classifier_of_tensors_gives_as_many_labels_as_it_gets_rows(
    rows: str, given: str, project: Project
) -> None:
    save(model([floats("x", "unk_1", 3)], [floats("y", "unk_2", 2)]), project.folder / "m.onnx")
    text = (
        'deployment m { model = "m.onnx", task classify { labels = ["a", "b"] } }\n'
        'type Best = { label: "a" | "b", confidence: float }\n'
        f"pipeline p(x: tensor<f32, [{rows}, 3]>) -> {given} {{ return m(x) }}\n"
    )
    assert project.codes(text) == []


def test_the_size_of_vectors_comes_from_the_task_where_it_says_one(project: Project) -> None:
    text = (
        'deployment e { model = "text-embedding-3-small", runtime openai { api_key = env("K") }\n'
        "  task embed { dimensions = 64 } }\n"
        "pipeline p(x: text, xs: list<text>) -> tensor<f32, [rows]> { return cosine(e(x), e(xs)) }\n"
        "pipeline one(x: text) -> tensor<f32, [64]> { return e(x) }\n"
    )
    assert pipeline(project, text, "one").result == TensorType(dtype=DType.F32, shape=(64,))
    assert project.codes(text) == []


# ---- names


def test_names_in_pipelines_count_as_used(project: Project) -> None:
    project.write("other.infer", 'let word = "x"\nlet other = "y"\n')
    text = (
        'import "other.infer" as o\nimport { other } from "other.infer"\nlet a = "a"\nparam b = 3\n'
        'pipeline p() -> text { return prompt "{{ a }} {{ other }}" + "${b} ${o.word}" }\n'
    )
    assert project.codes(text) == []


@each_row(
    "text",
    [
        "pipeline p(x: text) -> text { return gtp(x, y.z, [q for q in x2]) }\n",
        GPT + "pipeline p(x: text) -> text {\n a = gpt(mesage)\n b = a.label + 1\n return b\n}\n",
        GPT + "pipeline p(x: text) -> text {\n a = nothing\n return match a.b { 1 => a, _ => a.c(x) }\n}\n",
        'deployment m { model = "no.onnx" }\npipeline p(x: text) -> text { return m(x, 2).y + 3 }\n',
        'import { a, b } from "no.infer"\npipeline p(x: text) -> text { return a(b, x.y) }\n',
    ],
)
def test_what_follows_from_a_mistake_is_no_mistake_of_its_own(text: str, project: Project) -> None:
    codes = project.codes(text)
    assert set(codes) <= {"E0201", "E0501", "E0206", "E0602"}
    assert codes.count("E0602") <= 1


def test_independent_mistakes_are_all_reported(project: Project) -> None:
    text = (
        GPT + "pipeline p(x: text, n: int) -> int {\n a = gpt(n)\n b = x.y\n c = x - 1\n"
        ' d = match n { 1 => "a" }\n return [a, b, c, d]\n}\n'
    )
    assert project.codes(text) == ["E0601", "E0602", "E0307", "E0603"]


def test_lists_are_written_as_one(project: Project) -> None:
    text = f"""{GPT}
pipeline p(x: text, xs: list<text>) -> list<text> {{
  a = [x] + ["y"]
  return a
}}
"""
    [item] = project.findings(text)
    assert (item.code, item.message) == ("E0307", "lists are not joined with `+`")
    assert [edit.replacement for fix in item.fixes for edit in fix.edits] == ['[x, "y"]']
    assert project.codes(text.replace("return a", "return a + xs").replace('[x] + ["y"]', "[x]")) == ["E0307"]


def test_one_name_for_externs_of_two_files_is_an_error(project: Project) -> None:
    extern = 'extern own(x: text) -> text = python("m:f")\n'
    project.write("other.infer", extern)
    assert project.codes('import "other.infer" as o\n' + extern + "let _a = 1\n") == ["W0210", "E0202"]


# ---- routes


@each_row(
    ("route", "key"),
    [
        ("split { gpt: 50%, large: 50% }", ("header", "x-inferc-key")),
        ("split { gpt: 50%, large: 50% } by user", ("field", "user")),
        ('split { gpt: 50%, large: 50% } by header("X-Customer")', ("header", "x-customer")),
        ("split { gpt: third, large: 100% - third }", ("header", "x-inferc-key")),
    ],
)
def test_a_split_keeps_requests_together_by_their_key(
    route: str, key: tuple[str, str], project: Project
) -> None:
    text = GPT + chat("large") + "let third = 33.3%\n" + f"route r = {route}\n"
    text = text if "third" in route else text.replace("let third = 33.3%\n", "")
    [plan] = project.plan(text).routes
    assert (plan.key.source.value, plan.key.name) == key  # type: ignore[attr-defined]


def test_a_route_is_called_like_its_members(project: Project) -> None:
    text = (
        GPT + chat("large") + "route r = balance [gpt, large]\npipeline p(x: text) -> text { return r(x) }\n"
    )
    [call] = pipeline(project, text).nodes
    assert isinstance(call, CallNode)
    assert (call.target, call.task) == ("r", TaskKind.CHAT)


def test_a_route_inside_another_one_has_its_name_and_place(project: Project) -> None:
    text = GPT + chat("b") + chat("c") + "route r = fallback [gpt, hedge [b, fallback [c, gpt]] after 1s]\n"
    plan = project.plan(text)
    assert [(each.route, each.inner) for each in plan.routes] == [
        ("r.2.2", True),
        ("r.2", True),
        ("r", False),
    ]


def test_a_route_to_one_deployment_is_another_name_for_it(project: Project) -> None:
    [plan] = project.plan(GPT + "route r = gpt\n").routes
    assert (plan.kind.value, plan.members) == ("fallback", ("gpt",))  # type: ignore[attr-defined]


# ---- prompts


@each_row(
    ("literal", "line", "column"),
    [
        ('"{{ mesage }}"', 3, 22),
        ('"a\\n\\"b\\" {{ x }} {{ mesage }}"', 3, 39),
        ('"""\n    {{ x }}\n      {{ mesage }}\n    """', 5, 10),
        ('"""{{ x }}\r\n  é {{ mesage }}"""', 4, 8),
        ('"{% for y in [x] %}{{ y }}{{ mesage }}{% endfor %}"', 3, 47),
    ],
)
def test_a_mistake_in_a_prompt_is_shown_inside_the_text(
    literal: str, line: int, column: int, project: Project
) -> None:
    text = (
        GPT + f"pipeline p(x: text, message: text) -> text {{\n  y = gpt(prompt {literal})\n  return y\n}}\n"
    )
    [finding] = project.findings(text)
    assert finding.primary is not None
    span = finding.primary.span
    assert (span.source.position(span.start), span.text) == ((line, column), "mesage")
    [fix] = finding.fixes
    [edit] = fix.edits
    assert project.codes(text[: edit.span.start] + edit.replacement + text[edit.span.end :]) == []


@each_row(
    "template",
    [
        "{{ verdict.label | upper | replace('A', 'b') }} {{ verdict['confidence'] | round(1) }}",
        "{% for each in many %}{{ loop.index }} {{ each.label }} {{ loop.last }}{% else %}none{% endfor %}",
        "{% set best = many | first %}{{ best.label }} {% if best is defined and many %}x{% endif %}",
        "{% for key, value in verdict.items() %}{{ key }}={{ value }}{% endfor %} {{ range(3) | list }}",
        "{% macro shown(each, last=3) %}{{ each.label }} {{ last }}{% endmacro %}{{ shown(verdict) }}",
        "{% with half = verdict.confidence / 2 %}{{ half }}{% endwith %} {# verdict.nothing #}",
        "{% raw %}{{ nothing }}{% endraw %} {{ data.any.thing[3] | tojson }} {{ name.split(' ')[0] }}",
        "{% filter upper %}{{ verdict.label }}{% endfilter %} {{ (many | sort(attribute='x'))[0].label }}",
    ],
)
def test_what_jinja_can_do_is_understood(template: str, project: Project) -> None:
    text = (
        INTENT + "pipeline p(verdict: Verdict, many: list<Verdict>, data: json, name: text) -> text {\n"
        f'  return prompt "{template}"\n}}\n'
    )
    assert [item.message for item in project.findings(text)] == []


def test_a_file_without_a_graph_loads_nothing_for_one_and_a_text_without_a_template_no_jinja(
    tmp_path: Path,
) -> None:
    text = 'pipeline p() -> text { return prompt "no { braces }" }\n'
    script = (
        "import sys\nfrom inferc.compiler.compile import check_file\n"
        f"check_file('m', None, text={GPT!r})\n"
        "assert 'inferc.compiler.graph' not in sys.modules\n"
        f"check_file('m', None, text={text!r})\n"
        "assert not {'jinja2', 'jsonpath', 'numpy'} & set(sys.modules), sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=200)


# ---- the tree, for whoever asks what stands where


def test_the_smallest_part_at_a_place_is_found_with_its_type() -> None:
    text = INTENT + "pipeline p(x: text) -> text {\n  v = intent(x)\n  return v.label\n}\n"
    checked = check_file("m.infer", None, text=text)
    assert checked.program is not None
    assert checked.program.graph is not None
    source = checked.program.root.module.source
    step = checked.program.graph.typed_at(source, text.index("v.label"))
    part = checked.program.graph.typed_at(source, text.index("label\n}"))
    assert isinstance(step, StepValue)
    assert isinstance(part, FieldOf)
    assert (str(step.type), str(part.type)) == ("Verdict", '"refund" | "other"')
    assert checked.program.graph.typed_at(source, text.index("pipeline")) is None


def test_all_kinds_of_nodes_are_made_from_the_sample(project: Project) -> None:
    made = {node.kind for each in project.plan(EVERYTHING).pipelines for node in each.nodes}
    assert made == set(NodeKind)


def test_findings_of_pipelines_are_shown_in_every_format(project: Project) -> None:
    for output in OutputFormat:
        assert render(project.findings("pipeline p(x: text) -> int { return x }\n"), output)


def test_a_program_with_an_error_has_no_plan(project: Project) -> None:
    checked = project.check("pipeline p(x: text) -> int { return x }\n")
    assert not checked.ok
    with pytest.raises(AssertionError):
        compile_checked(checked, project.folder)


@each_row(
    ("given", "there"),
    [("list<int>", "int"), ("list<int?>", "int"), ("list<list<text>>", "list<text>"), ("list<V>", "V")],
)
def test_the_first_value_of_a_list_may_be_missing(given: str, there: str, project: Project) -> None:
    head = f'type V = "a" | "b"\npipeline p(x: {given}, y: {there})'
    assert project.codes(f"{head} -> {there} {{ return first(x) else y }}\n") == []
    [item] = project.findings(f"{head} -> {there} {{ return first(x) }}\n")
    assert item.code == "E0601"
    assert item.help == ("it may be missing: say what then, with `first(x) else …`",)


@each_row("given", ["text", "json", "tensor<f32, [3]>", "list<int>?"])
def test_only_a_list_has_a_first_value(given: str, project: Project) -> None:
    [item] = project.findings(f"pipeline p(x: {given}) -> int {{ return first(x) else 1 }}\n")
    assert (item.code, item.message) == ("E0601", f"`first` takes a list, found {given}")
