"""A version of a model on its way into memory, first in a process of its own, and out of it again."""
