"""Texts to vectors: `POST /v1/embeddings`, and the same in other protocols."""

from __future__ import annotations

from functools import partial

from ....compiler.plan import TaskKind
from ...dialects import cohere, tei
from ...dialects.openai.embeddings import read_embed
from .one_piece import answer_asked

answer_embeddings = answer_asked(read_embed, TaskKind.EMBED)
"""As OpenAI, Jina and Voyage have it."""

answer_cohere_embed = answer_asked(partial(cohere.read_embed, version="1"), TaskKind.EMBED)
answer_cohere_embed_v2 = answer_asked(partial(cohere.read_embed, version="2"), TaskKind.EMBED)
answer_tei_embed = answer_asked(tei.read_embed, TaskKind.EMBED)
answer_tei_embed_sparse = answer_asked(tei.read_embed_sparse, TaskKind.EMBED)
answer_tei_embed_all = answer_asked(tei.read_embed_all, TaskKind.EMBED)
