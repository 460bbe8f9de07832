"""Prompts: templates that are checked before anything runs."""
