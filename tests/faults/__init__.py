"""Attacks and faults, played from outside against real processes.

A fault is a function whose docstring says what is promised and what is done; it notes what it sees, and
whether the promise held. `make faults` plays all of them and writes docs/reliability.md; `make test` plays
the quick ones.
"""
