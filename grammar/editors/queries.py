"""The queries of the Tree-sitter grammar: what each node is, for the editors that run it.

No node is matched by two patterns, since editors do not agree on which of them would win; of two nodes
in each other, the inner one wins everywhere.
"""

from __future__ import annotations

from ..words import BRACKETS, SEPARATORS, load_words

STANDARD = {
    "comment": "comment",
    "doc": "comment.documentation",
    "keyword": "keyword",
    "constant": "constant.builtin",
    "type": "type",
    "string": "string",
    "escape": "string.escape",
    "interpolation": "string.special",
    "template": "string.special.template",
    "number": "number",
    "unit": "keyword.unit",
    "operator": "operator",
    "bracket": "punctuation.bracket",
    "separator": "punctuation.delimiter",
    "declaration": "function",
    "field": "property",
    "block": "tag",
    "label": "label",
    "function": "function.call",
}
"""The capture of each role, as Neovim, Emacs and Zed name them; brackets and separators are punctuation."""

HELIX = STANDARD | {
    "doc": "comment.block.documentation",
    "escape": "constant.character.escape",
    "number": "constant.numeric",
    "field": "variable.other.member",
}
"""The same for Helix, whose themes have other names."""

HEADER = "; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.\n"

_HIGHLIGHTS = """
(comment) @{comment}
(doc_comment) @{doc}

; ---- texts and numbers

(string) @{string}
(prompt_text) @{string}
(escape) @{escape}
(interpolation) @{interpolation}
(jinja) @{template}
(jinja_comment) @{comment}
(digits) @{number}
(unit) @{unit}

; ---- what is declared

[
{declarations}
]

(import_as (identifier) @{declaration})
(import_names (identifier) @{declaration})

; ---- types

(type_name (identifier) @{type})
(type_imported (identifier) @{type})
(type_generic . (identifier) @{type})
(as_type (identifier) @{type} .)

; ---- bodies, steps and arguments

(field name: (identifier) @{field})
(step name: (identifier) @{field})
(parameter name: (identifier) @{field})
(record_field name: (identifier) @{field})
(named_argument name: (identifier) @{field})
(share name: (identifier) @{field})
(share name: (member (identifier) @{field} .))

(block name: (identifier) @{block})
(block_labelled name: (identifier) @{block})
(block_labelled name: (_) (identifier) @{label})
(block_called name: (identifier) @{block} . (identifier) @{label})

((field name: (identifier) @_field "=" . (identifier) @{constant})
  (#any-of? @_field {enum_fields})
  (#any-of? @{constant} {enum_words}))

((field name: (identifier) @_field "=" . (list (identifier) @{constant}))
  (#any-of? @_field {enum_fields})
  (#any-of? @{constant} {enum_words}))

; ---- calls and routes

(call . (identifier) @{function})
(call . (member (identifier) @{function} .))

(route_list . (identifier) @{function})
(route_list_with . (identifier) @{function})
(route_split . (identifier) @{function})
(route_split_with . (identifier) @{function})
(route_list_with "]" . (identifier) @{keyword})
(route_split_with "}}" . (identifier) @{keyword})

; ---- words and signs

[{keywords}] @{keyword}
[{constants}] @{constant}
[{operators}] @{operator}
[{brackets}] @{bracket}
[{separators}] @{separator}
"""

_DECLARATIONS = (
    "param",
    "param_default",
    "param_untyped",
    "let",
    "let_typed",
    "template",
    "template_from",
    "deployment",
    "deployment_from",
    "route",
    "route_with",
    "pipeline",
    "type_alias",
    "extern",
)


def highlights(captures: dict[str, str]) -> str:
    """`highlights.scm`, with the names that an editor has for the roles."""
    words = load_words()
    return HEADER + _HIGHLIGHTS.format(
        **captures,
        declarations="\n".join(
            f"  ({node} name: (identifier) @{captures['declaration']})" for node in _DECLARATIONS
        ),
        enum_fields=_quoted(words.enum_fields),
        enum_words=_quoted(words.enum_words),
        keywords=_quoted(words.keywords),
        constants=_quoted(words.constants),
        operators=_quoted(words.operators),
        brackets=_quoted(BRACKETS),
        separators=_quoted(SEPARATORS),
    )


def _quoted(words: tuple[str, ...]) -> str:
    return " ".join(f'"{word}"' for word in words)


_BRACKETED = (
    "body",
    "pipeline",
    "match",
    "if_else",
    "list",
    "call",
    "extern",
    "type_record",
    "route_list",
    "route_list_with",
    "route_split",
    "import_names",
)
"""Nodes that hold brackets over several lines."""


def folds() -> str:
    """`folds.scm`."""
    foldable = (*_BRACKETED, "string", "prompt_text")
    return HEADER + "\n[\n" + "".join(f"  ({node})\n" for node in foldable) + "] @fold\n"


def indents(begin: str, end: str) -> str:
    """`indents.scm`: what is inside brackets stands deeper, the closing one does not."""
    inside = "".join(f"  ({node})\n" for node in _BRACKETED)
    return f'{HEADER}\n[\n{inside}] @{begin}\n\n["}}" "]" ")"] @{end}\n'


def indents_between(end: str) -> str:
    """`indents.scm` for Zed, which wants each pair of brackets in one node."""
    pairs = "".join(f'(_ "{open}" "{close}" @{end}) @indent\n' for open, close in _PAIRS)
    return f"{HEADER}\n{pairs}"


def brackets() -> str:
    """`brackets.scm`: which brackets belong together."""
    return HEADER + "\n" + "".join(f'("{open}" @open "{close}" @close)\n' for open, close in _PAIRS)


_PAIRS = (("{", "}"), ("[", "]"), ("(", ")"))


def outline() -> str:
    """`outline.scm`: what a file declares."""
    named = "".join(
        f'({node} "{node.partition("_")[0]}" @context name: (_) @name) @item\n' for node in _DECLARATIONS
    )
    return f"{HEADER}\n{named}{_OUTLINE}"


_OUTLINE = """\
(test "test" @context (string) @name) @item
(cluster "cluster" @name) @item
(gateway "gateway" @name) @item
"""


def injections() -> str:
    """`injections.scm`: prompts are Jinja templates."""
    return HEADER + _INJECTIONS


_INJECTIONS = """
((prompt_text) @injection.content
  (#set! injection.language "jinja")
  (#set! injection.include-children))

((comment) @injection.content
  (#set! injection.language "comment"))
"""


def local_names() -> str:
    """`locals.scm`: where names are defined, where they count, where they are used."""
    defined = "\n".join(f"({node} name: (identifier) @local.definition)" for node in _DECLARATIONS)
    return HEADER + _LOCALS.format(defined=defined)


_LOCALS = """
[
  (source_file)
  (pipeline)
  (comprehension)
] @local.scope

{defined}
(import_as (identifier) @local.definition)
(import_names (identifier) @local.definition)
(pipeline (parameter name: (identifier) @local.definition))
(step name: (identifier) @local.definition)
(comprehension "for" . (identifier) @local.definition)

(identifier) @local.reference
"""
