"""The grammar of Tree-sitter, turned out of `infer.lark` rule by rule.

A rule of the Lark grammar becomes a hidden rule; an alternative with a name becomes a node of that name.
Tree-sitter has no rules that match nothing: those lose that alternative, and are optional where they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..build import build_grammar
from ..files import GRAMMAR, START

PLUMBING = (
    "first",
    "word",
    "text",
    "number",
    "quoted_ref",
    "name_bare",
    "name_quoted",
    "true",
    "false",
    "sign",
)
"""Alternatives that are no nodes of their own: they hold one, or are the lists of a left recursion."""

TERMINALS = {"NAME": "$.identifier", "STRING": "$.string", "NUMBER": "$.number"}

NAMED = ("declaration", "item", "step", "parameter", "record_field", "argument", "share")
"""Rules whose first name, after the keyword, is the field `name` of the node."""


@dataclass(frozen=True)
class Alternative:
    """One way to write a rule; node: the name of the node that it is, or empty."""

    symbols: tuple[str, ...]
    node: str


def grammar_js() -> str:
    """The text of `grammar.js`."""
    rules, fixed = _read()
    writer = _Writer(rules, fixed)
    [whole] = rules.pop(START)
    blocks = [_rule("source_file", writer.sequence(START, whole.symbols))]
    nodes: dict[str, str] = {}
    for name, alternatives in rules.items():
        by_node: dict[str, list[str]] = {}
        for alternative in alternatives:
            if alternative.symbols:
                by_node.setdefault(alternative.node, []).append(writer.sequence(name, alternative.symbols))
        choices = by_node.pop("", [])
        for node, written in by_node.items():
            body = _choice(written)
            own = node if nodes.get(node, body) == body else f"{name}_{node}"
            nodes[own] = body
            choices.append(f"$.{node}" if own == node else f"alias($.{own}, $.{node})")
        if choices != [f"$.{name}"]:
            blocks.append(_rule(f"_{name}", _choice(choices)))
    blocks += [_rule(name, body) for name, body in nodes.items()]
    return _HEAD + "\n".join(blocks) + _TERMINALS


def _read() -> tuple[dict[str, list[Alternative]], dict[str, str]]:
    """The rules by name, and the text of each fixed terminal; signs in one terminal become its choice."""
    grammar: Any = build_grammar(GRAMMAR.read_text("utf-8"))
    fixed = {
        t.name: json.dumps(t.pattern.value)
        for t in grammar.terminals
        if type(t.pattern).__name__ == "PatternStr"
    }
    [operators] = [line for line in GRAMMAR.read_text("utf-8").splitlines() if line.startswith("OPERATOR")]
    fixed["OPERATOR"] = f"choice({', '.join(json.dumps(sign) for sign in operators.split(chr(34))[1::2])})"
    rules: dict[str, list[Alternative]] = {}
    for rule in grammar.rules:
        symbols = tuple(symbol.name for symbol in rule.expansion)
        rules.setdefault(rule.origin.name, []).append(Alternative(symbols, _node(rule)))
    return rules, fixed


def _node(rule: Any) -> str:
    alias = rule.alias or ""
    return "" if alias in PLUMBING or alias.startswith(("list_", "items_")) else alias


class _Writer:
    """Writes symbols of Lark as Tree-sitter's."""

    def __init__(self, rules: dict[str, list[Alternative]], fixed: dict[str, str]) -> None:
        self._nullable = {name for name, all_of in rules.items() if any(not one.symbols for one in all_of)}
        self._nodes = {name for name, all_of in rules.items() if {one.node for one in all_of} == {name}}
        self._fixed = fixed

    def symbol(self, name: str) -> str:
        if name in TERMINALS:
            return TERMINALS[name]
        if name in self._fixed:
            return self._fixed[name]
        rule = f"$.{name}" if name in self._nodes else f"$._{name}"
        return f"optional({rule})" if name in self._nullable else rule

    def sequence(self, rule: str, symbols: tuple[str, ...]) -> str:
        written = [self.symbol(symbol) for symbol in symbols]
        if symbols[:2] == ("PROMPT", "STRING"):
            written[1] = "$.prompt_text"
        place = 0 if symbols[0] in ("NAME", "name", "ref") else 1
        if rule in NAMED and symbols[place : place + 1] in (("NAME",), ("name",), ("ref",)):
            written[place] = f'field("name", {written[place]})'
        return written[0] if len(written) == 1 else f"seq({', '.join(written)})"


