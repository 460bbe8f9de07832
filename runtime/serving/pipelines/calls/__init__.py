"""Calls of models and of other pipelines, and the tools that chat models call."""
