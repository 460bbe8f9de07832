"""The commands of `inferc`: one module each, imported only when it is called.

A module has `configure(parser)`, which adds its arguments, and `run(arguments) -> int`.
"""
