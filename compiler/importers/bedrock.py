"""Models on Amazon Bedrock, as other systems name them and their credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ...dsl.catalogues.bedrock_names import region_in, retrieval_of, without_road
from .draft import Deployment, Draft
from .foreign import Node
from .literals import Code, env

ROLE = "roles are assumed by AWS's own configuration: name its `profile`"
"""What becomes of a role that a file wants assumed."""

SECRETS = ("access_key_id", "secret_access_key", "session_token")
_NO_CHAT = re.compile(r"embed|rerank|canvas|reel|titan-image|stability\.|sonic|luma\.")


def named_model(written: str) -> tuple[str, str | None]:
    """The id or ARN behind `bedrock/…`, and the region that stands before it."""
    _, _, rest = written.partition("arn:")
    region = region_in(f"bedrock/{written}") or next(iter(rest.split(":")[2:3]), None)
    return without_road(written), region


def chats(model: str) -> bool:
    """Whether Converse may answer for the model: others there embed, rerank, draw or speak."""
    return _NO_CHAT.search(model) is None


def aim_at_bedrock(
    made: Deployment,
    model: str,
    given: Mapping[str, Node | None],
    text: Callable[[Node], object],
    secret: Callable[[Node, str], object],
    draft: Draft,
    default: str = "us-east-1",
) -> bool:
    """Let a deployment ask `model` through Converse; False where that does not chat.

    given: by the names of the fields here. text, secret: how the other system writes values and keys.
    default: where it asks when nothing says the region.
    """
    model, region = named_model(model)
    if not chats(model) and not retrieval_of(model):
        return False
    made.put("model", model)
    block = made.runtime("bedrock")
    for name in ("region", "profile", "endpoint"):
        if (node := given.get(name)) is not None:
            block.put(name, text(node), node)
            draft.kept(node)
    if not block.has("region"):
        block.put("region", region or env("AWS_REGION", default))
    for name in ("api_key", *SECRETS):
        if (node := given.get(name)) is not None:
            written = secret(node, f"AWS_{name.upper()}")
            if written is None:  # no text, or an empty one
                continue
            block.put(name, written, node)
            if isinstance(written, Code) and not draft.report.is_marked(node):
                draft.kept(node)
    return True
