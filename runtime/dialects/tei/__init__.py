"""Hugging Face's Text Embeddings Inference, for clients: embeddings, reranking, and errors."""

from .requests import read_embed, read_embed_all, read_embed_sparse, read_rerank, write_error

__all__ = ["read_embed", "read_embed_all", "read_embed_sparse", "read_rerank", "write_error"]
