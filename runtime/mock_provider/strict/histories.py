"""What providers check of a conversation as a whole, which no path into it can tell: the checks by name."""

from __future__ import annotations

from . import (
    block_histories as blocks,
    chat_histories as chats,
    converse_histories as converse,
    part_histories as parts,
    response_histories as responses,
)
from .found import Check

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        blocks.blocks_blank_text,
        blocks.blocks_budget,
        blocks.blocks_empty,
        blocks.blocks_misplaced_system,
        blocks.blocks_orphans,
        blocks.blocks_repeated_ids,
        blocks.blocks_results_late,
        blocks.blocks_trailing_space,
        blocks.blocks_unanswered,
        blocks.cache_marks,
        blocks.tool_names_repeated,
        blocks.unknown_tool_chosen,
        chats.chat_count_differs,
        chats.chat_ends_with_assistant,
        chats.chat_no_json,
        chats.chat_orphans,
        chats.chat_successive,
        chats.chat_unanswered,
        chats.chat_user_after_tool,
        chats.unlisted_required,
        converse.converse_alternates,
        converse.converse_blank_text,
        converse.converse_orphans,
        converse.converse_silent_documents,
        converse.converse_unanswered,
        converse.converse_without_tools,
        parts.parts_call_out_of_turn,
        parts.parts_unanswered,
        parts.parts_unsigned,
        responses.responses_orphans,
        responses.responses_tools_repeated,
        responses.responses_unanswered,
    )
}
"""By the names that tables call them by."""
