"""What literals, names and calculations stand for; what `--set` may give; what makes no sense."""

from __future__ import annotations

from itertools import product
from typing import Any

from inferc.cli.sources import _setting
from inferc.dsl.ranges import Range
from inferc.dsl.units import Duration, Money, Percent, Size

from ..support.projects import Project, chat, place
from ..support.rows import each_row

CUSTOM = 'deployment it { model = "m", runtime custom("plugin") { settings { value = %s } } }\n'


def value(project: Project, expression: str, before: str = "", **options: Any) -> Any:
    """What `expression` is in the plan."""
    plan = project.remote(f"{before}\n{CUSTOM % expression}", **options)
    return plan.settings["value"]


# ---- literals


@each_row(
    ("literal", "meaning"),
    [
        ("32", 32),
        ("10_000", 10_000),
        ("2.5", 2.5),
        ("10k", 10_000),
        ("2M", 2_000_000),
        ("1G", 1_000_000_000),
        ("1.5k", 1500),
        ("0.0015k", 1.5),
        ("100us", Duration(0.0001)),
        ("0.1ms", Duration(0.0001)),
        ("2ms", Duration(0.002)),
        ("1m30s", Duration(90)),
        ("1d2h3m4.5s", Duration(93784.5)),
        ("2 * 1h30m", Duration(10800)),
        ("30s", Duration(30)),
        ("1.5s", Duration(1.5)),
        ("5m", Duration(300)),
        ("1h", Duration(3600)),
        ("1d", Duration(86400)),
        ("64KiB", Size(65536)),
        ("512MiB", Size(512 << 20)),
        ("4GiB", Size(4 << 30)),
        ("1TiB", Size(1 << 40)),
        ("0.5KiB", Size(512)),
        ("$100", Money(100)),
        ("$0.15", Money("0.15")),
        ("$1k", Money(1000)),
        ("$2M", Money(2_000_000)),
        ("95%", Percent(0.95)),
        ("0.5%", Percent(0.005)),
        ("-3", -3),
        ("-1.5s", Duration(-1.5)),
        ("--3", 3),
        ("true", True),
        ("false", False),
        ("[1, 2s, true,]", [1, Duration(2), True]),
        ("[]", []),
        ("[[1], [2, 3]]", [[1], [2, 3]]),
        ("queue", "queue"),
        ("2..8", Range(2, 8)),
        ("1 + 1 .. 2 * 4", Range(2, 8)),
    ],
)
def test_a_literal_has_its_value_and_its_type(project: Project, literal: str, meaning: object) -> None:
    found = value(project, literal)
    assert found == meaning
    assert type(found) is type(meaning)


@each_row(
    "literal",
    [
        "1KB",
        "30sec",
        "5min",
        "$1s",
        "10kk",
        "1_000x",
        "5 s",
        "1.2.3",
        "30s1m",
        "1h2x",
        "9" * 400,
        "$" + "9" * 99,
    ],
)
def test_a_number_that_is_none_is_an_error_at_its_place(project: Project, literal: str) -> None:
    found = [item for item in project.findings(CUSTOM % literal) if item.is_error]
    assert found
    assert all(place(item).startswith("main.infer:1:") for item in found)


@each_row(
    ("literal", "meaning"),
    [
        ('"a"', "a"),
        ('""', ""),
        ('"é 日本 👍"', "é 日本 👍"),
        (r'"\" \\ \n \t \r \0 \$"', '" \\ \n \t \r \0 $'),
        (r'"\u{1F600}\u{e9}"', "😀é"),
        (r'"$ $5 \${x} $x"', "$ $5 ${x} $x"),
        ('"# no comment"', "# no comment"),
        ('"""one line"""', "one line"),
        ('"""\n    one\n      two\n    """', "one\n  two\n"),
        ('"""\n    one\n      two\n  """', "  one\n    two\n"),
        ('"""\n    one\n    two"""', "one\ntwo"),
        ('"""\n\tone\n\n\ttwo\n\t"""', "one\n\ntwo\n"),
        ('"""say "hi" twice"""', 'say "hi" twice'),
        ('"""\n    a\\n  x\n    b\n    """', "a\n  x\nb\n"),
        ('"""\n    \\u{20}a\\tb\\n\n    c\n    """', " a\tb\n\nc\n"),
        ('"""\n    one \\\n    two\n    """', "one two\n"),
        ('"""\n  a\\n    """', "a\n    "),
        ('"""\n\t\ta\n    b\n    """', "\t\ta\n    b\n"),
        ('"""\n\ta\n\t  b\n\t"""', "a\n  b\n"),
        ('"""\n \ta\n  b\n """', "\ta\n b\n"),
        ('"""  first\n  second"""', "  first\nsecond"),
    ],
)
def test_a_text_is_what_its_quotes_say(project: Project, literal: str, meaning: str) -> None:
    assert value(project, literal) == meaning
    assert value(project, literal.replace("\n", "\r\n")) == meaning


