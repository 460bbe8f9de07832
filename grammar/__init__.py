"""What can be written: the Lark grammar of `.infer`, with its parse tables built ahead.

`tables.json` is made from `infer.lark` by `python -m inferc.grammar.build` (`make grammar`); when it
does not belong to the grammar or to the installed Lark, the tables are built from the grammar text.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR = Path(__file__).with_name("infer.lark")
TABLES = Path(__file__).with_name("tables.json")


def load_grammar() -> Lark:
    """The language's LALR tables, wrapped as Lark has them."""
    import lark

    text = GRAMMAR.read_text("utf-8")
    try:
        tables = json.loads(TABLES.read_text("utf-8"))
    except (OSError, ValueError):
        tables = None
    if tables is None or tables["grammar"] != digest(text) or tables["lark"] != lark.__version__:
        return build_grammar(text)
    memo = {int(number): entry for number, entry in tables["memo"].items()}
    machine = tables["data"]["parser"]["parser"]
    machine["tokens"] = {int(number): name for number, name in machine["tokens"].items()}
    machine["states"] = {
        int(state): {int(token): action for token, action in actions.items()}
        for state, actions in machine["states"].items()
    }
    load: Any = lark.Lark._load_from_dict
    loaded: Lark = load(tables["data"], memo)
    return loaded


def build_grammar(text: str) -> Lark:
    """The same, its tables built from the text of the grammar."""
    import lark

    return lark.Lark(text, parser="lalr", lexer="basic", keep_all_tokens=True, maybe_placeholders=False)


def digest(text: str) -> str:
    """What tells one grammar from another."""
    return hashlib.sha256(text.encode()).hexdigest()
