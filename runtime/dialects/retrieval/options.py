"""Fields with which clients say how a text is read, for all tasks that read texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....compiler.plan import InputType
from ...requests.errors import BadRequest
from ..field_check import SENT, Dropped, Handling, Refused

ALIKE = Dropped("the model reads queries and documents alike")

LOCAL_FIELDS: dict[str, Handling] = {
    "truncate": SENT,
    "truncation": SENT,
    "truncation_direction": Refused("texts are cut at their end", ("Right", "right")),
    "input_type": ALIKE,
    "task": ALIKE,
    "user": Dropped("nobody is told who asks"),
    "priority": Dropped("the header x-inferc-priority says what is urgent"),
}
"""What becomes of them in front of a model on this machine, whatever its task is."""


_TYPES = {
    "query": InputType.QUERY,
    "question": InputType.QUERY,
    "document": InputType.DOCUMENT,
    "passage": InputType.DOCUMENT,
    "none": InputType.NONE,
    "classification": InputType.NONE,
    "clustering": InputType.NONE,
    "separation": InputType.NONE,
    "text-matching": InputType.NONE,
    "text_matching": InputType.NONE,
    "similarity": InputType.NONE,
}


def input_type_in(options: Mapping[str, Any]) -> InputType | None:
    """Whether texts are queries or documents, in the words of Cohere, NVIDIA, Voyage, Jina, Google or TEI.

    None where nothing is said. Raises BadRequest for what is none of those words.
    """
    for name in ("input_type", "task", "prompt_name"):
        said = options.get(name)
        if said is None:
            continue
        word = said.lower().removeprefix("retrieval").strip("._-") if isinstance(said, str) else ""
        found = _TYPES.get(word.removeprefix("search_").removesuffix("_prompt"))
        if found is None:
            raise BadRequest(f"`{name}` must be `query` or `document`", param=name)
        return found
    return None


def wants_all(options: Mapping[str, Any]) -> bool:
    """Whether a text that is too long is an error, in the words of Cohere, NVIDIA, TEI, Jina or Voyage.

    Raises BadRequest for what says neither yes nor no.
    """
    wants = False
    for name in ("truncate", "truncation"):
        match options.get(name):
            case None | True | "END" | "end":
                pass
            case False | "NONE" | "none":
                wants = True
            case "START" | "start":
                raise BadRequest(
                    f"`{name}` cannot be `START`: the model cuts texts at their end",
                    param=name,
                    code="unsupported",
                )
            case _:
                raise BadRequest(f"`{name}` must be true, false, `NONE`, `START` or `END`", param=name)
    return wants