@each_row(
    ("literal", "code"),
    [
        (r'"\q"', "E0111"),
        (r'"\u{110000}"', "E0111"),
        (r'"\u{D800}"', "E0111"),
        ('"${1 + 2}"', "E0112"),
        ('"${}"', "E0112"),
        ('"${nothing}"', "E0201"),
        ('"${it}"', "E0201"),
        ('"open', "E0102"),
    ],
)
def test_a_text_that_cannot_be_read_is_an_error(project: Project, literal: str, code: str) -> None:
    assert code in project.codes(CUSTOM % literal)


@each_row(
    ("declared", "shown"),
    [
        ('"eu"', "eu"),
        ("3", "3"),
        ("2.50", "2.5"),
        ("90s", "90s"),
        ("4096MiB", "4GiB"),
        ("$2000", "$2k"),
        ("12.5%", "12.5%"),
        ("true", "true"),
    ],
)
def test_what_stands_inside_a_text_is_shown_as_it_would_be_written(
    project: Project, declared: str, shown: str
) -> None:
    assert value(project, '"a-${x}-b"', f"let x = {declared}") == f"a-{shown}-b"


# ---- names


@each_row(
    ("declared", "used"),
    [("x", "x"), ('"x"', "x"), ('"two words"', '"two words"'), ("été", "été"), ("retry", "retry")],
)
def test_a_name_may_be_quoted_where_it_is_declared_and_where_it_is_used(
    project: Project, declared: str, used: str
) -> None:
    text = f"template {declared} {{ replicas = 3 }}\n{chat('it', bases=used)}"
    assert len(project.remote(text).replicas) == 3


def test_the_order_of_declarations_and_of_fields_does_not_matter(project: Project) -> None:
    declarations = [
        "let a = b * 2",
        "let b = c + 1",
        "param c: int = 3",
        "template t { serving { max_concurrent = a } }",
        'deployment it from t { model = "gpt-4o"\n replicas = b\n runtime openai { api_key = env("KEY") } }',
    ]
    first = project.remote("\n".join(declarations))
    last = project.remote("\n".join(reversed(declarations)))
    assert (first.serving.max_concurrent, len(first.replicas)) == (8, 4)
    assert (last.serving, last.replicas) == (first.serving, first.replicas)


@each_row(
    ("text", "circle"),
    [
        ("let a = a + 1", "a → a"),
        ("let a = b\nlet b = c\nlet c = a", "a → b → c → a"),
        ('let a = "${b}"\nparam b: text = a', "a → b → a"),
        ("let z = a\nlet a = b\nlet b = a", "a → b → a"),
    ],
)
def test_values_that_need_each_other_are_one_error_that_prints_the_circle(
    project: Project, text: str, circle: str
) -> None:
    [item] = [item for item in project.findings(text) if item.is_error]
    assert (item.code, item.notes) == ("E0208", (circle,))


@each_row(
    "declaration",
    [
        "let spare = 2",
        "param spare: int = 2",
        "template spare { replicas = 2 }",
        "type spare = { label: text }",
        'extern spare(x: text) -> text = python("m:f")',
    ],
)
def test_what_nothing_uses_is_a_warning_unless_its_name_begins_with_an_underscore(
    project: Project, declaration: str
) -> None:
    [item] = project.findings(f"{declaration}\n{chat('it')}")
    assert item.code == "W0210"
    assert project.findings(f"{declaration.replace('spare', '_spare')}\n{chat('it')}") == []
    assert project.findings(declaration) == []  # a file for others to import


