"""What looks like a key is known, alone and in a text, and masked there; what only resembles one is not."""

from __future__ import annotations

from inferc.dsl.catalogues.models import known_models
from inferc.dsl.secrets.texts import MASK, holds_key, looks_like_key, masked, veiled
from inferc.dsl.source import Source, Span

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
    "ASIA" + "Z7" * 8,
    "ABSK" + "aB3/" * 20 + "==",
    "dapi" + "0f" * 16,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x1",
    "hvs." + "Ab_1" * 6,
    "nvapi-" + "Ab-1" * 16,
    "glpat-" + "Ab-1" * 5,
    "GOCSPX-" + "Ab-1" * 7,
    "tgp_v1_" + "Ab-1" * 10,
    "pa-" + "Ab1" * 14 + "x",
    "github_pat_" + "A1" * 11 + "_" + "b2" * 29,
    "sk_live_" + "A1b2" * 6,
    "csk-" + "a1" * 24,
    "fw_" + "A1b2" * 6,
]
RANDOM = ["w7ZYPU1iM73rzfRKNUHEKAI7zt5oOtJi", "41c842e90114183d260f486eca887715", "Zx9Qw8Er7Ty6Ui5Op4As3Df2"]
RANDOM += ["oWWAaJz70Nv5zUaX2ZRi/FLc0tYIwjbSH0Mt7H+v", "3f2a9b7c8d1e4f50" * 4]
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


@each_row("row", RANDOM)
def test_what_is_made_by_chance_is_no_mistake_and_not_shown(row: str) -> None:
    text = f"model = x  # {row}, see above\n"
    assert not holds_key(text.replace(row, row[:39]))
    assert veiled(text) == text.replace(row, MASK * len(row))
    assert Span(Source("a", text), 0, len(text)).text == veiled(text)


SHA, MD5 = "0e9e39f249a16976918f6564b8830bc894c89659", "41c842e90114183d260f486eca887715"
NAMED = [
    f'command = ["vllm", "serve", "--revision", "{SHA}"]',
    f"image = registry/app@sha256:{MD5}{MD5}",
    f'model = "meta-llama/Llama@{SHA}"',
    f"commit: {SHA}",
    f"uuid = {MD5}",
    f'assistant = "asst_{RANDOM[0][:24]}"',
    f'response = "resp_{MD5}{MD5[:16]}"',
    "model = TheBloke/Mixtral8x7BInstructv01GPTQ",
]


@each_row("text", NAMED)
def test_what_its_name_tells_to_be_no_secret_is_shown(text: str) -> None:
    assert veiled(text) == text


@each_row(
    "text",
    [
        f"revisions = {SHA}",
        f"{SHA} revision",
        f"asst_{SHA}",
        f"mask_{RANDOM[0]}",
        f"run_{RANDOM[0]}",
        f"call_{RANDOM[0][:24]}/{RANDOM[1][:8]}",
        f"api_key = {MD5}",
    ],
)
def test_a_row_without_such_a_name_is_hidden(text: str) -> None:
    assert MASK * 24 in veiled(text)


@each_row("start", ["msg_", "org-", "file-"])
@each_row("key", ["AKIA" + "Z7" * 8, "sk-proj-" + "Ab1" * 8, "dapi" + "0f" * 16, "hf_" + "Ab1" * 11])
def test_a_key_behind_the_beginning_of_an_object_is_hidden(start: str, key: str) -> None:
    assert veiled(f"id = {start}{key}") == f"id = {start}{MASK * len(key)}"


def test_names_that_only_have_the_letters_of_such_a_field_are_shown() -> None:
    text = 'let gis = "map data"\nlet wp = "blog"\nlet kye = "abc"\n'
    assert Source("a", text).shown == text.replace("abc", MASK * 3)


def test_names_of_models_and_words_of_code_are_shown() -> None:
    words = "AutoModelForCausalLM OrtTensorRTProviderOptionsV2 ClearToolUses20250919Edit consecutive5XxErrors"
    assert [each for each in (*known_models(), *words.split()) if veiled(each) != each] == []
