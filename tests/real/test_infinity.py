"""infinity, launched."""

from __future__ import annotations

from .lives import Ends, Lives
from .servers import Infinity
from .vectors import Embeds, Ranks


class TestInfinity(Ends, Lives, Ranks, Embeds):
    server = Infinity()
    question = ("/embeddings", {"model": "vectors", "input": "green grass"})
