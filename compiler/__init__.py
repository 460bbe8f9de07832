"""Meaning: resolve names, merge templates, evaluate, check, and lower to a plan."""
