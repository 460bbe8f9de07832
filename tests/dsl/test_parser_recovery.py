"""Each typical mistake is told once, in words that say what to do, and the rest of the file is read."""

from __future__ import annotations

import pytest

from inferc.compiler.compile import check_file
from inferc.dsl.diagnostics import Diagnostic, in_order
from inferc.dsl.parsing.parser import parse
from inferc.dsl.source import Source

from ..support.rows import each_row

# One mistake each: the lines of a file, and the code, the message and the marked text of its diagnostic.
MISTAKES: list[tuple[str, list[str], tuple[str, str, str]]] = [
    (
        "a_colon_for_an_equals_sign",
        ["deployment gpt {", '  model: "x"', "  replicas = 2", "}"],
        ("E0101", "a name gets its value with `=`, not with `:`", ":"),
    ),
    (
        "a_field_without_a_value",
        ["deployment gpt {", "  model =", "  replicas = 2", "}"],
        ("E0101", "`model` has no value", "model"),
    ),
    (
        "a_field_without_a_value_above_a_block",
        ["deployment gpt {", "  model =", "  runtime openai { }", "}"],
        ("E0101", "`model` has no value", "model"),
    ),
    (
        "a_field_without_a_value_at_the_end_of_a_body",
        ["deployment gpt {", "  replicas = 2", "  model =", "}"],
        ("E0101", "`model` has no value", "model"),
    ),
    (
        "a_comma_for_a_value",
        ["deployment gpt { model = , replicas = 2 }"],
        ("E0101", "`model` has no value", "model"),
    ),
    (
        "no_comma_in_a_list",
        ["deployment gpt {", "  providers = [cuda cpu]", "}"],
        ("E0101", "a `,` is missing here", "cpu"),
    ),
    (
        "no_comma_in_a_list_over_lines",
        ["deployment gpt {", "  providers = [", "    cuda", "    cpu", "  ]", '  model = "x"', "}"],
        ("E0101", "a `,` is missing here", "cpu"),
    ),
    (
        "no_comma_in_a_call",
        ["deployment gpt {", '  api_key = env("A" "B")', "}"],
        ("E0101", "a `,` is missing here", '"•"'),
    ),
    (
        "a_number_with_commas",
        [
            "deployment gpt {",
            "  budget { max_spend_per_day = $1,000.50, on_exceeded = warn }",
            '  model = "x"',
            "}",
        ],
        ("E0106", "a number is written without commas", "$1,000.50"),
    ),
    (
        "a_number_with_commas_at_the_end_of_a_declaration",
        ["let x = 1,000,000", "let y = 1"],
        ("E0106", "a number is written without commas", "1,000,000"),
    ),
    (
        "an_equals_sign_before_a_block",
        ["deployment gpt {", "  retry = { max_retries = 2 }", '  model = "x"', "}"],
        ("E0101", "`retry` is a block: no `=` stands before its `{`", "="),
    ),
    (
        "a_text_without_its_end",
        ["deployment gpt {", '  model = "gpt', "  replicas = 2", "}"],
        ("E0102", "this text is never closed", '"'),
    ),
    (
        "a_text_without_its_end_in_a_list",
        ["deployment gpt {", '  x = ["gpt, 2]', "  replicas = 2", "}"],
        ("E0102", "this text is never closed", '"'),
    ),
    (
        "a_text_without_its_end_in_a_block_on_one_line",
        ['deployment gpt { model = "gpt, replicas = 2 }', "let x = 1"],
        ("E0102", "this text is never closed", '"'),
    ),
    (
        "a_long_text_without_its_end",
        ["deployment gpt {", '  model = """gpt', "  replicas = 2", "}", "", "let x = 1"],
        ("E0102", "this text is never closed", '"""'),
    ),
    (
        "a_block_without_its_end_is_found_by_the_indentation",
        [
            "deployment gpt {",
            '  model = "x"',
            "  retry {",
            "    max_retries = 2",
            "  replicas = 2",
            "}",
            "",
            "let x = 1",
        ],
        ("E0103", "this `{` is never closed", "{"),
    ),
    (
        "a_deployment_without_its_end",
        ["deployment gpt {", '  model = "x"', "", "let x = 1"],
        ("E0103", "this `{` is never closed", "{"),
    ),
    (
        "the_last_declaration_without_its_end",
        ["deployment gpt {", '  model = "x"'],
        ("E0103", "this `{` is never closed", "{"),
    ),
    (
        "a_brace_too_many_at_the_end",
        ["deployment gpt {", '  model = "x"', "}", "}", "let x = 1"],
        ("E0104", "this `}` closes nothing", "}"),
    ),
    (
        "a_brace_too_many_inside",
        ["deployment gpt {", "  retry { a = 1 } }", '  model = "x"', "}", "", "let x = 1"],
        ("E0104", "this `}` ends the declaration, and more fields follow", "}"),
    ),
    (
        "single_quotes",
        ["deployment gpt {", "  model = 'x'", "}"],
        ("E0105", "a text stands between straight double quotes", "'x'"),
    ),
    (
        "typographic_quotes",
        ["deployment gpt {", "  model = “x”", "}"],
        ("E0105", "a text stands between straight double quotes", "“x”"),
    ),
    (
        "a_name_in_typographic_quotes",
        ["deployment “gpt” {", '  model = "x"', "}"],
        ("E0105", "a text stands between straight double quotes", "“gpt”"),
    ),
    (
        "a_semicolon_between_fields",
        ["deployment gpt {", '  model = "x"; replicas = 2', "}"],
        ("E0105", "`;` separates nothing here", ";"),
    ),
    (
        "a_comment_with_slashes",
        ["deployment gpt {", "  // the model", '  model = "x"', "}"],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_comment_with_slashes_behind_a_field",
        ["deployment gpt {", '  model = "x" // the model, mine', "  replicas = 2", "}"],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_comment_with_slashes_at_the_top",
        ["// hello there", "let x = 1"],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_comment_with_slashes_behind_a_number",
        ["deployment gpt {", "  replicas = 7 // 2 of them", '  model = "x"', "}"],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_comment_with_slashes_behind_a_number_in_one_word",
        ["deployment gpt {", "  replicas = 7 // two", '  model = "x"', "}"],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_division_with_two_slashes",
        ["deployment gpt {", "  replicas = 7 // 2", '  model = "x"', "}"],
        ("E0105", "numbers are divided with `/`", "//"),
    ),
    (
        "a_division_with_two_slashes_that_goes_on",
        ["let n = 7", "let m = (n // 2) + n"],
        ("E0105", "numbers are divided with `/`", "//"),
    ),
    (
        "a_division_with_two_slashes_by_a_name",
        ["pipeline p(n: int, k: int) -> int {", "  return floor(n // k)", "}"],
        ("E0105", "numbers are divided with `/`", "//"),
    ),
    (
        "a_line_of_slashes",
        ["let m = 4 " + "// 2 " * 1000],
        ("E0105", "comments start with `#`", "//"),
    ),
    (
        "a_variable_of_the_environment_inside_a_text",
        ["deployment gpt {", '  runtime vllm { endpoint = "https://${env("HOST")}/v1" }', "}", "let x = 1"],
        ("E0112", "only a name may stand between `${` and `}`", "${env("),
    ),
    (
        "a_variable_of_the_environment_inside_a_long_text",
        ['let x = """https://${env("HOST")}/v1"""'],
        ("E0112", "only a name may stand between `${` and `}`", '${env("HOST")}'),
    ),
    (
        "a_gateway_with_a_name",
        ["gateway main {", "}", "let x = 1"],
        ("E0101", "a gateway has no name", "main"),
    ),
    (
        "a_cluster_with_a_quoted_name",
        ['cluster "main" {', "}", "let x = 1"],
        ("E0101", "a cluster has no name", '"main"'),
    ),
    (
        "a_switch",
        [
            "pipeline p(x: text) -> text {",
            '  a = switch x { "a" | "b" => "c" _ => f(x, "d") }',
            "  return a",
            "}",
        ],
        ("E0101", "several cases are a `match`, not a `switch`", "switch"),
    ),
    (
        "a_switch_over_a_field",
        [
            "pipeline p(x: X) -> text {",
            "  return switch x.label {",
            '    "a" => "b"',
            '    _ => "c"',
            "  }",
            "}",
        ],
        ("E0101", "several cases are a `match`, not a `switch`", "switch"),
    ),
    (
        "a_switch_with_parentheses",
        ["pipeline p(x: text) -> text {", '  a = switch (x) { "a" => "b", _ => "c" }', "  return a", "}"],
        ("E0101", "several cases are a `match`, not a `switch`", "switch"),
    ),
    (
        "a_comment_over_lines",
        ["/* hello", " there */", "let x = 1"],
        ("E0105", "comments start with `#`", "/*"),
    ),
    (
        "a_comment_with_dashes",
        ["-- hello there", "let x = 1"],
        ("E0105", "comments start with `#`", "--"),
    ),
    (
        "a_unit_by_its_long_name",
        ["deployment gpt {", "  timeout = 30sec", "}"],
        ("E0106", "there is no unit `sec`", "sec"),
    ),
    (
        "a_decimal_size",
        ["deployment gpt {", "  memory = 4GB", "}"],
        ("E0106", "there is no unit `GB`", "GB"),
    ),
    (
        "an_unknown_unit",
        ["deployment gpt {", "  memory = 4foo", "}"],
        ("E0106", "there is no unit `foo`", "foo"),
    ),
    (
        "a_space_before_a_unit",
        ["deployment gpt {", "  memory = 4 GiB", "}"],
        ("E0106", "no space stands between a number and its unit", "GiB"),
    ),
    (
        "a_space_before_percent",
        ["deployment gpt {", "  memory = 95 %", "}"],
        ("E0106", "no space stands between a number and its unit", "%"),
    ),
    (
        "two_points_in_a_number",
        ["deployment gpt {", "  memory = 4.5.6", "}"],
        ("E0106", "`4.5.6` is no number", "4.5.6"),
    ),
    (
        "an_exponent",
        ["deployment gpt {", "  memory = 1e5", "}"],
        ("E0106", "`1e5` is no number", "1e5"),
    ),
    (
        "a_number_that_starts_with_a_point",
        ["deployment gpt {", "  memory = .5", "}"],
        ("E0106", "a number starts with a digit", "."),
    ),
    (
        "a_reserved_word_as_a_field",
        ["deployment gpt {", '  type = "x"', "}"],
        ("E0109", "`type` is a reserved word", "type"),
    ),
    (
        "a_reserved_word_as_a_name",
        ["let route = 1"],
        ("E0109", "`route` is a reserved word", "route"),
    ),
    (
        "a_reserved_word_as_the_name_of_a_deployment",
        ["deployment route {", '  model = "x"', "}"],
        ("E0109", "`route` is a reserved word", "route"),
    ),
    (
        "a_reserved_word_as_a_value",
        ["deployment gpt {", "  on = match", '  model = "x"', "}"],
        ("E0109", "`match` is a reserved word", "match"),
    ),
    (
        "a_misspelt_declaration",
        ["deploymnt gpt {", '  model = "x"', "}"],
        ("E0101", "a declaration cannot start with `deploymnt`", "deploymnt"),
    ),
    (
        "a_declaration_of_another_language",
        ["service gpt {", '  model = "x"', "  retry { a = 1 }", "}", "let x = 1"],
        ("E0101", "a declaration cannot start with `service`", "service"),
    ),
    (
        "a_variable_of_another_language",
        ["var x = 1", "let y = 2"],
        ("E0101", "a declaration cannot start with `var`", "var"),
    ),
    (
        "a_block_of_a_deployment_at_the_top",
        ['runtime openai { api_key = env("KEY") }', "let y = 2"],
        ("E0101", "a declaration cannot start with `runtime`", "runtime"),
    ),
    (
        "a_power",
        ["let x = 2 ** 3", "let y = 2"],
        ("E0101", "no power is taken with `**`", "*"),
    ),
    (
        "a_remainder",
        ["let x = 7 % 2", "let y = 2"],
        ("E0101", "`%` gives no remainder: it is a unit, as in `95%`", "%"),
    ),
    (
        "a_list_in_a_list",
        ["let x = [...[1], 2]", "let y = 2"],
        ("E0101", "nothing is spread into a list or record with `...`", ".."),
    ),
    (
        "a_field_at_the_top",
        ["x = 1", "let y = 2"],
        ("E0101", "a declaration cannot start with `x`", "x"),
    ),
    (
        "a_deployment_without_braces",
        ['deployment gpt model = "x"', "let y = 1"],
        ("E0103", "the fields of a deployment stand between `{` and `}`", ""),
    ),
    (
        "a_deployment_without_its_opening_brace",
        ["deployment gpt", '  model = "x"', "  replicas = 2", "}", "let y = 1"],
        ("E0103", "the fields of a deployment stand between `{` and `}`", ""),
    ),
    (
        "an_equals_sign_before_the_body_of_a_deployment",
        ["deployment gpt = {", '  model = "x"', "}", "let y = 1"],
        ("E0101", "no `=` stands before the `{` of a block", "="),
    ),
    (
        "a_colon_before_the_body_of_a_deployment",
        ["deployment gpt: {", '  model = "x"', "}", "let y = 1"],
        ("E0101", "no `:` stands before the `{` of a block", ":"),
    ),
    (
        "a_deployment_without_a_name",
        ["deployment {", '  model = "x"', "}", "let y = 1"],
        ("E0101", "a deployment needs a name", "deployment"),
    ),
    (
        "an_unknown_escape",
        ["deployment gpt {", '  model = "a\\qb"', "}"],
        ("E0111", "`\\q` is no escape", "\\q"),
    ),
    (
        "an_expression_inside_a_text",
        ["deployment gpt {", '  model = "a${b + 1}"', "}"],
        ("E0112", "only a name may stand between `${` and `}`", "${b + 1}"),
    ),
    (
        "a_number_without_an_equals_sign",
        ["deployment gpt {", "  replicas 2", '  model = "x"', "}"],
        ("E0101", "a `=` is missing after `replicas`", " "),
    ),
    (
        "a_word_without_an_equals_sign",
        ["deployment gpt {", "  jitter equal", '  model = "x"', "}"],
        ("E0101", "a `=` is missing after `jitter`", " "),
    ),
    (
        "a_text_without_an_equals_sign",
        ["deployment gpt {", '  model "x"', "  replicas = 2", "}"],
        ("E0101", "a `=` is missing after `model`", " "),
    ),
    (
        "a_word_without_an_equals_sign_above_a_block",
        ["deployment gpt {", "  jitter equal", "  retry { }", "}"],
        ("E0101", "a `=` is missing after `jitter`", " "),
    ),
    (
        "a_list_without_its_end",
        ["deployment gpt {", "  providers = [cuda, cpu", '  model = "x"', "}"],
        ("E0103", "this `[` is never closed", "["),
    ),
    (
        "a_list_without_its_end_in_a_block_on_one_line",
        ["deployment gpt { providers = [cuda, cpu }", "let x = 1"],
        ("E0103", "this `[` is never closed", "["),
    ),
    (
        "a_call_without_its_end",
        ["deployment gpt {", '  api_key = env("X"', '  model = "x"', "}"],
        ("E0103", "this `(` is never closed", "("),
    ),
    (
        "a_round_bracket_for_a_square_one",
        ["deployment gpt {", "  providers = [cuda, cpu)", '  model = "x"', "}"],
        ("E0103", "expected `]`, found `)`", ")"),
    ),
    (
        "a_brace_for_a_square_bracket",
        ["deployment gpt {", "  providers = [cuda, cpu}", '  model = "x"', "}"],
        ("E0103", "expected `]`, found `}`", "}"),
    ),
    (
        "a_square_bracket_for_a_brace",
        ['deployment gpt { model = "x" ]', "let x = 1"],
        ("E0103", "expected `}`, found `]`", "]"),
    ),
    (
        "a_round_bracket_too_many",
        ["deployment gpt {", '  api_key = env("A"))', '  model = "x"', "}"],
        ("E0104", "this `)` closes nothing", ")"),
    ),
    (
        "two_fields_on_a_line",
        ["deployment gpt {", '  model = "x" replicas = 2', "}"],
        ("E0108", "two fields on one line need a comma between them", "replicas"),
    ),
    (
        "two_equals_signs",
        ["deployment gpt {", "  a == 2", "}"],
        ("E0101", "a name gets its value with `=`, not with `==`", "=="),
    ),
    (
        "a_colon_before_an_equals_sign",
        ["deployment gpt {", "  a := 2", "}"],
        ("E0101", "a name gets its value with `=`, not with `:=`", ":"),
    ),
    (
        "two_commas_between_fields",
        ["deployment gpt {", "  retry { a = 1,, b = 2 }", "}"],
        ("E0108", "this comma separates nothing", ","),
    ),
    (
        "two_commas_in_a_list",
        ["deployment gpt {", "  a = [b,, c]", '  model = "x"', "}"],
        ("E0108", "this comma separates nothing", ","),
    ),
    (
        "an_operator_without_its_right_side",
        ["deployment gpt {", "  a = 1 +", '  model = "x"', "}"],
        ("E0101", "a value is missing after `+`", "+"),
    ),
    (
        "an_address_without_quotes",
        ["deployment gpt {", "  endpoint = http://localhost:8000/v1", '  model = "x"', "}"],
        ("E0105", "a text stands between double quotes", "http://localhost:8000/v1"),
    ),
    (
        "a_model_without_quotes",
        ["deployment gpt {", "  model = gpt-4o-mini", "  replicas = 2", "}"],
        ("E0105", "a text stands between double quotes", "gpt-4o-mini"),
    ),
    (
        "an_interpolation_outside_of_a_text",
        ["deployment gpt {", "  model = ${x}", "  a = 1", "}"],
        ("E0105", "a name stands alone here", "${x}"),
    ),
    (
        "one_ampersand",
        ["deployment gpt {", "  a = b & c", "}"],
        ("E0105", "“and” is written `&&`", "&"),
    ),
    (
        "the_word_and",
        ["deployment gpt {", "  a = b and c", "  d = 1", "}"],
        ("E0101", "“and” is written `&&`", "and"),
    ),
    (
        "an_annotation",
        ["deployment gpt {", "  @foo", '  model = "x"', "}"],
        ("E0105", "`@` means nothing here", "@"),
    ),
    (
        "a_route_without_an_equals_sign",
        ["route r fallback [a, b]", "let y = 1"],
        ("E0101", "a `=` is missing after `r`", " "),
    ),
    (
        "a_route_without_its_kind",
        ["route r = [a, b]", "let y = 1"],
        ("E0101", "a word before the list says how its members share the work", "["),
    ),
    (
        "an_import_without_quotes",
        ["import x.infer as x", "let z = 2"],
        ("E0105", "the name of a file stands between double quotes", "x.infer"),
    ),
    (
        "no_comma_between_imported_names",
        ['import { a b } from "x.infer"', "let z = 2"],
        ("E0101", "a `,` is missing here", "b"),
    ),
    (
        "no_comma_between_templates",
        ["deployment x from a b {", '  model = "x"', "}"],
        ("E0101", "a `,` is missing here", "b"),
    ),
    (
        "a_let_without_an_equals_sign",
        ["let y 1", "let z = 2"],
        ("E0101", "a `=` is missing after `y`", " "),
    ),
    (
        "a_let_without_a_value",
        ["let y =", "let z = 2"],
        ("E0101", "`y` has no value", "y"),
    ),
    (
        "a_parameter_without_type_and_value",
        ["param y", "let z = 2"],
        ("E0101", "`y` has no value", "y"),
    ),
    (
        "a_pipeline_without_a_result",
        ["pipeline p(a: text) {", "  return a", "}", "let x = 1"],
        ("E0101", "expected `->`, found `{`", "{"),
    ),
    (
        "a_colon_before_the_result_of_a_pipeline",
        ["pipeline p(a: text): text {", "  return a", "}", "let x = 1"],
        ("E0101", "the type of the result follows `->`, not `:`", ":"),
    ),
    (
        "a_let_inside_a_pipeline",
        ["pipeline p(a: text) -> text {", "  let x = f(a)", "  return x", "}", "let x = 1"],
        ("E0101", "no `let` stands before the name of a step or field", "let"),
    ),
    (
        "a_step_without_a_name",
        ["pipeline p(a: text) -> text {", "  f(a)", "  return a", "}", "let x = 1"],
        ("E0101", "the result of `f(…)` has no name", "f"),
    ),
    (
        "a_thin_arrow_in_a_match",
        [
            "pipeline p(a: text) -> text {",
            "  x = match a {",
            '    "b" -> f(a)',
            "    _ => a",
            "  }",
            "  return x",
            "}",
            "let x = 1",
        ],
        ("E0101", "what a pattern leads to follows `=>`, not `->`", "->"),
    ),
    (
        "a_colon_in_a_match",
        [
            "pipeline p(a: text) -> text {",
            "  x = match a {",
            '    "b": f(a)',
            "    _ => a",
            "  }",
            "  return x",
            "}",
            "let x = 1",
        ],
        ("E0101", "what a pattern leads to follows `=>`, not `:`", ":"),
    ),
    (
        "options_without_braces",
        ["pipeline p(a: text) -> text {", "  x = f(a) with timeout = 2s", "  return x", "}", "let x = 1"],
        ("E0101", "the options after `with` stand between `{` and `}`", "timeout"),
    ),
    (
        "an_equals_sign_in_a_record_type",
        ["type X = { a = text }", "let z = 1"],
        ("E0101", "`:` stands between these two, not `=`", "="),
    ),
    (
        "square_brackets_in_a_type",
        ["type X = list[text]", "let z = 1"],
        ("E0101", "what a list is made of stands between `<` and `>`", "["),
    ),
    (
        "an_if_without_else",
        ["pipeline p(a: text) -> text {", "  x = if a { b }", "  return x", "}", "let x = 1"],
        ("E0101", "expected `else`, found the reserved word `return`", ""),
    ),
    (
        "a_no_break_space",
        ["let x = 1"],
        ("E0105", "the character U+00A0 is no plain space", " "),
    ),
    (
        "an_emoji_as_a_name",
        ["let 😀 = 1", "let y = 2"],
        ("E0105", "`😀` means nothing here", "😀"),
    ),
    (
        "a_dash_in_the_name_of_a_deployment",
        ["deployment gpt-4 {", '  model = "x"', "}", "let y = 1"],
        ("E0101", "a name with `-` needs quotes", "gpt-4"),
    ),
    (
        "a_dash_in_the_name_of_a_field",
        ["deployment gpt {", "  max-retries = 2", '  model = "x"', "}"],
        ("E0101", "a name holds no `-`", "max-retries"),
    ),
    (
        "a_field_with_a_point",
        ["deployment gpt {", "  retry.max_retries = 2", '  model = "x"', "}"],
        ("E0101", "a field is named without the block around it", "retry.max_retries"),
    ),
    (
        "a_name_that_starts_with_a_digit",
        ["deployment 4o {", '  model = "x"', "}", "let y = 1"],
        ("E0101", "a name that starts with a digit needs quotes", "4o"),
    ),
    (
        "a_block_without_its_opening_brace",
        ["deployment gpt {", "  retry", "    a = 1", "  }", '  model = "x"', "}"],
        ("E0103", "the fields of `retry` stand between `{` and `}`", ""),
    ),
    (
        "a_deployment_inside_a_deployment",
        ["deployment a {", "  deployment b {", '    model = "x"', "  }", "}", "let x = 1"],
        ("E0101", "a declaration cannot stand inside another one", "deployment"),
    ),
]


