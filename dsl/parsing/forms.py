"""How each declaration is written, and what stands in a pipeline: said where a token fits nowhere."""

from __future__ import annotations

from ..late_pattern import late_pattern

DECLARED = {
    "IMPORT": 'write `import "file.infer" as name`, or `import { a, b } from "file.infer"`',
    "PARAM": 'write `param name: text = "default"`',
    "LET": "write `let name = 30s`",
    "TEMPLATE": "write `template name { … }`, with any part of a deployment",
    "DEPLOYMENT": 'write `deployment name { model = "…" }`, or `deployment name from a_template { … }`',
    "ROUTE": "write `route name = fallback [a, b]`; others are `balance [a, b]`, `split { a: 95%, b: 5% }`, "
    "`hedge [a, b] after 400ms` and `cascade [a, b] accept it.confidence >= 0.8`",
    "PIPELINE": "write `pipeline name(message: text) -> text { … }`",
    "TYPE": "write `type Name = { label: text, sure: bool }`",
    "EXTERN": 'write `extern name(x: text) -> text = python("package.module:function")`',
    "CLUSTER": "write `cluster { node a { gpus = 8 } }`",
    "GATEWAY": 'write `gateway { bind = "127.0.0.1:8080" }`',
    "TEST": 'write `test "what must hold" { ask name "hello"`, then `expect ok }` on a line of its own',
}
"""By the token that starts a declaration."""

STEP = "a step is `name = model(message)`, and the last line is `return name`"

_HANDED_ON = "what one gives is handed on by its name: `first = a(message)`, then `return b(first)`"

STEPS = {
    "IF": "`if` gives a value: `name = if condition { a } else { b }`",
    "FOR": "a list is gone through in a value: `name = [model(x) for x in xs]`",
    "MATCH": '`match` gives a value: `name = match x { "a" => b, _ => c }`',
    "LBRACE": "a record is written like a call of its type: `Verdict(label = x)`, after "
    "`type Verdict = { label: text }`",
    "ARROW": _HANDED_ON,
    "VBAR": _HANDED_ON,
    "FAT_ARROW": "a function is a `pipeline`; `[model(x) for x in xs]` goes through a list",
}
"""In a pipeline, by the token that does not fit there."""

WITHOUT_ELSE = "`if` gives a value in any case: `if condition { a } else { b }`"

COMPARES = "`==` compares, as in `expect answered_by == model`"

_STARTS = {
    "{": "nothing stands around declarations: `deployment name { … }`; `inferc import` reads JSON of others",
    "[": "a section is a declaration: `deployment name { … }`; `inferc import` reads files of others",
    "-": "a file of YAML begins so: `inferc import config.yaml` writes it as `.infer`",
}
"""What a file of another kind begins with."""
_ADDRESS = late_pattern(r"(?:[\w-]++(?:\.[\w-]++)++|\*)?+(?::\d++)?+(?<=[\w*])[ \t]*+\{")


def begun_otherwise(text: str, start: int) -> str | None:
    """What to do about a file of another kind, of which a declaration begins at `start`."""
    if _ADDRESS.match(text, start) is not None:
        return (
            'where requests come in is said by `gateway { bind = "127.0.0.1:8080" }`, and where they go by '
            "deployments"
        )
    if text.startswith("-- ", start):
        return "comments start with `#`"
    return _STARTS.get(text[start : start + 1])
