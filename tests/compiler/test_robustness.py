"""Whatever the files say, checking them gives findings that can be shown, in time that grows with them."""

from __future__ import annotations

import inspect
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.compile import Checked, check_file, compile_checked
from inferc.dsl import diagnostics, suggest
from inferc.dsl.parsing.tokens import KEYWORDS, PUNCTUATION
from inferc.dsl.render import OutputFormat, render

from ..support.commands import ROOT, SAMPLES
from ..support.examples import FEWER
from ..support.grammar_sampler import sample_text
from ..support.projects import chat
from ..support.rows import each_row
from ..support.work import calls_during

LANGUAGE = (ROOT / "tests" / "dsl" / "data" / "language.infer").read_text("utf-8")
PIPELINES = (ROOT / "tests" / "dsl" / "data" / "pipelines.infer").read_text("utf-8")
TEXTS = [LANGUAGE, PIPELINES, *(path.read_text("utf-8") for path in sorted(SAMPLES.glob("*.infer")))]
KEYS = [
    "sk-proj-Zq8LmN4vTxY2",
    "AIzaSyD3mV9pQ7rT1xW5zB2cF8hJ4kL6nP0sU2w",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "ghp_Zx8Kq3Vb7Nm2Lp5Rt9Wy",
]
SEEDS = st.integers(0, 2**32)
EXPRESSIONS = [
    "{a}",
    "gpt({a})",
    "gpt({a}, system = {b}) with {{ timeout = 2s, retries = {b}, max_tokens = {a} }}",
    "gpt({a}) as {b}",
    "{a} as T",
    "{a}.{b}",
    "{a} else {b}",
    "{a} + {b}",
    "-{a} < !{b}",
    "[{a}, {b}]",
    "[{a} for x in {b}] with {{ limit = {a} }}",
    'match {a} {{ {b} => {a}, "x" | 1 => {b}, _ => {a} }}',
    "if {a} {{ {b} }} else {{ {a} }}",
    "T(label = {a}, rest = {b})",
    "embed([{a}, {b}])",
    "cosine(embed({a}), {b})",
    "top_k({a}, {b}, of = {a})",
    "concat({a}, {b}, {a})",
    "reshape({a}, [{b}, -1])",
    "image({a}, width = {b})",
    'format("{{}} {{y}}", {a}, y = {b})',
    "json_path({a}, {b})",
    "text({a}).x({b})",
    "own({a}, {b})",
    "self({a})",
    "shared.{a}({b})",
    '"${{x}} ${{y.label}}"',
    'prompt "{{{{ {a}.label | upper }}}} {{% for z in {b} %}}{{{{ z.x }}}}{{% endfor %}}"',
    'prompt """\n  {{{{ x | {a} }}}}\n    {{% if y is {b} %}}\n  """',
]
ATOMS = ["x", "y", "s", "v", "n", "t", "T", "gpt", "1", "2.5", '"x"', "true", "[]", "5%", "2s", "(x)", "_"]
AROUND = """
let v = {a}
type T = {{ label: "x" | "y", rest: {t}? }}
deployment gpt {{ model = "gpt-4o", runtime openai {{ api_key = env("K") }} }}
deployment embed {{ model = "e", runtime openai {{ api_key = env("K") }}, task = embed }}
extern own(x: {t}, y: text) -> {u} = python("m:f")
route r = cascade [gpt, gpt] accept {e}
pipeline self(x: {t}, y: T, n: tensor<f32, [a, 3]>) -> {u} {{
  s = {e}
  t = {f}
  return {g}
}}
"""
KINDS = [
    "text",
    "int",
    "T",
    "list<text>",
    "tensor<f32, [3]>",
    "json",
    "T?",
    "bytes",
    '"a" | "b"',
    "Q",
    "{ a: int }",
]


def checked(text: str, folder: Path = SAMPLES, **options: Any) -> Checked:
    """`text` as checked: every finding can be shown in every format, and none repeats a key."""
    found = check_file("m.infer", folder / "m.infer", text=text, **options)
    shown = found.diagnostics[:20]
    for output in OutputFormat:
        written = render(shown, output)
        assert written.encode("utf-8", "strict") or not shown
        assert not [key for key in KEYS if key in written]
    return found


# ---- anything at all


