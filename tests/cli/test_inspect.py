"""`inferc inspect`: a deployment to start from, that passes when it is saved where it was printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from inferc.compiler.compile import check_file

from ..support import onnx_models as models
from ..support.commands import ROOT, SAMPLES
from .conftest import Command


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pooled() -> onnx.ModelProto:
    made = models.embedder()
    made.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", 384])
    )
    return made


def tagger() -> onnx.ModelProto:
    made = models.embedder()
    made.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 9])
    )
    return made


def both() -> onnx.ModelProto:
    """As sentence-transformers are exported: the tokens' vectors, and the one that is meant."""
    made = models.embedder()
    made.graph.output.append(pooled().graph.output[0])
    return made


def sums() -> onnx.ModelProto:
    return models.model([("x", TensorProto.FLOAT, ["N", 2])], [("sum", TensorProto.FLOAT, [])])


BUILT = {
    "both": (both(), "embed", "pooling = none"),
    "sums": (sums(), "tensor", "task = tensor"),
    "embedder": (models.embedder(), "embed", ""),
    "pooled": (pooled(), "embed", "pooling = none"),
    "scorer": (models.pair_scorer(1), "rerank", ""),
    "topics": (models.pair_scorer(3), "classify", 'labels = "config.json"'),
    "writer": (models.causal(), "generate", 'chat_template = "tokenizer_config.json"'),
    "tagger": (tagger(), "tensor", ""),
    "digits": (models.digits(), "tensor", "or `task classify"),
}


