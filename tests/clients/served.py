"""What is served to the clients: deployments of every kind, and what each answers."""

from __future__ import annotations

FILE = """
deployment gpt {{
  model = "gpt-4o-mini"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
}}
deployment writer {{
  model = "gpt-3.5-turbo-instruct"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
}}
deployment moderator {{
  model = "omni-moderation-latest"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
}}
deployment claude {{
  model = "claude-sonnet-4-5"
  runtime anthropic {{ api_key = env("KEY"), endpoint = "{url}" }}
}}
deployment flash {{
  model = "gemini-2.5-flash"
  runtime gemini {{ api_key = env("KEY"), endpoint = "{url}" }}
}}
deployment vllm {{
  model = "Qwen/Qwen2.5-VL-7B-Instruct"
  runtime vllm {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
}}
deployment local {{
  model = "writer.onnx"
  task generate {{ tokenizer = "bytes.json", eos = ["</s>"], max_length = 4k }}
}}
deployment vectors {{
  model = "text-embedding-3-small"
  runtime openai {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
  task = embed
}}
deployment minilm {{
  model = "minilm.onnx"
  task embed {{ tokenizer = "tokenizer.json" }}
}}
deployment ranker {{
  model = "some-reranker"
  runtime openai_compatible {{ api_key = env("KEY"), endpoint = "{url}/v1" }}
  task = rerank
}}
deployment line {{ model = "line.onnx" }}
route assistant = fallback [claude, gpt]
route "claude-sonnet-4-5" = fallback [gpt, claude]
route "claude-haiku-4-5" = fallback [flash, claude]
pipeline echo(message: text) -> text {{ return gpt(message) }}
"""

MODELS = """
from pathlib import Path
from sys import argv
from tests.runtime.onnx.toys import byte_tokenizer, causal_lm, line, saying
folder = Path(argv[1])
writer = folder / "writer.onnx"
saying(writer, causal_lm(writer, places=4000), "Hi.")
byte_tokenizer(folder / "bytes.json")
line(folder / "line.onnx")
"""
"""Makes the models that no package has, by inferc's own Python: clients have no ONNX."""

TALKERS = ("gpt", "claude", "flash", "vllm", "assistant")
"""These call a tool when they are asked to."""

SHAPERS = (*TALKERS, "local")
"""These answer in the shape of a schema, and call a tool that they must call."""

CHATS = (*SHAPERS, "echo")
EMBEDDERS = ("vectors", "minilm")


def answers(model: str, text: str | None, asked: str) -> bool:
    """Whether that is what `model` says to `asked`."""
    return text == ("Hi." if model == "local" else f"You said: {asked}")
