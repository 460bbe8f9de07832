"""Serving by several processes: the one that looks after the others, and what each of them runs."""
