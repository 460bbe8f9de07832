"""Gemini: `generateContent` and embeddings, on AI Studio and on Vertex AI."""
