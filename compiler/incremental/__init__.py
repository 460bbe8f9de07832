"""Incremental checking: the result of each declaration is memoised with what it depends on."""
