"""vLLM on the processor, launched."""

from __future__ import annotations

from .chats import Chats
from .lives import ChatLives, Ends
from .servers import VLLM


class TestVLLM(Ends, ChatLives, Chats):
    server = VLLM()