@pytest.mark.parametrize("name", BUILT)
def test_the_task_is_guessed_and_what_is_printed_passes(inferc: Command, tmp_path: Path, name: str) -> None:
    made, task, more = BUILT[name]
    models.save(made, tmp_path / f"{name}.onnx")
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (tmp_path / "config.json").write_text('{"id2label": {"0": "a", "1": "b", "2": "c"}}')
    done = inferc("inspect", f"{name}.onnx")
    assert (done.status, done.err) == (0, "")
    assert f"deployment {name} {{\n" in done.out
    assert f"  task {task} {{" in done.out or f"  task = {task}\n" in done.out
    assert more in done.out
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()
    assert inferc("fmt", "--check", "app.infer").status == 0


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (["samples"], "the first size of `x` is called `samples`"),
        (["n"], "`x` has one size, which need not be a batch"),
        (["seq", "batch", 4], "the first size of `x` is called `seq`"),
        (["a", "batch", 4], "another size of `x` is called `batch`"),
    ],
)
def test_no_batching_is_proposed_along_what_need_not_be_a_batch(
    inferc: Command, tmp_path: Path, shape: list[int | str | None], why: str
) -> None:
    made = models.model([("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)])
    models.save(made, tmp_path / "series.onnx")
    done = inferc("inspect", "series.onnx")
    assert "batching {" not in done.out
    assert f"# without batching: {why}\ndeployment series {{\n" in done.out
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_sizes_without_a_name_of_their_own_may_be_a_batch(inferc: Command, tmp_path: Path) -> None:
    made = models.model([("x", TensorProto.FLOAT, ["s77", 4])], [("y", TensorProto.FLOAT, ["s77", 3])])
    models.save(made, tmp_path / "m.onnx")
    assert "batching {" in inferc("inspect", "m.onnx").out


@pytest.mark.parametrize("in_function", [False, True])
def test_no_batching_is_proposed_for_a_model_that_quantises_while_it_runs(
    inferc: Command, tmp_path: Path, in_function: bool
) -> None:
    made = models.rows()
    node = onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], "scales")
    if in_function:
        opsets = [onnx.helper.make_opsetid("", 17)]
        made.functions.append(onnx.helper.make_function("mine", "Scaled", ["x"], ["q"], [node], opsets))
    else:
        made.graph.node.append(node)
    models.save(made, tmp_path / "int8.onnx")
    done = inferc("inspect", "int8.onnx")
    assert "batching {" not in done.out
    assert "# without batching: it quantises all rows of a run with one scale, in `scales`\n" in done.out


def test_real_models_pass_from_another_folder(
    inferc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").symlink_to(SAMPLES / "models")
    done = inferc("inspect", "models/minilm.onnx", "models/magika.onnx")
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()
    assert "# 22,617,680 parameters in 22,871,161 bytes; opset 17; made by pytorch 2.11.0+cpu\n" in done.out
    assert "# gives last_hidden_state f32[batch, sequence, 384]\n" in done.out
    assert 'task embed { tokenizer = "models/tokenizer.json" }' in done.out


def test_a_tokenizer_in_the_folder_above_is_found_as_optimum_saves_it(
    inferc: Command, tmp_path: Path
) -> None:
    for name in ("model", "model_quantized", "decoder_with_past_model", "tiny"):
        models.save(models.embedder(), tmp_path / "bge-small" / "onnx" / f"{name}.onnx")
    (tmp_path / "bge-small" / "tokenizer.json").write_text("{}")
    (tmp_path / "blobs").symlink_to(tmp_path / "bge-small" / "onnx")
    for model, tokenizer in (
        ("bge-small/onnx/model.onnx", "bge-small/tokenizer.json"),
        ("blobs/model.onnx", "blobs/../tokenizer.json"),
    ):
        done = inferc("inspect", model)
        assert f'tokenizer = "{tokenizer}"' in done.out
        (tmp_path / "app.infer").write_text(done.out)
        assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()
    made = inferc("inspect", *map(str, sorted((tmp_path / "bge-small" / "onnx").iterdir()))).out
    assert re.findall("deployment (.*) {", made) == ["bge_small", "bge_small_2", "bge_small_3", "tiny"]


def test_a_model_in_the_cache_of_hugging_face_has_the_name_that_it_has_there(
    inferc: Command, tmp_path: Path
) -> None:
    here = tmp_path / "hub" / "models--BAAI--bge-small-en"
    snapshot = here / "snapshots" / "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"
    models.save(models.embedder(), here / "blobs" / "a1")
    (snapshot / "onnx").mkdir(parents=True)
    (snapshot / "onnx" / "model.onnx").symlink_to("../../../blobs/a1")
    done = inferc("inspect", str((snapshot / "onnx" / "model.onnx").relative_to(tmp_path)))
    assert "\ndeployment bge_small_en {\n" in done.out


def test_without_a_tokenizer_the_task_is_tensors_and_the_other_one_is_named(
    inferc: Command, tmp_path: Path
) -> None:
    models.save(models.embedder(), tmp_path / "embedder.onnx")
    done = inferc("inspect", "embedder.onnx")
    assert "  task = tensor\n" in done.out
    assert "# for texts, put its `tokenizer.json` beside the model and say `task embed {" in done.out
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_deployments_of_several_models_have_names_of_their_own(inferc: Command, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        models.save(models.digits(), tmp_path / folder / "net.onnx")
    for odd in ("3d-net", "match", "größe", "${x}", "..."):
        models.save(models.digits(), tmp_path / f"{odd}.onnx")
    files = ["a/net.onnx", "b/net.onnx", "b/net.onnx", *sorted(p.name for p in tmp_path.glob("*.onnx"))]
    done = inferc("inspect", *files)
    assert done.status == 0
    names = [line.split()[1] for line in done.out.splitlines() if line.startswith("deployment ")]
    assert names[:2] == ["net", "net_2"]
    assert len(names) == len(set(names)) == 7
    assert {"model_3d_net", "model_match", "größe", "x"} < set(names)
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_names_inside_of_a_model_cannot_break_out_of_their_comment(inferc: Command, tmp_path: Path) -> None:
    made = models.digits()
    made.graph.input[0].name = "x\n} deployment evil {"
    made.producer_name = "\x1b[31m\u2028red"
    models.save(made, tmp_path / "odd.onnx")
    done = inferc("inspect", "odd.onnx")
    assert "\x1b" not in done.out
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_missing_weights_are_told(inferc: Command, tmp_path: Path) -> None:
    models.save(models.split("w.bin"), tmp_path / "split.onnx")
    assert "# weights in w.bin, which is missing\n" in inferc("inspect", "split.onnx").out
    (tmp_path / "w.bin").write_bytes(bytes(64))
    assert "# weights in w.bin\n" in inferc("inspect", "split.onnx").out


def test_json_holds_the_signature_and_the_deployment(inferc: Command, tmp_path: Path) -> None:
    models.save(models.split("w.bin"), tmp_path / "split.onnx")
    [told] = json.loads(inferc("inspect", "--json", "split.onnx").out)
    assert told["inputs"][0] == {"name": "input_ids", "dtype": "i64", "shape": ["batch", "sequence"]}
    assert told["outputs"][0]["shape"] == ["batch", "sequence", 384]
    assert (told["file"], told["opsets"], told["parameters"]) == ("split.onnx", {"": 21}, 16)
    assert (told["task"], told["external_data"]) == ("tensor", ["w.bin"])
    assert told["bytes"] == (tmp_path / "split.onnx").stat().st_size
    assert told["deployment"] == inferc("inspect", "split.onnx").out


def test_a_model_outside_of_the_project_is_printed_as_one_that_may_be_there(
    inferc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.save(models.digits(), tmp_path / "digits.onnx")
    (tmp_path / "project" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    printed = inferc("inspect", "../digits.onnx").out
    assert "outside_project = true" in printed
    Path("main.infer").write_text(printed)
    assert inferc("check", "main.infer").status == 0


def test_what_is_no_model_is_said_and_the_others_are_printed(inferc: Command, tmp_path: Path) -> None:
    models.save(models.digits(), tmp_path / "digits.onnx")
    (tmp_path / "notes.onnx").write_text("hello")
    os.mkfifo(tmp_path / "pipe.onnx")
    whole = models.causal().SerializeToString()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    done = inferc("inspect", "notes.onnx", "pipe.onnx", "digits.onnx", "cut.onnx", "nowhere.onnx", ".")
    assert done.status == 1
    assert "deployment digits {" in done.out
    said = done.err.splitlines()
    assert said[:2] == [
        "error: notes.onnx cannot be used: it is a text file",
        "error: pipe.onnx cannot be used: it is a FIFO",
    ]
    assert said[2].startswith("error: cut.onnx cannot be used: it is truncated")
    assert said[3:] == [
        "error: nowhere.onnx cannot be used: there is no such file",
        "error: . cannot be used: it is a directory; did you mean cut.onnx?",
    ]


def test_a_folder_is_answered_with_the_model_in_it(inferc: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a_quantized", "model"):
        models.save(models.embedder(), tmp_path / "bge" / "onnx" / f"{name}.onnx")
    assert inferc("inspect", "empty").err == "error: empty cannot be used: it is a directory\n"
    assert inferc("inspect", "bge").err.endswith("a directory; did you mean bge/onnx/model.onnx?\n")
    assert inferc("inspect", "bge/onnx").err.endswith("a directory; did you mean bge/onnx/model.onnx?\n")


def test_a_misspelt_model_is_answered_with_the_one_beside_it(inferc: Command, tmp_path: Path) -> None:
    models.save(models.digits(), tmp_path / "digits.onnx")
    assert inferc("inspect", "digit.onnx").err.endswith("no such file; did you mean digits.onnx?\n")


@pytest.mark.parametrize(
    "command", [["inspect", "samples/models/minilm.onnx"], ["check", "samples/onnx.infer"]]
)
def test_looking_into_a_model_loads_no_heavy_library(command: list[str]) -> None:
    program = (
        f"import sys; from inferc.cli.main import main; assert main({command!r}) == 0; "
        "print([n for n in ('onnx', 'onnxruntime', 'numpy', 'google.protobuf') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("name", "classes", "hint"),
    [
        ("y", 3, "# or `task classify { top_k = 3 }`, for scores by label"),
        ("logprobs", 3, "# or `task classify { top_k = 3 }`, for scores by label"),
        ("probabilities", 3, "# or `task classify { top_k = 3, activation = none }`, for scores by label"),
        ("y", 1, None),
    ],
)
def test_a_classifier_is_proposed_for_what_may_be_scores(
    inferc: Command, tmp_path: Path, name: str, classes: int, hint: str | None
) -> None:
    sides = [("x", TensorProto.FLOAT, ["n", 4]), (name, TensorProto.FLOAT, ["n", classes])]
    models.save(models.model(sides[:1], sides[1:]), tmp_path / "m.onnx")
    done = inferc("inspect", "m.onnx").out
    assert [line.strip() for line in done.splitlines() if "classify" in line] == ([hint] if hint else [])
    if hint is not None:
        task = hint.split("`")[1]
        (tmp_path / "app.infer").write_text(done.replace("task = tensor", task))
        assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_names_of_classes_come_out_of_the_model(inferc: Command, tmp_path: Path) -> None:
    sides = [("x", TensorProto.FLOAT, ["n", 1]), ("probabilities", TensorProto.FLOAT, ["n", 2])]
    made = models.model(sides[:1], sides[1:])
    node = onnx.helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        coefficients=[1.0, -1.0],
        classlabels_strings=["spam", 'no "spam"'],
    )
    made.graph.node.append(node)
    made.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 1))
    models.save(made, tmp_path / "m.onnx")
    done = inferc("inspect", "m.onnx").out
    task = 'task classify { labels = ["spam", "no \\"spam\\""], top_k = 3, activation = none }'
    assert f"# or `{task}`, for scores by label" in done
    (tmp_path / "app.infer").write_text(done.replace("task = tensor", task))
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()


def test_a_decoder_of_two_without_its_past_says_how_it_is_exported(inferc: Command, tmp_path: Path) -> None:
    made = models.model(
        [
            ("input_ids", TensorProto.INT64, ["b", "s"]),
            ("encoder_hidden_states", TensorProto.FLOAT, ["b", "e", 4]),
        ],
        [("logits", TensorProto.FLOAT, ["b", "s", 9])],
    )
    models.save(made, tmp_path / "decoder.onnx")
    done = inferc("inspect", "decoder.onnx").out
    assert "# for `task generate`, it needs inputs `past_key_values.*`" in done
    assert "--task text2text-generation-with-past" in done


# ---- what is published beside a model


def scored(operator: str) -> onnx.ModelProto:
    """A classifier whose file ends with `operator`, behind which its scores only get another name."""
    made = models.pair_scorer(3)
    made.graph.node.append(onnx.helper.make_node(operator, ["raw"], ["scores"]))
    made.graph.node.append(onnx.helper.make_node("Identity", ["scores"], ["logits"]))
    return made


def masked() -> onnx.ModelProto:
    made = models.embedder()
    made.graph.output[0].CopyFrom(
        onnx.helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 96])
    )
    return made


def modules(*kinds: str) -> list[dict[str, str]]:
    folders = {"Pooling": "1_Pooling"}
    return [{"type": f"sentence_transformers.models.{kind}", "path": folders.get(kind, "")} for kind in kinds]


BERT = {"architectures": ["BertForTokenClassification"], "id2label": {str(i): f"L{i}" for i in range(9)}}
BESIDE: dict[str, tuple[onnx.ModelProto, dict[str, object], list[str]]] = {
    "pooling": (
        models.embedder(),
        {"1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}},
        ["pooling = cls"],
    ),
    "pooling of today": (
        models.embedder(),
        {"1_Pooling/config.json": {"pooling_mode": "lasttoken"}},
        ["pooling = last"],
    ),
    "two poolings": (
        models.embedder(),
        {"1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}},
        ["# its folder says that vectors are pooled by cls_token and mean_tokens, which this is not"],
    ),
    "no normalisation": (
        models.embedder(),
        {"modules.json": modules("Transformer", "Pooling")},
        ["normalize = false"],
    ),
    "normalisation": (
        models.embedder(),
        {"modules.json": modules("Transformer", "Pooling", "Normalize")},
        [],
    ),
    "a layer that is not there": (
        models.embedder(),
        {"modules.json": modules("Transformer", "Pooling", "Dense", "Normalize")},
        ["# its folder has a `Dense` layer behind the pooling"],
    ),
    "splade": (
        masked(),
        {"modules.json": modules("MLMTransformer", "SpladePooling")},
        ["task embed {", "vectors = sparse"],
    ),
    "length": (models.embedder(), {"sentence_bert_config.json": {"max_seq_length": 12}}, ["max_length = 12"]),
    "length of the tokenizer": (
        models.embedder(),
        {"tokenizer_config.json": {"model_max_length": 512}},
        ["max_length = 512"],
    ),
    "a writer without its past": (
        models.causal(0),
        {"config.json": {"architectures": ["GPT2LMHeadModel"]}},
        ["# for `task generate`, it needs inputs `past_key_values.*`", "--task text-generation-with-past`"],
    ),
    "length that the model fixes": (
        models.model(
            [(name, TensorProto.INT64, [1, 9]) for name in ("input_ids", "attention_mask")],
            [("logits", TensorProto.FLOAT, [1, 3])],
        ),
        {"tokenizer_config.json": {"model_max_length": 512}},
        ["max_length = 9"],
    ),
    "prompts": (
        models.embedder(),
        {"config_sentence_transformers.json": {"prompts": {"query": "q: ", "passage": 'p "x": '}}},
        ['query_prompt = "q: "', 'document_prompt = "p \\"x\\": "'],
    ),
    "a usual prompt": (
        models.embedder(),
        {"config_sentence_transformers.json": {"prompts": {"query": "q: "}, "default_prompt_name": "query"}},
        ["input_type = query"],
    ),
    "many labels": (
        models.pair_scorer(2),
        {"config.json": {"problem_type": "multi_label_classification", "id2label": {"0": "a", "1": "b"}}},
        ["activation = sigmoid", 'labels = "config.json"'],
    ),
    "softmax": (scored("Softmax"), {}, ["activation = none"]),
    "sigmoid": (scored("Sigmoid"), {}, ["activation = none"]),
    "labels of tokens": (
        tagger(),
        {"config.json": BERT, "tokenizer_config.json": {"model_max_length": 512}},
        ["aggregation = simple", 'labels = "config.json"', "max_length = 512"],
    ),
    "cross-encoder": (
        models.pair_scorer(1),
        {"config.json": {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}},
        ["task rerank {", "activation = none"],
    ),
    "sampling": (
        models.causal(),
        {
            "generation_config.json": {
                "do_sample": True,
                "temperature": 0.6,
                "top_p": 0.9,
                "top_k": 20,
                "eos_token_id": [2, 7],
            },
            "tokenizer.json": {
                "model": {"vocab": {"a": 1, "</s>": 2}},
                "added_tokens": [{"id": 7, "content": "<e>"}],
            },
        },
        ["temperature = 0.6", "top_p = 0.9", "top_k = 20", 'eos = ["</s>", "<e>"]'],
    ),
    "image": (
        models.model(
            [("pixel_values", TensorProto.FLOAT, ["batch", "channels", "height", "width"])],
            [("logits", TensorProto.FLOAT, ["batch", 2])],
        ),
        {
            "config.json": {"architectures": ["ViTForImageClassification"], "id2label": {"0": "a", "1": "b"}},
            "preprocessor_config.json": {
                "image_processor_type": "ViTImageProcessor",
                "do_center_crop": True,
                "size": {"shortest_edge": 40},
                "crop_size": {"height": 32, "width": 32},
                "resample": 3,
                "image_mean": [0.5, 0.5, 0.5],
                "image_std": [0.25, 0.25, 0.25],
            },
        },
        [
            'labels = "config.json"',
            "warm_up { pixel_values = [1, 3, 32, 32] }",
            "pipeline m_of_image(photo: image) -> { label: text, confidence: float } {",
            'width = 32, height = 32, fit = "crop", resize = 40, resample = "bicubic"',
            "mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25]",
        ],
    ),
    "image of a fixed size": (
        models.model(
            [("input.1", TensorProto.FLOAT, [1, 20, 30, 3])], [("461", TensorProto.FLOAT, [1, 7, 7])]
        ),
        {"preprocessor_config.json": {"image_mean": [0, 0, 0], "do_rescale": False, "do_normalize": False}},
        ['json(m("input.1" = image(photo, width = 30, height = 20, scale = 1.0, layout = "nhwc")))'],
    ),
    "no sampling": (models.causal(), {"generation_config.json": {"max_new_tokens": 40}}, ["temperature = 0"]),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_published_beside_a_model_is_in_its_deployment(
    inferc: Command, tmp_path: Path, name: str
) -> None:
    made, files, wanted = BESIDE[name]
    models.save(made, tmp_path / "m.onnx")
    for file, content in {"tokenizer.json": {}, **files}.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(content))
    done = inferc("inspect", "m.onnx")
    assert (done.status, done.err) == (0, "")
    on_one_line = " ".join(done.out.split())
    assert [each for each in wanted if each not in on_one_line] == []
    if not wanted:
        assert "normalize" not in done.out
    (tmp_path / "app.infer").write_text(done.out)
    assert check_file("app.infer", tmp_path / "app.infer").diagnostics == ()
    assert inferc("fmt", "--check", "app.infer").status == 0


@pytest.mark.parametrize(
    "content", ["", "[", "[1]", '{"modules": 3}', '[{"type": 1, "path": "../x"}]', "9" * 9000]
)
def test_files_beside_a_model_that_are_something_else_say_nothing(
    inferc: Command, tmp_path: Path, content: str
) -> None:
    models.save(models.embedder(), tmp_path / "m.onnx")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "tokenizer.json").write_text("{}")
    plain = inferc("inspect", "m.onnx").out
    for name in (
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "config.json",
        "tokenizer_config.json",
        "preprocessor_config.json",
    ):
        (tmp_path / name).write_text(content)
    assert inferc("inspect", "m.onnx").out == plain
