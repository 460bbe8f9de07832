"""What dialects know beside the facts of models: seals, names of fields, and what becomes of them elsewhere.

Sources: the API references of OpenAI, Anthropic, Google and Amazon Bedrock.
"""

from __future__ import annotations

from typing import Any

from ....compiler.plan.record import frozen

SEALS: dict[str, frozenset[str]] = {
    "openai_chat": frozenset({"openai", "openai_chat"}),
    "openai_responses": frozenset({"openai", "openai_responses"}),
    "anthropic": frozenset({"anthropic"}),
    "gemini": frozenset({"gemini"}),
    "bedrock": frozenset({"bedrock"}),
}
"""The seals that each dialect opens."""

MOST_MARKS = {"anthropic": 4, "bedrock": 4}
"""Cache marks that a request may have. Sources: the guides of Anthropic and Amazon to prompt caching."""

SIGNED_BY = {"bedrock": "anthropic"}
"""Whose thoughts a dialect takes back, where that is not itself. Source: Anthropic's guide to extended
thinking."""

ANTHROPIC_LIKE = frozenset({"anthropic", "bedrock"})
"""Dialects that are as strict as Anthropic: schemas of tools are those of objects, and no begun answer ends
in white space."""

NAMES_ONCE = ANTHROPIC_LIKE | {"gemini"}
"""Dialects in which no two functions have one name. Sources: Anthropic API errors; of Google's,
https://github.com/router-for-me/CLIProxyAPI/issues/4244 (2026-07-12)."""

TEXT_DOCUMENTS = frozenset({"anthropic", "gemini", "bedrock"})
"""Dialects in which a document may be plain text."""

ALLOWED_NAMES = frozenset({"openai_chat", "openai_responses"})
"""Dialects that can be told which of the functions may be called, and leave the choice to the model."""

RESTS: dict[str, dict[str, Any]] = {"thinking": {"type": "disabled"}, "reasoning": {"enabled": False}}
"""What tells a model not to think, by the field that its provider has for it. Sources: the API references of
DeepSeek and Together."""

RAN_THERE: dict[str, frozenset[str]] = {
    "anthropic": frozenset(
        {
            "server_tool_use",
            "web_search_tool_result",
            "web_fetch_tool_result",
            "code_execution_tool_result",
            "bash_code_execution_tool_result",
            "text_editor_code_execution_tool_result",
            "tool_search_tool_result",
            "advisor_tool_result",
            "mcp_tool_use",
            "mcp_tool_result",
            "mcp_tool_listing",
            "fallback",
        }
    ),
    "openai_responses": frozenset(
        {
            "web_search_call",
            "file_search_call",
            "code_interpreter_call",
            "image_generation_call",
            "mcp_list_tools",
            "mcp_call",
            "reasoning",
            "program",
            "program_output",
            "tool_search_call",
        }
    ),
}
"""Parts of an answer that tell what its provider did by itself: another one goes on without them, from the
words that were said on their ground. Sources: the API references of Anthropic and OpenAI."""

CLIENT_NAMES: dict[str, dict[str, str]] = {
    "openai_chat": {
        "tool.name": "function.name",
        "tool.parameters": "function.parameters",
        "tool.strict": "function.strict",
    },
    "openai_responses": {
        "messages": "input",
        "response_format": "text.format",
        "reasoning_effort": "reasoning.effort",
        "max_tokens": "max_output_tokens",
        "verbosity": "text.verbosity",
    },
    "anthropic": {
        "response_format": "output_config.format",
        "reasoning_effort": "thinking",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "tool.parameters": "input_schema",
    },
}
"""Names of fields in the client's words, where they are not those of OpenAI's chat completions."""


@frozen
class Dropped:
    """The provider gets nothing of it, and the answer is still what was asked for.

    inside: it holds fields, which are what is named.
    """

    why: str
    inside: bool = False


@frozen
class Refused:
    """The answer would not be what was asked for, unless the value asks for nothing."""

    why: str
    neutral: tuple[object, ...] = ()


_KEEPS = Dropped("it is about what OpenAI keeps")
_CACHE = Dropped("it is about OpenAI's cache of prompts")

