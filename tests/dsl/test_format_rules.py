"""The rules of the one style, one by one."""

from __future__ import annotations

import pytest

from inferc.dsl.formatting import format_source, unified_diff
from inferc.dsl.source import Source

from ..support.rows import each_row


def formatted(text: str) -> str:
    return format_source(Source("m.infer", text)).text


RULES: list[tuple[str, str, str]] = [
    ("spaces_around_signs", "let a=1+2*3==b&&c", "let a = 1 + 2 * 3 == b && c\n"),
    ("no_space_after_a_sign", "let a = - 1 - - b + ! c", "let a = -1 - -b + !c\n"),
    ("no_spaces_in_round_brackets", "let a = f ( x , ( y ) , z = 1 )", "let a = f(x, (y), z = 1)\n"),
    ("no_spaces_in_square_brackets", "let a = [ 1,2 , ]", "let a = [1, 2]\n"),
    ("spaces_in_braces", "gateway{a=1}", "gateway { a = 1 }\n"),
    ("empty_braces", "gateway  {\n\n}", "gateway {}\n"),
    (
        "a_comma_only_after_what_has_no_brace",
        "gateway{a=1,b{}c=2,d{},}",
        "gateway { a = 1, b {} c = 2, d {} }\n",
    ),
    ("a_colon_sticks", "param a :text", "param a: text\n"),
    ("points_and_question_marks_stick", "let a = b . c\nparam d: x . y ?", "let a = b.c\nparam d: x.y?\n"),
    ("types", 'type T=list<tensor<f32,[a 1]>>|"x"', 'type T = list<tensor<f32, [a, 1]>> | "x"\n'),
    ("comparing_is_no_bracket", "let a = b<c&&d>e", "let a = b < c && d > e\n"),
    ("one_blank_line_at_most", "let a = 1\n\n\n\nlet b = 2", "let a = 1\n\nlet b = 2\n"),
    ("no_blank_line_at_the_edges", "gateway {\n\n  a = 1\n\n}", "gateway {\n  a = 1\n}\n"),
    (
        "no_blank_line_before_a_first_comment",
        "gateway {\n\n  # c\n\n  a = 1\n}",
        "gateway {\n  # c\n\n  a = 1\n}\n",
    ),
    ("no_blank_line_around_a_file", "\n\n\nlet a = 1\n\n\n", "let a = 1\n"),
    (
        "a_blank_line_beside_what_has_lines",
        "let a = 1\ngateway {\n  a = 1\n}\nlet b = 2",
        "let a = 1\n\ngateway {\n  a = 1\n}\n\nlet b = 2\n",
    ),
    (
        "it_comes_before_the_comments",
        "let a = 1  # a\n# b\ngateway {\n  a = 1\n}",
        "let a = 1  # a\n\n# b\ngateway {\n  a = 1\n}\n",
    ),
    ("a_declaration_a_line", "let a = 1 let b = 2", "let a = 1\nlet b = 2\n"),
    (
        "no_column_alignment",
        "gateway {\n  a   = 1   # x\n  bcd = 2   # y\n}",
        "gateway {\n  a = 1  # x\n  bcd = 2  # y\n}\n",
    ),
    (
        "a_space_after_the_hash",
        "#a\n##b\n#!c\n#\n###\n#   d\nlet a = 1#e",
        "# a\n## b\n#!c\n#\n###\n#   d\nlet a = 1  # e\n",
    ),
    (
        "comments_are_indented",
        "gateway {\n# a\n      # b\n  a = 1\n# c\n}",
        "gateway {\n  # a\n  # b\n  a = 1\n  # c\n}\n",
    ),
    (
        "a_comment_behind_a_bracket",
        "gateway { # a\n  b = [ # c\n    1 # d\n  , 2 ] # e\n}",
        "gateway {  # a\n  b = [  # c\n    1,  # d\n    2,\n  ]  # e\n}\n",
    ),
    ("a_comment_in_an_expression", "let a = # b\n  1 + # c\n  2", "let a =  # b\n  1 +  # c\n  2\n"),
    ("only_comments", "\n#a\n\n\n# b", "# a\n\n# b\n"),
    ("a_block_over_lines_has_no_commas", "gateway { a = 1,\n  b = 2, }", "gateway {\n  a = 1\n  b = 2\n}\n"),
    ("a_list_over_lines_ends_with_a_comma", "let a = [1,\n 2]", "let a = [\n  1,\n  2,\n]\n"),
    ("a_call_over_lines_ends_with_a_comma", "let a = f(\n1, b = 2)", "let a = f(\n  1,\n  b = 2,\n)\n"),
    (
        "a_call_may_hold_what_has_lines",
        "let a = f(match b {\n  _ => 1\n})",
        "let a = f(match b {\n  _ => 1\n})\n",
    ),
    ("a_group_takes_no_comma", "let a = (\n b\n)", "let a = (\n  b\n)\n"),
    ("lines_begin_with_the_operator", "let a = b +\n  c\n  else d", "let a = b\n  + c\n  else d\n"),
    ("other_breaks_are_removed", "let a\n =\n f(\n)\n.b", "let a = f().b\n"),
    (
        "both_branches_have_lines_or_none",
        "let a = if b { c } else {\nd }",
        "let a = if b {\n  c\n} else {\n  d\n}\n",
    ),
    (
        "a_long_text_is_left_alone",
        'let a = """\n      b  \n   c\n """',
        'let a = """\n      b  \n   c\n """\n',
    ),
    ("a_block_with_a_long_text_has_lines", 'gateway { a = """\nb""" }', 'gateway {\n  a = """\nb"""\n}\n'),
    ("a_text_is_left_alone", r'let a="b  \" # c  ${d}"', 'let a = "b  \\" # c  ${d}"\n'),
    (
        "numbers_are_left_alone",
        "let a = [10_000, 2.50, 1k, $1.0M, 95%, 30s]",
        "let a = [10_000, 2.50, 1k, $1.0M, 95%, 30s]\n",
    ),
    (
        "windows_lines",
        'gateway {\r\n  a = """\r\n  b\r\n  """ # c\r\n\r\n}\r\n',
        'gateway {\n  a = """\n  b\n  """  # c\n}\n',
    ),
    ("a_byte_order_mark", "\ufefflet a = 1", "let a = 1\n"),
    ("nothing", "", ""),
    ("hardly_anything", " \n\ufeff\n ", ""),
]


