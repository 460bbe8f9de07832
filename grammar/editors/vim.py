"""The files of Vim and Neovim, and the translation of patterns into Vim's own kind."""

from __future__ import annotations

import re

from ..words import load_words
from .colours import BLANKS, ITEMS, Part, Region, Rule, lookahead, members

GROUPS = {
    "comment": "Comment",
    "doc": "SpecialComment",
    "keyword": "Statement",
    "constant": "Boolean",
    "type": "Type",
    "string": "String",
    "escape": "SpecialChar",
    "interpolation": "Special",
    "template": "PreProc",
    "number": "Number",
    "unit": "StorageClass",
    "operator": "Operator",
    "punctuation": "Delimiter",
    "declaration": "Identifier",
    "field": "Label",
    "block": "Structure",
    "label": "Constant",
    "function": "Function",
}
"""The highlight group that each role is linked to; `name` is left plain."""

_PIECE = re.compile(
    r"\(\?<?[:=!]|\(|\)|\[(?:\\.|[^\]\\])*\]|\\[A-Za-z\\](?![A-Za-z])|\\.|\*\?|[*+?|]|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)
_AFTER = {"(?:": "", "(": "", "(?=": "@=", "(?!": "@!", "(?<=": "@<=", "(?<!": "@<!"}
_CLASSES = {r"\w": r"\k", r"\d": r"\d", r"\s": r"\s", r"\b": r"%(<|>)", r"\r": r"\r", r"\n": r"\n"}
_NAME = r"[^\W\d]\w*"


def files() -> dict[str, str]:
    """The text of each `infer.vim`, by its folder."""
    return {"syntax": syntax(), "ftplugin": ftplugin(), "ftdetect": FTDETECT, "indent": INDENT}


def syntax() -> str:
    """The text of `syntax/infer.vim`."""
    lines = [line for name in reversed(ITEMS) for line in _lines(name)]
    links = [f"hi def link {group(role)} {known}" for role, known in GROUPS.items()]
    return "\n".join([*_HEAD, "", *lines, "", *links, "", *_TAIL]) + "\n"


_HEAD = (
    '" Vim syntax file of `.infer`, a language for model serving.',
    '" Made by scripts/build_grammars.py from grammar/editors/colours.py: change that.',
    "if exists('b:current_syntax')",
    "  finish",
    "endif",
    "",
    "syn case match",
    "syn iskeyword @,48-57,_,192-255",
    "syn sync fromstart",
)
_TAIL = ("let b:current_syntax = 'infer'",)


def group(role: str) -> str:
    """The name of a role's highlight group."""
    return f"infer{role.title()}"


def _lines(name: str) -> list[str]:
    """The commands that define one item; its later parts are items that only follow the first."""
    item = ITEMS[name]
    top = "" if name in members(("$main",)) else " contained"
    if isinstance(item, Rule):
        return _chain(name, item.parts, item.ahead, top, item.tight)[0]
    lines, last_top, ahead = _chain(name, item.begin, item.ahead, top, False, whole=False)
    return [*lines, _region(name, item, last_top, ahead)]


def _chain(
    name: str, parts: tuple[Part, ...], ahead: str, top: str, tight: bool, *, whole: bool = True
) -> tuple[list[str], str, str]:
    """`parts` as matches that lead to each other, without the last one if it begins a region."""
    lines = []
    gap = "" if tight else BLANKS
    skip = "" if tight else " skipwhite"
    count = len(parts) if whole else len(parts) - 1
    for number, part in enumerate(parts[:count]):
        rest = "".join(gap + later.pattern for later in parts[number + 1 :]) + lookahead(ahead)
        pattern = pattern_of(_never_empty(part.pattern) + lookahead(rest))
        last = number + 1 == len(parts)
        then = "" if last else f" nextgroup={_item_name(name, number + 1)}{skip}"
        lines.append(f"syn match {_item_name(name, number)} /{pattern}/{top}{then}")
        lines.append(f"hi def link {_item_name(name, number)} {group(part.role)}")
        top = " contained"
    return lines, top, ahead


def _region(name: str, region: Region, top: str, ahead: str) -> str:
    begin = region.begin[-1]
    start = f"matchgroup={group(begin.role)} start=/{pattern_of(begin.pattern + lookahead(ahead))}/"
    if isinstance(region.end, str):
        end = f"matchgroup=NONE end=/{pattern_of(lookahead(region.end))}/ end=/^/"
    else:
        end = f"matchgroup={group(region.end.role)} end=/{pattern_of(region.end.pattern)}/"
    contains = ",".join(_item_name(inner, 0) for inner in members(region.inside))
    inside = f" contains={contains}" if contains else ""
    own = _item_name(name, len(region.begin) - 1)
    link = f"\nhi def link {own} {group(region.filling)}" if region.filling else ""
    return f"syn region {own} {start} {end}{inside}{top}{link}"


def _never_empty(pattern: str) -> str:
    """An optional part that is missing must not be looked for: Vim would then miss the next item."""
    return pattern.removesuffix("?") if re.fullmatch(pattern, "") else pattern


def _item_name(name: str, number: int) -> str:
    words = "".join(word.title() for word in name.split("_"))
    return f"inferX{words}{number or ''}"


def pattern_of(pattern: str) -> str:
    r"""A pattern of Python's kind in Vim's, "very magic"; `\w` becomes a character of a name."""
    out, closing = [], []
    for piece in _PIECE.findall(pattern.replace(_NAME, r"\K\w*")):
        if piece in _AFTER:
            out.append("%(")
            closing.append(_AFTER[piece])
        elif piece == ")":
            out.append(")" + closing.pop())
        elif piece == "*?":
            out.append("{-}")
        elif piece.startswith("[") and len(piece) > 1:
            out.append(_set(piece))
        elif piece in _CLASSES:
            out.append(_CLASSES[piece])
        elif piece in (*"*+?|$.", r"\K") or (piece.startswith("{") and len(piece) > 1):
            out.append(piece)
        else:
            out.append(_literal(piece[-1]))
    return r"\v" + "".join(out)


def _literal(char: str) -> str:
    return char if char.isalnum() or char in "_\"'# ,:;" else "\\" + char


def _set(piece: str) -> str:
    """A set of characters: inside, Vim has no classes, and escapes only `]`, `\\`, `^` and `-`."""
    inner = piece[1:-1].replace(r"\d", "0-9")
    inner = re.sub(r"\\([^\\\]^\-nrtd])", r"\1", inner)
    return f"[{inner}]".replace("/", r"\/")


FTDETECT = "au BufRead,BufNewFile *.infer setfiletype infer\n"


def ftplugin() -> str:
    """The text of `ftplugin/infer.vim`: comments, indentation, `:make`, and going to what is declared."""
    return _FTPLUGIN.replace("DECLARING", "|".join(load_words().declaring))


_FTPLUGIN = """\
" Vim settings for `.infer` files.
" Made by scripts/build_grammars.py from grammar/editors/vim.py: change that.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\\ %s comments=:##,:#
setlocal formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal iskeyword=@,48-57,_,192-255
setlocal suffixesadd=.infer
let &l:include = '\\v^\\s*import>[^"]*"'
let &l:define = '\\v^\\s*(DECLARING)>'
let &l:makeprg = 'inferc check %:S'
let &l:errorformat = '%Eerror[%.%#]: %m,%Wwarning[%.%#]: %m,%Inote[%.%#]: %m,%Z %#--> %f:%l:%c,%-G%.%#'

let b:undo_ftplugin = 'setlocal commentstring< comments< formatoptions< expandtab< shiftwidth<'
      \\ . ' softtabstop< iskeyword< suffixesadd< include< define< makeprg< errorformat<'
"""

INDENT = """\
" Indentation of `.infer` files: what is inside brackets stands deeper.
" Made by scripts/build_grammars.py from grammar/editors/vim.py: change that.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal indentexpr=InferIndent(v:lnum) indentkeys=0},0),0],!^F,o,O
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

function! InferIndent(line) abort
  let above = prevnonblank(a:line - 1)
  let opens = getline(above) =~# '[{(\\[]\\s*\\(#.*\\)\\?$'
  let closes = getline(a:line) =~# '^\\s*[})\\]]'
  return indent(above) + (opens - closes) * shiftwidth()
endfunction
"""