def _choice(written: Iterable[str]) -> str:
    unique = list(dict.fromkeys(written))
    return unique[0] if len(unique) == 1 else f"choice({', '.join(unique)})"


def _rule(name: str, body: str) -> str:
    return f"    {name}: ($) => {body},\n"


_HEAD = """\
// The grammar of `.infer` files for Tree-sitter.
// Made by scripts/build_grammars.py from grammar/infer.lark: change that.

module.exports = grammar({
  name: "infer",
  word: ($) => $.identifier,
  extras: ($) => [/[ \\t\\r\\n\\f\\uFEFF]/, $.doc_comment, $.comment],
  rules: {
"""

_TERMINALS = r'''
    // The ranges are ideographs, of which the generator's \p{L} holds only the first and the last.
    identifier: () =>
      /[\p{L}\p{Nl}\p{No}_\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3][\p{L}\p{N}_\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3]*/,

    number: ($) =>
      seq(
        choice($.digits, seq(alias("$", $.unit), alias($._more_digits, $.digits))),
        optional(alias($._unit, $.unit)),
        repeat(seq(alias($._more_digits, $.digits), alias($._unit, $.unit))),
      ),

    digits: () => /\d[\d_]*(\.\d[\d_]*)?/,

    _more_digits: () => token.immediate(/\d[\d_]*(\.\d[\d_]*)?/),

    _unit: () => token.immediate(prec(1, /[A-Za-z%]+\$?|\$/)),

    string: ($) =>
      choice(
        seq('"', repeat(choice($._text, $.escape, $.interpolation)), token.immediate('"')),
        seq('"""', repeat(choice($._long_text, $.escape, $.interpolation)), token.immediate(prec(1, '"""'))),
      ),

    prompt_text: ($) =>
      choice(
        seq('"', repeat(choice($._line, $.escape, $.jinja, $.jinja_comment)), token.immediate('"')),
        seq(
          '"""',
          repeat(
            choice(
              $._lines,
              alias($._long_jinja, $.jinja),
              alias($._long_jinja_comment, $.jinja_comment),
            ),
          ),
          token.immediate(prec(1, '"""')),
        ),
      ),

    _text: () => token.immediate(prec(1, /[^"\\\n$]+|\$/)),

    _long_text: () => token.immediate(prec(1, /[^"\\$]+|\$|""?/)),

    _line: () => token.immediate(prec(1, /[^"\\\n{]+|\{/)),

    _lines: () => token.immediate(prec(1, /[^"\\{]+|\{|""?|\\./)),

    escape: () => token.immediate(prec(2, /\\(u\{[0-9A-Fa-f]*\}|.|\r?\n)/)),

    interpolation: () => token.immediate(prec(2, /\$\{[^}\n"]*\}/)),

    jinja: () =>
      token.immediate(
        prec(2, /\{\{([^"\\\n}]|\\.|\}[^}"\\\n])*\}\}|\{%([^"\\\n%]|\\.|%[^}"\\\n])*%\}/),
      ),

    jinja_comment: () => token.immediate(prec(2, /\{#([^"\\\n#]|\\.|#[^}"\\\n])*#\}/)),

    _long_jinja: () => token.immediate(prec(2, /\{\{([^}]|\}[^}])*\}\}|\{%([^%]|%[^}])*%\}/)),

    _long_jinja_comment: () => token.immediate(prec(2, /\{#([^#]|#[^}])*#\}/)),

    doc_comment: () => token(/##[^\n]*/),

    comment: () => token(/#([^#\n][^\n]*)?/),
  },
});
'''
