"""Cohere's API, for clients: embeddings, reranking, and errors, of the first and the second version."""

from .embed import read_embed
from .errors import write_error
from .rerank import read_rerank

__all__ = ["read_embed", "read_rerank", "write_error"]
