"""What is coloured how: rules that match a few words of one line, and regions that hold rules.

Patterns are written in the part of regular expressions that Python, Oniguruma and Vim (after
translation) share. Rules are tried in order; nothing looks beyond its line, because TextMate cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..words import BRACKETS, COMMENT, DIGITS, NAME, SEPARATORS, STRATEGY_WORDS, UNIT, load_words

ROLES = (
    "comment",
    "doc",
    "keyword",
    "constant",
    "type",
    "string",
    "escape",
    "interpolation",
    "template",
    "number",
    "unit",
    "operator",
    "punctuation",
    "declaration",
    "field",
    "block",
    "label",
    "function",
    "name",
)
"""Every class that a token may have. `name` is left uncoloured: a reference to something declared."""


@dataclass(frozen=True)
class Part:
    """A piece of text with one role."""

    pattern: str
    role: str


@dataclass(frozen=True)
class Rule:
    """Parts that follow each other, with blanks between unless `tight`; then, unseen, `ahead`."""

    parts: tuple[Part, ...]
    ahead: str = ""
    tight: bool = False


@dataclass(frozen=True)
class Region:
    """From `begin` to `end`; `inside` names what is looked for there, the rest has the role `filling`.

    end: a part that belongs to the region, or a pattern that stops before what it matches.
    """

    begin: tuple[Part, ...]
    end: Part | str
    inside: tuple[str, ...]
    filling: str = ""
    ahead: str = ""


Item = Rule | Region

BLANKS = r"[ \t]*"
_LINE_END = r"\r?$"


def _one(pattern: str, role: str, ahead: str = "") -> Rule:
    return Rule((Part(pattern, role),), ahead)


def _word(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _sign(text: str, role: str = "punctuation") -> Part:
    return Part(re.sub(r"([|*+?.(){}\[\]$^\\])", r"\\\1", text), role)


def _build() -> dict[str, Item]:
    words = load_words()
    name = rf"\b{NAME}"
    gap = r"[ \t]+"
    quoted = r'"[^"\n]*"'
    operators = "|".join(_sign(sign).pattern for sign in words.operators)
    marks = "".join("\\" + sign for sign in (*BRACKETS, *SEPARATORS))
    texts = ("long_text", "text")
    comments = ("doc", "comment")
    types = (
        *comments,
        "list_type",
        "record",
        "dimensions",
        *texts,
        "type_name",
        "type_operator",
        "type_member",
    )
    return {
        # ---- comments and texts
        "doc": _one("#" + COMMENT, "doc"),
        "comment": _one(COMMENT, "comment"),
        "escape": _one(r"\\(?:u\{[0-9A-Fa-f]*\}|.|$)", "escape"),
        "plain_escape": _one(r"\\(?:.|$)", "string"),
        "interpolation": _one(r'\$\{[^}\n"]*\}', "interpolation"),
        "template_note": _one(r'\{#(?:[^"\\\n#]|\\.|#(?!\}))*#\}', "comment"),
        "template": _one(r'\{\{(?:[^"\\\n}]|\\.|\}(?!\}))*\}\}|\{%(?:[^"\\\n%]|\\.|%(?!\}))*%\}', "template"),
        "long_template_note": Region((Part(r"\{#", "comment"),), Part(r"#\}", "comment"), (), "comment"),
        "long_template": Region((Part(r"\{\{", "template"),), Part(r"\}\}", "template"), (), "template"),
        "long_template_step": Region((Part(r"\{%", "template"),), Part(r"%\}", "template"), (), "template"),
        "long_text": Region(
            (Part('"""', "string"),), Part('"""', "string"), ("escape", "interpolation"), "string"
        ),
        "text": Region(
            (Part('"', "string"),),
            Part(rf'"|(?={_LINE_END})', "string"),
            ("escape", "interpolation"),
            "string",
        ),
        "long_prompt": Region(
            (Part(_word("prompt"), "keyword"), Part('"""', "string")),
            Part('"""', "string"),
            ("plain_escape", "long_template_note", "long_template", "long_template_step"),
            "string",
        ),
        "prompt": Region(
            (Part(_word("prompt"), "keyword"), Part('"', "string")),
            Part(rf'"|(?={_LINE_END})', "string"),
            ("escape", "template_note", "template"),
            "string",
        ),
        # ---- numbers
        "money": Rule((Part(r"\$(?=\d)", "unit"), Part(DIGITS, "number"), Part(UNIT, "unit")), tight=True),
        "number": Rule((Part(DIGITS, "number"), Part(UNIT, "unit")), tight=True),
        # ---- declarations
        "import_names": Region(
            (Part(_word("import"), "keyword"), _sign("{")),
            _sign("}"),
            (*comments, "declared", "punctuation"),
        ),
        "import_as": Rule((Part(r'(?<=" )as\b', "keyword"), Part(name, "declaration"))),
        "declared": _one(name, "declaration"),
        "type_alias": Region(
            (Part(_word("type"), "keyword"), Part(name, "declaration"), _sign("=", "operator")),
            _LINE_END,
            types,
        ),
        "declaration": Rule((Part(_word(*words.naming), "keyword"), Part(name, "declaration"))),
        "templates": Region(
            (Part(_word("from"), "keyword"),), _sign("{"), ("$without_blocks",), ahead=rf"{gap}{name}"
        ),
        # ---- types
        "arrow_record": Region((_sign("->", "operator"), _sign("{")), _sign("}"), ("$record",)),
        "arrow": Region((_sign("->", "operator"),), rf"(?=[{{=]|{_LINE_END})", types),
        "typed": Region((_sign(":"),), rf"(?=[,)}}=]|{name}{BLANKS}:|{_LINE_END})", types),
        "as_type": Rule((Part(_word("as"), "keyword"), Part(name, "type"))),
        "list_type": Region((_sign("<", "operator"),), _sign(">", "operator"), (*types, "punctuation")),
        "record": Region((_sign("{"),), _sign("}"), ("$record",)),
        "dimensions": Region((_sign("["),), _sign("]"), (*comments, "number", "name", "punctuation")),
        "type_name": _one(name, "type"),
        "type_operator": _one(r"[|?]", "operator"),
        "type_member": _one(r"\.", "punctuation"),
        # ---- bodies, routes and calls
        "subject": Region((Part(_word("match", "if"), "keyword"),), _sign("{"), ("$without_blocks",)),
        "constant": _one(_word(*words.constants), "constant"),
        "keyword": _one(_word(*words.keywords), "keyword"),
        "enum_list": Region(
            (Part(_word(*words.enum_fields), "field"), _sign("=", "operator"), _sign("[")),
            _sign("]"),
            (*comments, "enum_word", "$main"),
        ),
        "enum_field": Rule(
            (
                Part(_word(*words.enum_fields), "field"),
                _sign("=", "operator"),
                Part(_word(*words.enum_words), "constant"),
            ),
            rf"(?!{BLANKS}[.(])",
        ),
        "enum_word": _one(_word(*words.enum_words), "constant", rf"(?!{BLANKS}[.(])"),
        "split": Region((Part(_word("split"), "function"), _sign("{")), _sign("}"), ("share", "$main")),
        "share": Rule((Part(name, "field"), _sign(":"))),
        "measure": Rule((_sign("]"), Part(_word("by"), "keyword"), Part(name, "name"))),
        "strategy": Rule((_sign("]"), Part(_word(*STRATEGY_WORDS), "keyword"))),
        "labelled": Rule((Part(name, "block"), Part(name, "label")), rf"{BLANKS}[{{(]"),
        "block": _one(name, "block", rf"{BLANKS}(?:{quoted}{BLANKS})?\{{"),
        "field": _one(name, "field", rf"{BLANKS}(?::|=(?![=>]))"),
        "function": _one(name, "function", rf"{BLANKS}[(\[]"),
        "name": _one(name, "name"),
        "operator": _one(operators, "operator"),
        "punctuation": _one(f"[{marks}]", "punctuation"),
    }


