"""Expressions to values: names, operators and functions, and what is said where one makes no sense."""