@each_row(
    "use",
    [
        "pipeline p(x: T) -> text { return look_up(x.label) }",
        'pipeline p(x: list<T?>) -> int { _y = look_up("x")\nreturn len(x) }',
        'pipeline p(x: text) -> text { y = it(x) as T\nreturn look_up(y.label) else "no" }',
        "pipeline p(x: text) -> T { return T(label = look_up(x)) }",
        "type _U = list<T>\npipeline p(x: text) -> text { return [look_up(y) for y in [x]] as json as text }",
    ],
)
def test_types_and_externs_are_used_wherever_they_are_named(project: Project, use: str) -> None:
    extern = 'extern look_up(x: text) -> text = python("m:f")'
    assert "W0210" not in project.codes(f"type T = {{ label: text }}\n{extern}\n{chat('it')}{use}\n")


@each_row(
    "mistake",
    [
        'pipeline p(x: text) -> text { return format("{}", a = look_up(x)) }',
        "pipeline p(x: text) -> text { return cosine(x, look_up(x)) }",
        "pipeline p(x: text) -> text { return it(x, temperature = look_up(x)) }",
        "pipeline p(x: text) -> text { return [1] + look_up(x) }",
    ],
)
def test_what_a_part_with_a_mistake_names_is_not_called_unused(project: Project, mistake: str) -> None:
    extern = 'extern look_up(x: text) -> text = python("m:f")'
    codes = project.codes(f"{extern}\n{chat('it')}{mistake}\n")
    assert codes
    assert "W0210" not in codes


@each_row("name", ["", "A=B", "two words"])
def test_a_variable_must_have_a_name_that_one_can_have(project: Project, name: str) -> None:
    assert project.codes(f'deployment a {{ model = env("{name}"), runtime vllm {{ }} }}')[:1] == ["E0311"]


def test_a_variable_without_quotes_is_quoted(project: Project) -> None:
    [item] = project.findings('deployment a { model = env(NAME), runtime vllm { endpoint = "http://x" } }')
    assert [fix.title for fix in item.fixes] == ['write `env("NAME")`']


# ---- parameters


@each_row(
    ("declared", "written", "meaning"),
    [
        ("list<text>", '["a", "b,c", ""]', ["a", "b,c", ""]),
        ("list<int>", "[1, 2k]", [1, 2000]),
        ("list<list<duration>>", "[[1s], []]", [[Duration(1)], []]),
        ("text", '["a"]', '["a"]'),
        ("text", "null", "null"),
        ("text", "eu-west-1", "eu-west-1"),
        ("text", '"7"', "7"),
        ("text", "", ""),
        ("text", "a=b", "a=b"),
        *(("text", text, text) for text in ("7", "007", "1e3", "2024-10-21", "30s", "true", "$5", "80%")),
        ("text?", "7", "7"),
        ('"1" | "2"', "2", "2"),
        ("int | text", "7", 7),
        ("int", "7", 7),
        ("int", "10k", 10_000),
        ("float", "2.5", 2.5),
        ("float", "2", 2),
        ("bool", "true", True),
        ("duration", "90s", Duration(90)),
        ("size", "4GiB", Size(4 << 30)),
        ("money", "$1k", Money(1000)),
        ("percent", "95%", Percent(0.95)),
        ('"small" | "large"', "small", "small"),
        ("int?", "3", 3),
        ("range", "2..8", Range(2, 8)),
        ("int | range", "2", 2),
    ],
)
def test_set_gives_a_parameter_a_value_of_its_type(
    project: Project, declared: str, written: str, meaning: object
) -> None:
    name, given = _setting(f"p={written}")
    assert value(project, "p", f"param p: {declared}", settings={name: given}) == meaning


