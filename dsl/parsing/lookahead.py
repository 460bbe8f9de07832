"""What a parser would do with more tokens, found out without touching it."""

from __future__ import annotations

from typing import Any

from lark.parsers.lalr_analysis import Shift


def fits(state: Any, *kinds: str) -> bool:
    """Whether the parser in `state` takes tokens of these kinds, one after the other."""
    table = state.parse_conf.states
    states = list(state.state_stack)
    for kind in kinds:
        while True:
            if kind == "$END" and states[-1] == state.parse_conf.end_state:
                break
            action = table[states[-1]].get(kind)
            if action is None:
                return False
            if action[0] is Shift:
                states.append(action[1])
                break
            rule = action[1]
            size = len(rule.expansion)
            if size:
                del states[-size:]
            states.append(table[states[-1]][rule.origin.name][1])
    return True


def what_fits(state: Any) -> set[str]:
    """The kinds of tokens that the parser in `state` takes next."""
    return {
        kind
        for kind in state.parse_conf.states[state.state_stack[-1]]
        if kind.isupper() and fits(state, kind)
    }
