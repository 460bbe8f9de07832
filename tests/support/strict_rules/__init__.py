"""What providers refuse beyond their types, with sources: `problems(body)` says what is wrong."""
