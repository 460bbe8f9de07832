"""Write a small Llama with random weights as GGUF: it says nothing sensible, and always the same.

    python make_gguf.py FILE

The weights come from a seed; only printable characters get weights that can win, so every answer is text.
It is large enough to take a moment for each token, so that there is something to break off.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, LAYERS, HIDDEN, CONTEXT = 64, 2, 2, 8192, 2048
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
CALL = "<tool_call>\n"
"""The last token, which a bias of a request can bring about: what follows it must be a call."""
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"

TEMPLATE = Path(__file__).with_name("template.jinja").read_text()


def main(path: str) -> None:
    chance = np.random.default_rng(7)
    letters = [SPACE if code == 32 else chr(code) for code in range(32, 127)]
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, CALL]
    kinds = [
        gguf.TokenType.UNKNOWN,
        *[gguf.TokenType.CONTROL] * (len(SPECIAL) - 1),
        *[gguf.TokenType.BYTE] * 256,
        *[gguf.TokenType.NORMAL] * len(letters),
        gguf.TokenType.USER_DEFINED,
    ]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(SPECIAL.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    def weights(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.3, shape).astype(np.float32)

    output = weights(len(tokens), WIDTH)
    output[: -len(letters) - 1] = 0
    output[-1] = 0
    writer.add_tensor("token_embd.weight", weights(len(tokens), WIDTH))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(WIDTH, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_gate.weight", weights(HIDDEN, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", weights(HIDDEN, WIDTH))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(WIDTH, HIDDEN) / 64)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