@each_row(("lines", "expected"), [pytest.param(*case, id=name) for name, *case in MISTAKES])
def test_one_mistake_is_told_once(lines: list[str], expected: tuple[str, str, str]) -> None:
    source = Source("m.infer", "\n".join(lines) + "\n")
    [found] = parse(source).diagnostics
    assert found.primary is not None
    assert (found.code, found.message, found.primary.span.text) == expected


def test_a_safe_fix_leaves_nothing_to_say() -> None:
    for name, lines, _ in MISTAKES:
        text = "\n".join(lines) + "\n"
        found = parse(Source("m.infer", text)).diagnostics
        if any(fix.safe for item in found for fix in item.fixes):
            assert parse(Source("m.infer", fixed(text, found[0]))).diagnostics == (), name


def fixed(text: str, found: Diagnostic) -> str:
    """`text` after the first safe fix."""
    fix = next(fix for fix in found.fixes if fix.safe)
    for edit in sorted(fix.edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text


def test_the_same_mistake_twice_is_told_twice() -> None:
    for name, lines, _ in MISTAKES:
        if name == "a_long_text_without_its_end":
            continue
        text = "\n".join(lines) + "\n"
        found = parse(Source("m.infer", f"{text}gateway {{}}\n{text}")).diagnostics
        assert [item.code for item in found] == [found[0].code] * 2, name


TWENTY_MISTAKES = """\
import policies as shared
parm region: text = "us-east-1"
let burst 64

template production {
  runtime openai {
    api_key: env("KEY")
    retry = { max_retries = 5, jitter = equal }
    timeouts { request = 30s read = 10s }
    rate_limits { requests_per_minute = 10k,, strict = true }
  }
}

deployment gpt-4 from production {
  model = 'gpt-4o-mini'
  replicas 2
  serving { on_capacity_exhausted = fallback(claude] }
  // a comment
  budget { max_spend_per_hour = $100; on_exceeded = throttle }
}

deployment claude {
  model =
  runtime anthropic { api_key = env("KEY"}
}

deployment embedder {
  providers = [cuda cpu]
  prompt_text = "a\\qb"
}

route assistant fallback [gpt, claude]

pipeline reply(message: text) -> text {
  answer = match message {
    "refund" -> gpt(message)
    _ => claude(message)
  }
  return answer
"""


def test_twenty_unrelated_mistakes_are_twenty_diagnostics() -> None:
    found = in_order(parse(Source("m.infer", TWENTY_MISTAKES)).diagnostics)
    places = [item.primary.span.source.position(item.primary.span.start)[0] for item in found if item.primary]
    assert places == [1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 17, 18, 19, 23, 24, 28, 29, 32, 34, 36]


def test_the_brace_that_was_forgotten_is_shown_with_the_one_that_closed_too_early() -> None:
    text = "deployment a {\n  retry {\n    max_retries = 2\n  replicas = 2\n}\n\nlet x = 1\n"
    [found] = parse(Source("m.infer", text)).diagnostics
    assert found.primary is not None
    assert found.primary.span.start == text.index("{", text.index("retry"))
    assert [label.span.start for label in found.secondary] == [text.index("}")]


def test_what_stands_after_a_mistake_is_read() -> None:
    text = (
        "deployment a {\n  model = \n  replicas = 2\n  retry { a = = 1, b = 2 }\n  gpus = 1\n}\nlet x = 1\n"
    )
    parsed = parse(Source("m.infer", text))
    assert len(parsed.declarations) == 2
    assert {name for name in ("replicas", "gpus", "b") if f"'{name}'" in repr(parsed.declarations)} == {
        "replicas",
        "gpus",
        "b",
    }


@each_row(
    "text",
    ["let x = ;\n" * 5000, f"deployment x {{ a = 1{',' * 5000} }}\n", 'let x = "' + r"\q" * 5000 + '"\n'],
    ids=["tokens", "commas", "escapes"],
)
def test_reading_stops_after_a_thousand_mistakes(text: str) -> None:
    parsed = parse(Source("m.infer", f"let first = 1\n{text}"))
    assert len(parsed.diagnostics) == 1001
    assert parsed.diagnostics[-1].code == "E0110"
    assert parsed.declarations


@each_row("dimension", ["30s", "2.5", "$3", "9" * 5000])
def test_a_dimension_is_a_name_or_a_whole_number(dimension: str) -> None:
    [found] = parse(Source("m.infer", f"type x = tensor<f32, [batch, {dimension}]>\n")).diagnostics
    assert found.code == "E0106"


@each_row(
    ("written", "place"),
    [
        ('runtime openai { api_key = env("K") }', 'deployment name { model = "…", runtime openai { … } }'),
        ("retry { max_retries = 2 }", 'deployment name { model = "…", runtime openai { retry … } }'),
        ('api_key = env("K")', 'deployment name { model = "…", runtime openai { api_key … } }'),
        ("budget { max_spend_per_day = $2 }", 'deployment name { model = "…", budget … }'),
        ('model = "openai/gpt-4o"', 'deployment name { model = "…" }'),
        ('key team { secret = env("K") }', "gateway { key name { … } }"),
        ('route a = fallback [b]\nkey team { secret = env("K") }', "gateway { key name { … } }"),
    ],
)
def test_what_stands_outside_is_told_where_it_belongs(written: str, place: str) -> None:
    [found] = parse(Source("m.infer", written)).diagnostics
    assert found.code == "E0101"
    assert f"`{place}`" in " ".join(found.help)


@each_row(
    ("head", "right"),
    [
        ('deployment openai "gpt"', 'deployment "gpt"'),
        ('deployment gpt "my model"', "deployment gpt"),
        ('gateway "main"', "gateway"),
    ],
)
def test_a_name_too_many_is_the_one_to_remove(head: str, right: str) -> None:
    text = f"{head} {{\n}}\n"
    [found] = parse(Source("m.infer", text)).diagnostics
    [[edit]] = [fix.edits for fix in found.fixes]
    assert text[: edit.span.start] + edit.replacement + text[edit.span.end :] == f"{right} {{\n}}\n"


def test_a_variable_inside_a_text_is_told_with_what_to_write() -> None:
    [found] = parse(Source("m.infer", 'let x = "https://${env("HOST")}/v1"\n')).diagnostics
    assert found.help == ('write `let value = env("HOST")` above, and `${value}` here',)


def test_a_number_by_the_minute_is_changed_by_nobody_alone() -> None:
    [found] = parse(Source("m.infer", "deployment a { max_tokens = 60rpm }\n")).diagnostics
    assert [(fix.title, fix.safe) for fix in found.fixes] == [("write `60`", False)]


@each_row("text", ['let b"""u = 2\nx = "y"\n', 'let f"""x = 1', 'let r"x" = 1\n'])
def test_a_letter_before_the_text_of_a_name_is_told_once(text: str) -> None:
    found = check_file("m", None, text=text).diagnostics
    assert sum("before a text" in item.message for item in found) == 1


@each_row(
    ("body", "codes"),
    [
        ("model = deepinfra/meta-llama/Llama-3.3-70B-Instruct", ["E0103", "E0105"]),
        ("max_length = 256= llama3:8b", ["E0101"]),
        ("request { defaults {= ./m.onnx", ["E0101"]),
        ("runtime openai { api_key = [e0.0.0.0:80", ["E0103", "E0105"]),
    ],
)
def test_a_text_without_quotes_at_the_end_of_a_file_ends_the_reading(body: str, codes: list[str]) -> None:
    found = check_file("x.infer", None, text=f"deployment chat {{\n  {body}").diagnostics
    assert [each.code for each in found] == codes
