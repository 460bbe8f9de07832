"""inferc from Python: thin, typed, and kept as it is. Users import `inferc`, which names all of it."""
