"""The functions of the language, as a compiler sees them: what each takes, and the type of what it gives."""
