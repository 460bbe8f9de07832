"""Bifrost's `config.json`."""

from .files import read, recognises

__all__ = ["read", "recognises"]
