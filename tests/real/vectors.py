"""Embeddings and ranks: those of the server, whatever form they are asked for in."""

from __future__ import annotations

import base64
import struct

import pytest

from .conftest import Note
from .served import Served, post

TEXTS = ["green grass", "the blue sky", "a blue door", "x"]


class Embeds:
    """What holds for every server that embeds."""

    def test_vectors(self, served: Served, note: Note) -> None:
        """Vectors are the server's own, one for each text and in their order, as numbers and as base64."""
        body = {"model": "vectors", "input": TEXTS}
        directly = post(served.direct("vectors"), "/embeddings", body)
        assert directly.status == 200, directly.body
        wanted = [each["embedding"] for each in directly.json["data"]]
        through = post(served.url, "/v1/embeddings", body)
        assert through.status == 200, through.body
        given = through.json
        for one, other in zip(given["data"], wanted, strict=True):
            assert one["embedding"] == pytest.approx(other, abs=1e-5)
        assert given["usage"]["prompt_tokens"] == directly.json["usage"]["prompt_tokens"] > 0
        packed = post(served.url, "/v1/embeddings", body | {"encoding_format": "base64"}).json
        for each, other in zip(packed["data"], wanted, strict=True):
            raw = base64.b64decode(each["embedding"])
            assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(other, abs=1e-5)
        single = post(served.url, "/v1/embeddings", {"model": "vectors", "input": TEXTS[0]}).json
        assert single["data"][0]["embedding"] == pytest.approx(wanted[0], abs=1e-4)
        note(f"{len(wanted)} vectors of {len(wanted[0])}")


class Ranks:
    """What holds for every server that ranks."""

    def test_ranks(self, served: Served, note: Note) -> None:
        """Ranks and scores are the server's own, all of them and the best two."""
        body = {"model": "ranker", "query": "blue sky", "documents": TEXTS}
        directly = post(served.direct("ranker"), "/rerank", body)
        assert directly.status == 200, directly.body
        wanted = [(each["index"], each["relevance_score"]) for each in directly.json["results"]]
        through = post(served.url, "/v1/rerank", body)
        assert through.status == 200, through.body
        given = [(each["index"], each["relevance_score"]) for each in through.json["results"]]
        assert [index for index, _ in given] == [index for index, _ in wanted]
        assert [score for _, score in given] == pytest.approx([score for _, score in wanted], abs=1e-5)
        best = post(served.url, "/v1/rerank", body | {"top_n": 2, "return_documents": True}).json["results"]
        assert [each["index"] for each in best] == [index for index, _ in wanted[:2]]
        assert best[0]["document"]["text"] == TEXTS[wanted[0][0]]
        note(f"the order {', '.join(str(index) for index, _ in wanted)}")