_TEXTS = ("doc", "comment", "long_prompt", "prompt", "long_text", "text", "money", "number")
_DECLARATIONS = ("import_names", "import_as", "type_alias", "declaration", "templates", "subject")
_TYPES = ("arrow_record", "arrow", "typed", "as_type")
_WORDS = ("constant", "keyword", "enum_list", "enum_field", "split", "measure", "strategy")
_NAMES = ("field", "function", "name", "operator", "punctuation")

ITEMS = _build()
"""Rules and regions by name."""

GROUPS = {
    "$main": (*_TEXTS, *_DECLARATIONS, *_TYPES, *_WORDS, "labelled", "block", *_NAMES),
    "$without_blocks": (*_TEXTS, *_DECLARATIONS, *_TYPES, *_WORDS, *_NAMES),
    "$record": (*_TEXTS, "typed", "field", "name", "operator", "punctuation"),
}
"""What is looked for in a file, in what `match` and `if` look at, and between the braces of a record."""


def members(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names` with each group in them replaced by what it holds, each once, in the order of `ITEMS`."""
    wanted = {inner for name in names for inner in (GROUPS.get(name) or (name,))}
    return tuple(name for name in ITEMS if name in wanted)


def lookahead(pattern: str) -> str:
    """`pattern` as a condition on what follows; an empty one says nothing, a condition stays as it is."""
    is_condition = pattern.startswith(("(?=", "(?!", "(?<"))
    return pattern if not pattern or is_condition else f"(?={pattern})"
