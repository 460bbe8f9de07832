"""The LiteLLM proxy, launched."""

from __future__ import annotations

from .chats import Chats
from .lives import ChatLives, Ends
from .servers import LiteLLM
from .vectors import Embeds, Ranks


class TestLiteLLM(Ends, ChatLives, Ranks, Embeds, Chats):
    server = LiteLLM()
