"""What outlasts a request in the store: responses and conversations of OpenAI's API, and their background."""