@each_row(
    ("declared", "written"),
    [
        ("int", "2.5"),
        ("int", "7s"),
        ("int", "seven"),
        ("float", "1%"),
        ("bool", "1"),
        ("bool", "yes"),
        ("duration", "90"),
        ("duration", "4GiB"),
        ("size", "4096"),
        ("money", "100"),
        ("percent", "0.95"),
        ('"small" | "large"', "medium"),
        ("list<int>", "1"),
    ],
)
def test_set_refuses_a_value_of_another_type_and_shows_it(
    project: Project, declared: str, written: str
) -> None:
    name, given = _setting(f"p={written}")
    [item] = project.findings(f"param p: {declared}\n{CUSTOM % 'p'}", settings={name: given})
    assert (item.code, place(item)) == ("E0301", "main.infer:1:7")
    assert written in item.message
    assert f"`{declared}`" in item.message


@each_row(
    ("declared", "default", "fits"),
    [
        ("text", '"a"', True),
        ("text", "a", False),
        ("int", "true", False),
        ("bool", "1", False),
        ("float", "1", True),
        ("int", "1.0", False),
        ("list<text>", '["a", "b"]', True),
        ("list<text>", '["a", 1]', False),
        ("list<list<int>>", "[[1], []]", True),
        ("duration?", "1s", True),
        ('"a" | "b"', '"b"', True),
        ('"a" | "b"', '"c"', False),
        ("txet", '"a"', False),
    ],
)
@each_row("word", ["param", "let"])
def test_a_declared_type_is_checked(
    project: Project, word: str, declared: str, default: str, fits: bool
) -> None:
    found = project.findings(f"{word} _p: {declared} = {default}\n{chat('it')}")
    assert [item.is_error for item in found] == ([] if fits else [True])


@each_row(
    ("declared", "given", "codes"),
    [
        ("list<text>", "[1]", ["E0301"]),
        ("list<text>", "[a]", ["E0301"]),
        ("list<text>", '[env("X")]', ["E0301"]),
        ("list<text>", '["a"', ["E0301"]),
        ("int", "null", ["E0301"]),
    ],
)
def test_what_is_set_must_have_the_type(
    project: Project, declared: str, given: str, codes: list[str]
) -> None:
    assert project.codes(f"param p: {declared}\n{CUSTOM % 'p'}", settings={"p": given}) == codes


def test_nothing_is_as_if_it_was_not_written(project: Project) -> None:
    text = """
    param where: text? = "http://127.0.0.1:1/v1"
    param organization: text?
    deployment a {
      model = "gpt-4o"
      runtime openai { api_key = env("K"), endpoint = where, organization = organization }
    }
    """
    assert project.remote(text).endpoint == "http://127.0.0.1:1/v1"
    plan = project.remote(text, settings={"where": "null", "organization": "org"})
    assert (plan.endpoint, plan.headers) == ("https://api.openai.com/v1", {"OpenAI-Organization": "org"})
    needed = 'param m: text?\ndeployment a { model = m, runtime openai { api_key = env("K") } }'
    assert project.codes(needed) == ["E0305"]
    assert project.codes(needed.replace("= m", '= "${m}"')) == ["E0310"]
    assert project.codes(f"param m: text?\n{CUSTOM % 'm'}pipeline p(x: text) -> text {{ return m }}") == [
        "E0601"
    ]


def test_a_parameter_without_a_value_is_an_error_that_says_how_to_set_it(project: Project) -> None:
    text = f"param p: int\n{CUSTOM % 'p + 1'}"
    [item] = project.findings(text)
    assert (item.code, place(item)) == ("E0310", "main.infer:1:7")
    assert "--set p=" in item.help[0]
    assert value(project, "p + 1", "param p: int", settings={"p": 2}) == 3


def test_setting_a_parameter_that_is_not_there_offers_the_one_meant(project: Project) -> None:
    [item] = project.findings(f"param region: int = 1\n{CUSTOM % 'region'}", settings={"regoin": 2})
    assert (item.code, item.help) == ("E0315", ("did you mean `region`?",))
    [item] = project.findings(f"let region = 1\n{CUSTOM % 'region'}", settings={"region": 2})
    assert (item.code, item.help) == ("E0315", ("it has no parameters",))


