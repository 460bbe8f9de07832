"""llama.cpp, launched."""

from __future__ import annotations

from .chats import Chats
from .lives import ChatLives, Ends
from .servers import LlamaCpp
from .vectors import Embeds


class TestLlamaCpp(Ends, ChatLives, Embeds, Chats):
    server = LlamaCpp()