@given(st.binary(max_size=300))
def test_random_bytes(content: bytes) -> None:
    checked(content.decode("utf-8", "replace"))
    checked(content.decode("latin-1"))


WORDS = [
    *KEYWORDS,
    *(sign for sign in PUNCTUATION),
    *("a", "b", "gpt", "model", "replicas", "runtime", "openai", "ort", "serving", "retry", "task", "embed"),
    *("max_concurrent", "max_backoff", "env", "file", "fallback", "bearer", "on_capacity_exhausted", "node"),
    *('"gpt-4o"', '"a.onnx"', '"models/minilm.onnx"', '"${a}"', '"""x"""', '"', "'", "0", "1", "2.5", "30s"),
    *("4GiB", "$1", "50%", "true", "\n", "\n  ", "{", "}", "{", "}", "=", ",", "# c\n", "\0", "é"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=80), st.sampled_from(["", " "]))
def test_random_words(words: list[str], between: str) -> None:
    checked(between.join(words))


@FEWER
@given(SEEDS)
def test_random_texts_of_the_grammar(seed: int) -> None:
    checked(sample_text(random.Random(seed)))


NAMES = ["a", "b", "c", "gpt", "3", "1s", '"t"', "$5", "a.b", "-1", "ort", "1 / 0"]
STATEMENTS = [
    "let {a} = {b} * 2",
    "let {a} = [{b}, 1s]",
    'let {a} = "${{{b}}} x"',
    "param {a}: int = {b}",
    "param {a}: text",
    "template {a} from {b} {{ replicas = {c}, runtime openai {{ retry {{ max_retries = {b} }} }} }}",
    'deployment {a} from {b} {{ model = "gpt-4o", gpus = {c} }}',
    'deployment {a} {{ model = "gpt-4o", serving {{ on_capacity_exhausted = fallback({b}) }} }}',
    'deployment {a} {{ model = "models/minilm.onnx", replicas = {b}, task embed {{ tokenizer = {c} }} }}',
    "deployment {a} {{ model = {b}, runtime {c} {{ endpoint = {b}, api_key = env({c}) }} }}",
    "route {a} = fallback [{b}, {c}]",
    "route {a} = split {{ {b}: 50%, {c}: 50% }}",
    'import "hello.infer" as {a}',
    'import {{ {a}, {b} }} from "remote.infer"',
    "cluster {{ node {a} {{ gpus = {b} }} }}",
    "gateway {{ timeout = {a}, auth = bearer({b}) }}",
    "type {a} = {{ b: {b} }}",
    "pipeline {a}(x: text) -> text {{ y = {b}(x)\n return y }}",
    'deployment {a} {{ model = "x", runtime custom({b}) {{ settings {{ x = {c}, y = {b}.{c} }} }} }}',
]


@FEWER
@given(SEEDS)
def test_random_statements_that_refer_to_each_other(seed: int) -> None:
    choose = random.Random(seed)
    lines = []
    for form in choose.choices(STATEMENTS, k=choose.randint(0, 12)):
        a, b, c = choose.choices(NAMES, k=3)
        lines.append(form.format(a=a, b=b, c=c))
    checked("\n".join(lines))


def expression(choose: random.Random, depth: int) -> str:
    if depth == 0:
        return choose.choice(ATOMS)
    form = choose.choice(EXPRESSIONS)
    return form.format(a=expression(choose, depth - 1), b=expression(choose, depth - 1))


@FEWER
@given(SEEDS)
def test_random_pipelines(seed: int) -> None:
    choose = random.Random(seed)
    kinds = [choose.choice(KINDS) for _ in "tu"]
    parts = [expression(choose, choose.randint(0, 3)) for _ in "efg"]
    text = AROUND.format(a=choose.choice(ATOMS), t=kinds[0], u=kinds[1], e=parts[0], f=parts[1], g=parts[2])
    checked(text)


