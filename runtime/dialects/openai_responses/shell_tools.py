"""Tools of OpenAI's own that the client runs: what they are as functions, and how their calls are told.

Source: OpenAI API reference, responses: `local_shell`, `shell` and `apply_patch`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....compiler.plan.record import frozen

Json = dict[str, Any]


@frozen
class ClientTool:
    """One of them; its calls are items of the type `TYPE_call`, and their results `TYPE_call_output`.

    said: what it does, for models that were not taught it. field: of the call, which holds the arguments.
    written: what stands there, by the arguments, of which there are none when a call begins. result: what the
    model is told, by the item.
    """

    said: str
    parameters: Json
    field: str
    written: Callable[[Json], Json]
    result: Callable[[Mapping[str, Any]], Any]


def _text(**more: Any) -> Json:
    return {"type": "string", **more}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_TIME = {"type": "integer", "description": "The most that it may take, in milliseconds."}
_TEXTS = {"type": "array", "items": _text()}

CLIENT_TOOLS: dict[str, ClientTool] = {
    "local_shell": ClientTool(
        "Run a command on the user's machine. It gives what the command writes.",
        _object(
            ["command"],
            command={**_TEXTS, "description": "The program and its arguments, one by one."},
            env={"type": "object", "additionalProperties": _text()},
            user=_text(description="Who runs it, where that is not said by the machine."),
            working_directory=_text(),
            timeout_ms=_TIME,
        ),
        "action",
        lambda said: {"type": "exec", "command": [], "env": {}, **said},
        lambda output: output.get("output"),
    ),
    "shell": ClientTool(
        "Run commands in a shell on the user's machine. It gives what each of them writes, and how it ends.",
        _object(
            ["commands"],
            commands={**_TEXTS, "description": "Lines of a shell, which are run one after the other."},
            timeout_ms=_TIME,
            max_output_length={"type": "integer", "description": "The most characters that it gives."},
        ),
        "action",
        lambda said: {"commands": [], "timeout_ms": None, "max_output_length": None, **said},
        lambda output: output.get("output"),
    ),
    "apply_patch": ClientTool(
        "Create, update or delete one file of the user. A diff has no header: its lines begin with a space,"
        " `+` or `-`, below lines `@@` that may say where they stand; in a new file, all begin with `+`.",
        _object(
            ["type", "path"],
            type=_text(enum=["create_file", "update_file", "delete_file"]),
            path=_text(),
            diff=_text(description="Of a file that is created or updated."),
        ),
        "operation",
        lambda said: said or {"type": "update_file", "path": "", "diff": ""},
        lambda output: {name: output[name] for name in ("status", "output") if output.get(name) is not None},
    ),
}
"""By their type, which is the name of the function that stands for them."""


def is_clients(tool: Mapping[str, Any]) -> bool:
    """Whether the client runs `tool`: it may let OpenAI run a shell."""
    if tool.get("type") not in CLIENT_TOOLS:
        return False
    match tool.get("environment"):
        case None | {"type": "local"}:
            return True
    return False


def said_of(tool: Mapping[str, Any]) -> str:
    """What the model is told of `tool`, with the skills that the client has beside a shell."""
    said = CLIENT_TOOLS[tool["type"]].said
    match tool.get("environment"):
        case {"skills": [*skills]}:
            told = [
                f"- {each.get('name')} ({each.get('path')}): {each.get('description')}"
                for each in skills
                if isinstance(each, dict)
            ]
            return "\n".join([f"{said} There are instructions, to be read before they are needed:", *told])
    return said