def test_a_key_cannot_come_in_through_set_and_is_not_repeated(project: Project) -> None:
    key = "sk-proj-0123456789abcdef"
    for declared in ("text", "int"):
        found = project.findings(f"param p: {declared}\n{CUSTOM % 'p'}", settings={"p": key})
        assert found[0].code == "E0306"
        assert all(key not in repr((item.message, item.help, item.notes)) for item in found)


# ---- calculating

KINDS = {
    "int": "6",
    "float": "1.5",
    "duration": "30s",
    "size": "4GiB",
    "money": "$100",
    "percent": "50%",
    "text": '"a"',
    "bool": "true",
    "list": "[1]",
}
GIB = 1 << 30
RESULTS: dict[tuple[str, str, str], object] = {
    ("int", "+", "int"): 12,
    ("int", "-", "int"): 0,
    ("int", "*", "int"): 36,
    ("int", "/", "int"): 1,
    ("int", "+", "float"): 7.5,
    ("int", "-", "float"): 4.5,
    ("int", "*", "float"): 9.0,
    ("int", "/", "float"): 4,
    ("float", "+", "int"): 7.5,
    ("float", "-", "int"): -4.5,
    ("float", "*", "int"): 9.0,
    ("float", "/", "int"): 0.25,
    ("float", "+", "float"): 3.0,
    ("float", "-", "float"): 0.0,
    ("float", "*", "float"): 2.25,
    ("float", "/", "float"): 1.0,
    ("duration", "+", "duration"): Duration(60),
    ("duration", "-", "duration"): Duration(0),
    ("duration", "/", "duration"): 1,
    ("size", "+", "size"): Size(8 * GIB),
    ("size", "-", "size"): Size(0),
    ("size", "/", "size"): 1,
    ("money", "+", "money"): Money(200),
    ("money", "-", "money"): Money(0),
    ("money", "/", "money"): 1,
    ("percent", "+", "percent"): Percent(1),
    ("percent", "-", "percent"): Percent(0),
    ("percent", "/", "percent"): 1,
    ("percent", "*", "percent"): Percent(0.25),
    ("duration", "*", "int"): Duration(180),
    ("duration", "*", "float"): Duration(45),
    ("duration", "*", "percent"): Duration(15),
    ("duration", "/", "int"): Duration(5),
    ("duration", "/", "float"): Duration(20),
    ("size", "*", "int"): Size(24 * GIB),
    ("size", "*", "float"): Size(6 * GIB),
    ("size", "*", "percent"): Size(2 * GIB),
    ("size", "/", "int"): Size(round(4 * GIB / 6)),
    ("size", "/", "float"): Size(round(4 * GIB / 1.5)),
    ("money", "*", "int"): Money(600),
    ("money", "*", "float"): Money(150),
    ("money", "*", "percent"): Money(50),
    ("percent", "*", "int"): Percent(3),
    ("percent", "*", "float"): Percent(0.75),
    ("percent", "/", "int"): Percent(0.5 / 6),
    ("percent", "/", "float"): Percent(0.5 / 1.5),
    ("int", "*", "duration"): Duration(180),
    ("float", "*", "duration"): Duration(45),
    ("percent", "*", "duration"): Duration(15),
    ("int", "*", "size"): Size(24 * GIB),
    ("float", "*", "size"): Size(6 * GIB),
    ("percent", "*", "size"): Size(2 * GIB),
    ("int", "*", "money"): Money(600),
    ("float", "*", "money"): Money(150),
    ("percent", "*", "money"): Money(50),
    ("int", "*", "percent"): Percent(3),
    ("float", "*", "percent"): Percent(0.75),
}
"""Every pair of kinds that can be calculated with; all others are mistakes."""

WITH_MANY_DIGITS = {("money", "/", "int"), ("money", "/", "float")}


@each_row("left", KINDS)
def test_every_pair_of_kinds_has_a_result_or_a_reason_why_not(project: Project, left: str) -> None:
    for operator, right in product("+-*/", KINDS):
        expression = f"{KINDS[left]} {operator} {KINDS[right]}"
        combination = (left, operator, right)
        if combination in WITH_MANY_DIGITS:
            assert str(value(project, expression)).startswith("$16.66" if right == "int" else "$66.66")
        elif combination in RESULTS:
            found = value(project, expression)
            assert (found, type(found)) == (RESULTS[combination], type(RESULTS[combination])), expression
        else:
            [item] = project.findings(CUSTOM % expression)
            assert item.code == "E0307", expression
            assert item.primary is not None
            assert item.primary.span.text == operator
            assert item.help, expression


