"""OpenAI: chat completions, completions and embeddings, as clients send them and providers answer."""
