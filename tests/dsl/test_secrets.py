"""What looks like a key is known, alone and in a text, and masked there; what only resembles one is not."""

from __future__ import annotations

from inferc.dsl.secrets import MASK, holds_key, looks_like_key, masked

from ..support.rows import each_row

KEYS = [
    "sk-" + "a" * 8,
    "sk-proj-Ab1_Cd2-Ef3",
    "AIza" + "b_-9" * 5,
    "AKIA" + "Z7" * 8,
    *(f"{name}{sign}" + "x1-_" * 4 for name in ("gsk", "hf", "ghp", "xai", "r8", "pplx") for sign in "_-"),
    "Bearer " + "t0.ken~/+" * 2,
    "bEARER\t" + "x" * 16,
    "0123456789abcdefABCD" * 2,
]
RESEMBLING = [
    "sk-" + "a" * 7,
    "AIza" + "b" * 19,
    "akia" + "Z7" * 8,
    "gsk" + "x" * 30,
    "xai-grok-4-fast-reasoning",
    "hf-8b-instruct-AWQ-int4-group128",
    "gsk_llama_3_70b_versatile",
    "bearer short",
    "bearer",
    "0" * 39,
    "0" * 41,
    "0" * 20 + " " + "0" * 20,
    "https://example.com/a-long-address/that-holds/no-key/whatsoever",
    "",
]


@each_row("key", KEYS)
def test_a_key_is_known_and_masked(key: str) -> None:
    assert looks_like_key(f" {key}\n")
    text = f'let x = "{key}"  # é\n'
    assert holds_key(text)
    assert masked(text) == text.replace(key, MASK * len(key))
    assert not looks_like_key(text)


@each_row("text", [*RESEMBLING, "AKIA" + "Z7" * 8 + "-", "ask-" + "a" * 9])
def test_what_only_resembles_a_key_stays(text: str) -> None:
    assert not looks_like_key(text)
    assert masked(f"({text})") == f"({text})"