TYPED: dict[str, list[str]] = {
    "text": [
        *("x", '"a"', '"${x} ${v.label}"', 'prompt "{{ x }} {{ v.label }}"', "decode(data)", "v.label"),
        *("gpt(<text>)", "(<text>) + (<text>)", "both(<text>, system = <text>)", "join(<texts>, <text>)"),
        *("if <bool> { <text> } else { <text> }", "(gpt(<text>) else <text>)", "text(<int>)", "text(<json>)"),
        *(
            'match gpt(<text>) { "a" | "b" => <text>, _ => <text> }',
            "match <bool> { true => <text>, _ => x }",
        ),
        "(first(<texts>) else <text>)",
        *('format("{a} {0:.2f}", <float>, a = <text>)', "(found else <text>)", "(<verdict>).label"),
        'match v.label { "yes" => <text>, "no" => <text> }',
    ],
    "int": ["n", "7", "len(<texts>)", "(<int>) + (<int>)", "-(<int>)", "argmax(<vector>)", "len(<text>)"],
    "float": ["0.5", "20%", "(<int>) / (<int>)", "(<float>) * (<int>)", "cosine(<vector>, <vector>)"],
    "bool": [
        "true",
        "!(<bool>)",
        "(<int>) < (<float>)",
        "gpt(<text>) == gpt(<text>)",
        "(<bool>) && (<bool>)",
    ],
    "json": ["many", "((<text>) as Any)", "v", "<texts>", '(json_path(many, "$.a") else <json>)'],
    "texts": [
        "[x, x]",
        "[<text>, <text>]",
        "[gpt(each) for each in <texts>] with { limit = 2 }",
        "split_text(<text>, 9)",
    ],
    "verdict": ["v", "own(<text>)", "gpt(<text>) as Verdict", "Verdict(label = v.label, sure = <float>)"],
    "vector": [
        "embed(x)",
        "embed(<text>)",
        "normalize(<vector>)",
        "softmax(<vector>)",
        "concat(<vector>, <vector>)",
    ],
}
"""Expressions by their type, the types of their parts between `<` and `>`."""

WELL_TYPED = """
type Any = json
type Verdict = { label: "yes" | "no", sure: float }
deployment gpt { model = "gpt-4o", runtime openai { api_key = env("K") } }
deployment large { model = "gpt-4o", runtime openai { api_key = env("K") } }
deployment embed { model = "gpt-4o", runtime openai { api_key = env("K") }, task = embed }
route both = cascade [gpt, large] accept it.confidence > 0.5
extern own(x: text) -> Verdict = python("m:f")
pipeline p(x: text, n: int, v: Verdict, found: text?, data: bytes, many: json) -> text {
  a = <text>
  _b = <verdict>
  _c = <vector>
  return a + <text>
}
"""


def well_typed(choose: random.Random, form: str, depth: int) -> str:
    """`form` with an expression of the right type in each place."""

    def fill(found: re.Match[str]) -> str:
        forms = TYPED[found[1]]
        simple = [each for each in forms if "<" not in each] or forms[:1]
        return well_typed(choose, choose.choice(forms if depth > 0 else simple), depth - 1)

    names = "|".join(TYPED)
    return re.sub(rf"<({names})>", fill, form)


@FEWER
@given(SEEDS)
def test_what_has_the_right_types_has_no_errors_and_a_plan(seed: int) -> None:
    text = well_typed(random.Random(seed), WELL_TYPED, 4)
    found = checked(text)
    assert [item.message for item in found.diagnostics if item.is_error] == []
    [plan] = compile_checked(found, SAMPLES).pipelines
    names = [node.name for node in plan.nodes]
    assert len(names) == len(set(names))
    assert plan.output in {*names, *(parameter.name for parameter in plan.parameters)}


@FEWER
@given(st.sampled_from(TEXTS), SEEDS, st.integers(1, 4))
def test_mutations_of_the_samples(text: str, seed: int, changes: int) -> None:
    choose = random.Random(seed)
    for _ in range(changes):
        start = choose.randrange(len(text) + 1)
        end = min(len(text), start + choose.choice([0, 0, 1, 2, 10, 40]))
        text = text[:start] + choose.choice(["", *WORDS, text[end : end + 30], "9" * 30]) + text[end:]
    checked(text)


@FEWER
@given(st.sampled_from(KEYS), st.sampled_from(TEXTS), SEEDS)
def test_what_looks_like_a_key_is_never_repeated(key: str, text: str, seed: int) -> None:
    choose = random.Random(seed)
    values = [found.span() for found in re.finditer(r'"[^"\n]*"|(?<== )\w+', text)]
    start, end = choose.choice(values)
    checked(text[:start] + f'"{key}"' + text[end:])
    start = choose.randrange(len(text))
    checked(f'{text[:start]} "{key}" {text[start:]}')