@each_row(("text", "expected"), [pytest.param(*case, id=name) for name, *case in RULES])
def test_a_rule_of_the_style(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


def test_whether_anything_changed_is_told() -> None:
    assert format_source(Source("m.infer", "let a=1")).changed
    assert not format_source(Source("m.infer", "let a = 1\n")).changed
    assert not format_source(Source("m.infer", "")).changed


@each_row(
    "broken",
    [
        "let   a   =  )  1",
        "deployment  x {\n\n\n    model:   y\t\n      # c  \n}",
        "let  x = 'a'",
        "  service   x { }",
    ],
)
def test_what_is_broken_stays_as_it_is(broken: str) -> None:
    result = format_source(Source("m.infer", f"let  b  = 1\n{broken}\n\n\n\nlet  c  = 2"))
    assert result.text == f"let b = 1\n{broken}\n\nlet c = 2\n"
    assert result.diagnostics


@each_row("comment", ["# infer: allow W0301", "# why"])
def test_a_line_that_a_remark_to_the_checker_belongs_to_stays_whole(comment: str) -> None:
    line = f"budget {{ max_spend_per_hour = $100, {'x' * 60} = 1, on_exceeded = throttle }}"
    assert len(line) > 100
    for text in (f"gateway {{\n  {line}  {comment}\n}}\n", f"cluster {line[7:]}  {comment}\n"):
        assert (formatted(text) == text) == ("infer" in comment)


def test_a_diff_is_one_that_patch_reads() -> None:
    assert unified_diff("a\nb\n", "a\nc\n", "x.infer").split("\n")[:2] == ["--- a/x.infer", "+++ b/x.infer"]
    assert unified_diff("a", "a\n", "x").endswith("-a\n\\ No newline at end of file\n+a\n")
    assert unified_diff("a\n", "a\n", "x") == ""
    assert "+a\x0bb\u2028c\n" in unified_diff("", "a\x0bb\u2028c\n", "x")
