"""Texts from a causal language model: prompts, decoding with a cache of keys and values, and sampling."""