@each_row("key", KEYS)
@each_row(
    "form",
    [
        'runtime openai {{ api_key = "{}" }}',
        'runtime openai {{ api_key = env("{}") }}',
        'runtime openai {{ api_key = file("{}") }}',
        'runtime openai {{ organization = "{}" }}',
        'runtime openai {{ endpoint = "{}" }}',
        'runtime "{}" {{ }}',
        'task = "{}"',
        'replicas = "{}"',
        'serving {{ on_capacity_exhausted = fallback("{}") }}',
        'budget {{ on_exceeded = "{}" }}',
        '"{}" = 3',
        'runtime = custom("{}")',
        'replicas = 1 + "{}"',
        'model_info "{}" {{ }}',
    ],
)
def test_a_key_in_any_place_is_never_repeated(form: str, key: str) -> None:
    found = checked(f'deployment gpt {{ model = "gpt-4o-mini"\n  {form.format(key)}\n}}\n')
    assert not found.ok


@each_row("key", KEYS)
@each_row(
    "text",
    [
        'let x = "{}"',
        'param x: text = "{}"',
        'import "{}" as x',
        'deployment "{}" {{ model = "gpt-4o" }}',
        'template "{}" {{ }}\ndeployment a from "{}" {{ }}',
        'route r = fallback ["{}"]',
        'gateway {{ bind = "{}" }}',
        'gateway {{ auth = bearer("{}") }}',
        'gateway {{ auth = "{}" }}',
        'pipeline p(x: text) -> text {{ y = f(prompt "{}")\n return y }}',
    ],
)
def test_a_key_in_any_declaration_is_never_repeated(text: str, key: str) -> None:
    checked(text.replace("{}", key).replace("{{", "{").replace("}}", "}"))


# ---- chains, circles and depth

MANY = 500
"""More than Python calls functions in each other, where it is `shallow`."""