EXTRAS: dict[str, dict[str, Dropped | Refused]] = {
    "openai": {
        "store": _KEEPS,
        "prompt_cache_key": _CACHE,
        "prompt_cache_options": _CACHE,
        "prompt_cache_retention": _CACHE,
        "safety_identifier": Dropped("it is about the checks of OpenAI"),
        "service_tier": Dropped("the tiers are OpenAI's"),
        "moderation": Refused("the checks are OpenAI's own"),
    },
    "openai_chat": {
        "prediction": Dropped("it makes answers faster, not different"),
        "stream_options": Dropped("it is about the form of OpenAI's stream"),
        "web_search_options": Refused("OpenAI's web search is no other's"),
        "audio": Refused("the voice is said in OpenAI's words alone"),
        "response_format": Refused("this form is known to servers of its kind alone"),
        "deferred": Refused("no answer is fetched later here", (False,)),
        "functions": Refused("it is outdated: write `tools`", ([],)),
        "function_call": Refused("it is outdated: write `tool_choice`", ("auto", "none")),
    },
    "openai_responses": {
        "access_programs": Dropped("it is about what OpenAI may be asked, and by whom"),
        "background_options": Dropped("a response in the background is begun at once here"),
        "client_metadata": Dropped("it is about the client"),
        "image": Dropped("it is about how OpenAI shortens images"),
        "reasoning": Dropped("it is about how OpenAI's models think", inside=True),
        "include": Dropped("it is about what OpenAI's answer repeats"),
        "context_management": Dropped("it is about how OpenAI shortens long conversations"),
        "max_tool_calls": Dropped("it counts calls of tools that OpenAI runs itself"),
        "stream_options": Dropped("it is about the form of OpenAI's stream"),
        "truncation": Refused("only OpenAI's responses cut conversations", ("disabled",)),
        "background": Refused("no other provider answers later", (False,)),
        "prompt": Refused(
            "it names a template that OpenAI keeps, and this deployment is not asked by its responses: "
            "send the text as `instructions` and `input`"
        ),
    },
    "anthropic": {
        "service_tier": Dropped("the tiers are Anthropic's"),
        "inference_geo": Refused("no other provider knows where it answers"),
        "cache_control": Dropped("it is about Anthropic's cache of prompts"),
        "metadata": Dropped("it is about the checks of Anthropic"),
        "context_management": Dropped("it is about how Anthropic shortens long conversations"),
        "diagnostics": Dropped("it is about what Anthropic tells of its cache"),
        "speed": Dropped("it makes answers faster, not different"),
        "user_profile_id": Dropped("it is about who pays Anthropic"),
        "workspace_id": Dropped("it is about who pays Anthropic"),
        "container": Refused("the containers are Anthropic's"),
        "fallbacks": Dropped("other models are asked by the file of the gateway"),
        "compaction": Dropped("it is about how Anthropic shortens long conversations"),
        "billing_policy": Dropped("it is about who pays Anthropic"),
        "fallback_credit_token": Dropped("it is about who pays Anthropic"),
        "mcp_servers": Refused("only Anthropic calls these servers itself", ([],)),
        "thinking": Dropped("it is about how Claude thinks, and shows it"),
        "output_config": Dropped("it is about how long Claude works"),
    },
}
"""What becomes of a request's fields that only one dialect knows, in front of another; others are refused."""

OWNERS = {
    "openai": "OpenAI",
    "openai_chat": "OpenAI's chat completions",
    "openai_responses": "OpenAI's responses",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Amazon Bedrock",
}
"""Seals, as clients know them."""

INSTEAD = {
    "custom": "declare it as a function",
    "compaction": "send what was said before it",
    "input_file": "send it as `file_data` or `file_url`",
    "input_image": "send it as `image_url`",
    "item_reference": "send the item itself",
}
"""What to do instead of a part of the conversation, or a tool, that only one dialect knows."""


def known_alone(dialect: str, kind: str, what: str = "") -> str:
    """Why a thing of one dialect cannot be sent on, and what to do. what: its name, if not `kind`."""
    instead = INSTEAD.get(kind, "ask a model there, or leave it out")
    return f"{what or f'`{kind}`'} is known to {OWNERS[dialect]} alone: {instead}"


UNKNOWN_EXTRA = Refused("no field of that name is translated for this provider")

LACKING = Refused("the provider has no such field")
