"""LiteLLM's `config.yaml`."""

from .files import read, recognises

__all__ = ["read", "recognises"]