@pytest.fixture
def shallow() -> Iterator[None]:
    """Functions are called in each other 450 deep instead of 1,000, for which shorter chains are too long."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 450)
    yield
    sys.setrecursionlimit(usual)


def filled(form: str, here: int, there: int) -> str:
    return form.replace("<here>", str(here)).replace("<there>", str(there))


def chain(form: str, last: str, *, turned: bool = False) -> str:
    lines = [*(filled(form, n, n + 1) for n in range(MANY)), filled(last, MANY, 0)]
    return "\n".join(reversed(lines) if turned else lines)


CHAINS = {
    "lets": ("let a<here> = a<there>", "let a<here> = 1"),
    "texts": ('let a<here> = "${a<there>}"', 'let a<here> = "x"'),
    "templates": ("template a<here> from a<there> { }", "template a<here> { replicas = 1 }"),
    "routes": ("route a<here> = fallback [a<there>]", chat("a<here>")),
    "types": ("type a<here> = { b: a<there> }", "type a<here> = text"),
    "pipelines": (
        "pipeline a<here>(x: text) -> text { return a<there>(x) }",
        "pipeline a<here>(x: text) -> text { return x }",
    ),
    "fallbacks": (
        chat("a<here>", "serving { on_capacity_exhausted = fallback(a<there>) }"),
        chat("a<here>"),
    ),
}


@pytest.mark.usefixtures("shallow")
@each_row("kind", CHAINS)
def test_a_chain_of_thousands_is_no_crash(kind: str) -> None:
    form, last = CHAINS[kind]
    in_order = checked(chain(form, last, turned=True))
    deep = {"E0107"} if kind == "types" else set()  # a type is spelled out in a plan
    assert {item.code for item in in_order.diagnostics if item.is_error} == deep
    backwards = checked(chain(form, last))
    assert {item.code for item in backwards.diagnostics if item.is_error} <= {"E0107"}


@pytest.mark.usefixtures("shallow")
@each_row("kind", CHAINS)
def test_a_circle_of_thousands_is_no_crash(kind: str) -> None:
    form, _ = CHAINS[kind]
    found = checked(chain(form, form))
    assert {item.code for item in found.diagnostics if item.is_error} <= {"E0107", "E0208", "E0402"}
    assert not found.ok
    assert all(len(note) < 500 for item in found.diagnostics for note in item.notes)


def test_types_that_double_each_time_are_refused_before_they_fill_the_memory() -> None:
    doubled = "".join(f"type t{n + 1} = {{ a: t{n}, b: t{n} }}\n" for n in range(40))
    found = checked("type t0 = text\n" + doubled)
    assert "E0107" in {item.code for item in found.diagnostics}


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("last", ["", 'import "0.infer" as next'], ids=["chain", "circle"])
def test_thousands_of_files_in_a_row_are_no_crash(last: str) -> None:
    def read(path: Path) -> str:
        number = int(path.stem)
        return last if number == MANY else f'import "{number + 1}.infer" as next\n'

    found = checked('import "0.infer" as first\n', read=read)
    assert [item.code for item in found.diagnostics if item.is_error] == ["E0206"]


def test_a_file_that_imports_hundreds_reads_each_once() -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return 'import "top.infer" as top\nlet x = top.x' if path.stem != "top" else "let x = 1"

    text = "".join(f'import "f{n}.infer" as f{n}\nlet x{n} = f{n}.x\n' for n in range(300))
    assert checked(text, read=counted).ok
    assert len(read) == 301


def test_templates_on_all_that_are_before_them_are_merged_in_time() -> None:
    names = [f"t{n}" for n in range(90)]
    text = "".join(
        f"template {name} {'from ' + ', '.join(names[:n]) if n else ''} {{ replicas = {n + 1} }}\n"
        for n, name in enumerate(names)
    )
    assert checked(text + chat("gpt", bases=names[-1])).ok


@each_row(
    "text",
    [
        "let x = {}1{}",
        "let x = {}",
    ],
)
@each_row(("opening", "closing"), [("(", ")"), ("[", "]"), ("-", ""), ("1 + ", ""), ("f(", ")")])
def test_deep_expressions_are_refused(text: str, opening: str, closing: str) -> None:
    found = checked(text.format(opening * 10_000, closing * 10_000))
    assert not found.ok
    assert len(found.diagnostics) < 10


# ---- work grows with the length, not faster


def many(form: str) -> Callable[[int], str]:
    return lambda count: "".join(form.replace("#", str(number)) for number in range(count))


KNOWN = "".join(f"let known{n} = {n}\ntemplate base{n} {{ }}\n" for n in range(20))
SHAPES = {
    "no mistake": many(chat("d#")),
    "unknown values": many(chat("d#", "replicas = knwon#")),
    "unknown templates": many(chat("d#", bases="baes#")),
    "unknown fields": many(chat("d#", "replica = #")),
    "unknown blocks": many(chat("d#", "retrys { a = # }")),
    "unknown fallbacks": many(chat("d#", "serving { on_capacity_exhausted = fallback(e#) }")),
    "unknown members": many("route r# = fallback [d#, e#]\n"),
    "names twice": many(chat("same")),
    "fields twice": many(chat("d#", "replicas = 1, replicas = 2")),
    "wrong types": many(chat("d#", 'replicas = "two"')),
    "missing units": many(chat("d#", "runtime openai { timeouts { request = 30 } }")),
    "out of range": many(chat("d#", "replicas = 0")),
    "nothing required": many("deployment d# { }\n"),
    "bad sums": many("let x# = 1s + #\n"),
    "unused values": many("let x# = #\n"),
    "used values": lambda count: many("let x# = #\n")(count) + many(chat("d#", "replicas = x#"))(count),
    "one template": lambda count: "template t { gpus = 1 }\n" + many(chat("d#", bases="t"))(count),
    "fallbacks": lambda count: many(
        chat("d#", "serving { on_capacity_exhausted = fallback(e#) }") + chat("e#")
    )(count),
    "fallback circles": lambda count: many(
        chat("d#", "serving { on_capacity_exhausted = fallback(e#) }")
        + chat("e#", "serving { on_capacity_exhausted = fallback(d#) }")
    )(count),
    "inline keys": many('deployment d# { model = "gpt-4o", runtime openai { api_key = "k#" } }\n'),
    "keys": many('let x# = "sk-proj-0123456789abcdef#"\n'),
    "missing files": many('import "none#.infer" as n#\n'),
    "missing models": many('deployment d# { model = "none#.onnx" }\n'),
    "allowed": many("let x# = # # infer: allow W0210\n"),
    "one long list": lambda count: f"let x = [{'1, ' * count}]\n",
    "one long text": lambda count: f'let a = 1\nlet x = "{"${a}" * count}"\n',
    "one long body": lambda count: "deployment a { " + many("field# = #\n")(count) + "}",
    "routes": many("route a# = fallback [b#]\nroute b# = fallback [a#]\n"),
    "types": many('type t# = { a: "x" | "y", b: list<t0> }\n'),
    "pipelines": many('pipeline p#(x: text) -> text {\n a = "${x}"\n b = a + x\n return b\n}\n'),
    "unknown calls": many("pipeline p#(x: text) -> text { return q#(x, y#) }\n"),
    "one long pipeline": lambda count: (
        "pipeline p(x: text) -> text {\n s0 = x\n"
        + "".join(f" s{n + 1} = s{n} + x\n" for n in range(count))
        + f" return s{count}\n}}\n"
    ),
    "one long prompt": lambda count: (
        f'pipeline p(x: text) -> text {{ return prompt "{"{{ x | uper }} {{ y }}" * count}" }}\n'
    ),
    "pipelines in a circle": lambda count: (
        many("pipeline p#(x: text) -> text { return q#(x) }\n")(count)
        + many("pipeline q#(x: text) -> text { return p#(x) }\n")(count)
    ),
    "wrong tests": many('test "t#" { expect latenci < 5s }\n'),
    "imported names": lambda count: f'import {{ {many("n#, ")(count)} }} from "hello.infer"\n',
}


def calls_while_checking(text: str, folder: Path) -> int:
    return calls_during(lambda: check_file("m.infer", folder / "m.infer", text=text))


LOOKS_FOR_NAMES = (
    "unknown values",
    "unknown templates",
    "unknown fallbacks",
    "unknown members",
    "unknown calls",
    "imported names",
)
"""Each is compared with all others, until there are `LONG` findings."""


def test_few_findings_look_for_near_matches() -> None:
    assert diagnostics.LONG <= 200


@pytest.mark.parametrize("name", SHAPES)
def test_more_lines_are_as_much_more_work(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello.infer").write_text("let x = 1\n")
    shape, step, most = SHAPES[name], 20 if "keys" in name else 12, 1.002  # what keys look like differs more
    if name in LOOKS_FOR_NAMES:
        monkeypatch.setattr(diagnostics, "LONG", 20)
        step, most = 24, 1.05  # longer names are compared in more steps
    texts = [KNOWN + shape(count) for count in (step, 2 * step, 3 * step)]
    for _ in range(2):  # the catalogue is read the first time, and readers of blocks are made the second
        check_file("m.infer", tmp_path / "m.infer", text=texts[-1])

    def grows_evenly() -> bool:
        small, medium, large = (calls_while_checking(text, tmp_path) for text in texts)
        return large - medium <= most * (medium - small) + 20

    assert grows_evenly() or grows_evenly(), "even if what is done once falls into the last of the first time"


def test_looking_for_near_matches_ends_when_there_are_many_mistakes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compared = 0
    distance = suggest.distance

    def counted(left: str, right: str, limit: int) -> int:
        nonlocal compared
        compared += 1
        return distance(left, right, limit)

    monkeypatch.setattr(suggest, "distance", counted)
    monkeypatch.setattr(diagnostics, "LONG", 20)
    for count in (30, 60):
        compared = 0
        names = many("let known# = #\n")(count)
        check_file("m.infer", tmp_path / "m.infer", text=names + many(chat("d#", "replicas = knwon#"))(count))
        assert count * 20 <= compared <= count * 24


@pytest.mark.parametrize("shape", ["no mistake", "unknown values", "names twice", "one template"])
def test_what_is_shown_of_many_findings_grows_with_them(shape: str, tmp_path: Path) -> None:
    sizes = []
    for count in (50, 200):
        found = check_file("m.infer", tmp_path / "m.infer", text=SHAPES[shape](count))
        sizes.append(len(render(list(found.diagnostics), OutputFormat.JSON)))
    assert sizes[1] <= 4.5 * sizes[0] + 1000
