"""The functions of the language: what each does with its values."""
