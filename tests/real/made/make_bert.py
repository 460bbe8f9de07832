"""Write a small BERT with random weights, as Hugging Face's files: one that embeds, or one that ranks.

python make_bert.py embed|rerank FOLDER
"""

from __future__ import annotations

import string
import sys
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def main(task: str, folder: Path) -> None:
    torch.manual_seed(7)
    folder.mkdir(parents=True, exist_ok=True)
    letters = string.ascii_lowercase + string.digits
    vocab = [*SPECIAL, *letters, *string.punctuation, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=128,
        initializer_range=0.3,
        num_labels=1,
    )
    kind = BertModel if task == "embed" else BertForSequenceClassification
    kind(config).eval().save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