@each_row(
    ("expression", "meaning"),
    [
        ("2 * 30s", Duration(60)),
        ("$100 * 10%", Money(10)),
        ("4GiB / 1GiB", 4),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("64 / 4 / 2", 8),
        ("7 / 2", 3.5),
        ("2 * (10s + 500ms)", Duration(21)),
        ("-(1s)", Duration(-1)),
        ("3 - -2", 5),
        ("0.1s + 0.2s", Duration(0.3)),
        ("$0.10 + $0.20", Money("0.3")),
        ("1KiB / 3 * 3", Size(1023)),
        ("[1 + 1, 2 * 2s]", [2, Duration(4)]),
    ],
)
def test_calculations_follow_the_rules_of_school(project: Project, expression: str, meaning: object) -> None:
    assert value(project, expression) == meaning
    assert value(project, "x", f"let x = {expression}") == meaning


@each_row("expression", ["1 / 0", "1s / 0", "$1 / 0", "1s / 0s", "1 / (2 - 2)", "1 / 0.0"])
def test_dividing_by_zero_is_an_error(project: Project, expression: str) -> None:
    [item] = project.findings(CUSTOM % expression)
    assert (item.code, item.message) == ("E0307", "this divides by zero")


def test_a_list_is_written_in_one_piece(project: Project) -> None:
    [item] = project.findings(CUSTOM % "[1] + [2, 3]")
    assert (item.code, item.message) == ("E0307", "lists are not joined")
    assert [edit.replacement for fix in item.fixes for edit in fix.edits] == ["[1, 2, 3]"]
    assert value(project, "[1, 2, 3]") == [1, 2, 3]


@each_row("expression", ["-true", '-"a"', "!true", "!1", "-[1]"])
def test_a_sign_before_what_is_no_number_is_an_error(project: Project, expression: str) -> None:
    assert project.codes(CUSTOM % expression) == ["E0307"]


@each_row("expression", ["1 < 2", "1 == 1", "true && false", "1 != 2", "true || false"])
def test_comparing_belongs_in_a_pipeline(project: Project, expression: str) -> None:
    assert project.codes(CUSTOM % expression) == ["E0309"]


def test_a_word_in_a_calculation_is_a_name_that_is_not_there(project: Project) -> None:
    [item] = [i for i in project.findings(f"let burst = 64\n{CUSTOM % 'brust / 2'}") if i.is_error]
    assert (item.code, place(item)) == ("E0201", "main.infer:2:76")
    assert [fix.title for fix in item.fixes] == ["write `burst`"]


def test_the_operator_is_marked_also_after_a_comment_that_holds_one(project: Project) -> None:
    [item] = project.findings("let _x = 1 # one + two\n  + 30s\n" + chat("it"))
    assert place(item) == "main.infer:2:3"


# ---- values do not grow without bounds


def doubled(first: str, step: str, times: int) -> str:
    lines = [f"let x0 = {first}"]
    lines += [f"let x{n} = {step.replace('x', f'x{n - 1}')}" for n in range(1, times + 1)]
    return "\n".join([*lines, chat("it", f"replicas = x{times}")])


@each_row(
    ("first", "step", "code"),
    [
        ("9", "x * x", "E0307"),
        ("9.5", "x * x", "E0307"),
        ("9TiB", "x * 1000", "E0307"),
        ("9d", "x * 1000", "E0307"),
        ("$9", "x * 1000", "E0307"),
        ("[1]", "[x, x]", "E0304"),
        ('"ha"', '"${x}${x}"', "E0304"),
    ],
)
def test_a_value_that_grows_without_end_is_stopped_with_one_error(
    project: Project, first: str, step: str, code: str
) -> None:
    assert project.codes(doubled(first, step, 90)) == [code]
