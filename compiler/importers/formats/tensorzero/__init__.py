"""TensorZero's `tensorzero.toml`."""

from .files import read, recognises

__all__ = ["read", "recognises"]
