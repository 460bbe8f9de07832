"""Local deployments are held against the models that they name, and the plan says what was found."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import onnx
import pytest
from onnx import TensorProto, helper

from inferc.compiler.plan import (
    Activation,
    ClassifySpec,
    EmbedSpec,
    ExecutionProvider,
    GenerateSpec,
    GraphOptimization,
    ProviderSpec,
    RerankSpec,
    TaskKind,
    TaskSpec,
    TooLongAction,
    dump_plan,
    load_plan,
)

from ..support import onnx_models as models
from ..support.projects import Project
from ..support.rows import each_row

TOKENIZER = 'tokenizer = "tokenizer.json"'


@pytest.fixture
def project(project: Project) -> Project:
    """A folder with a tokenizer, and a model of each kind."""
    project.write("tokenizer.json", "{}")
    built = {
        "embedder": models.embedder(),
        "scorer": models.pair_scorer(1),
        "topics": models.pair_scorer(3),
        "digits": models.digits(),
        "writer": models.causal(),
        "unpast": models.causal(0),
        "answers": models.finder(),
        "double": models.causal(1, TensorProto.DOUBLE),
        "half": models.causal(1, TensorProto.FLOAT16, position_ids=False),
    }
    for name, made in built.items():
        models.save(made, project.folder / f"{name}.onnx")
    return project


def deployment(model: str, task: str, runtime: str = "", more: str = "") -> str:
    return f'deployment it {{\n model = "{model}.onnx"\n {more}\n runtime ort {{ {runtime} }}\n {task}\n}}\n'


def embedder(runtime: str = "", more: str = "") -> str:
    return deployment("embedder", f"task embed {{ {TOKENIZER} }}", runtime, more)


# ---- tasks


@each_row(
    ("model", "task"),
    [
        ("embedder", f"task embed {{ {TOKENIZER}, dimensions = 384 }}"),
        ("topics", f"task embed {{ {TOKENIZER}, pooling = none }}"),
        ("scorer", f"task rerank {{ {TOKENIZER} }}"),
        ("topics", f'task classify {{ {TOKENIZER}, labels = ["a", "b", "c"] }}'),
        ("digits", "task classify { activation = none }"),
        ("writer", f"task generate {{ {TOKENIZER} }}"),
        ("half", f"task generate {{ {TOKENIZER} }}"),
        ("embedder", "task = tensor"),
        ("digits", ""),
    ],
)
def test_a_task_that_fits_the_model_is_fine(project: Project, model: str, task: str) -> None:
    assert project.codes(deployment(model, task)) == []


@each_row(
    ("model", "task", "said"),
    [
        ("digits", "embed", "the model has no `input_ids` or `attention_mask`"),
        ("topics", "embed", "one vector per token"),
        ("writer", "embed", "its `logits` say how a text goes on"),
        ("topics", "rerank", "`logits` gives 3 numbers per document"),
        ("embedder", "rerank", "one score per document"),
        ("embedder", "classify", "one number per class"),
        ("embedder", "generate", "an output `logits`"),
        ("digits", "generate", "the model has no `input_ids`"),
        ("answers", "classify", "floats [batch, classes], and `start_logits` has one per token"),
        ("answers", "embed", "one vector per token"),
        ("unpast", "generate", "it needs inputs `past_key_values.*`"),
        ("double", "generate", "f32 or f16"),
    ],
)
def test_a_task_that_does_not_fit_is_said_with_the_real_signature(
    project: Project, model: str, task: str, said: str
) -> None:
    [found] = project.findings(deployment(model, f"task {task} {{ {TOKENIZER} }}"))
    assert found.code == "E0504"
    assert said in found.message
    assert found.notes[0].startswith("this model takes ")


def test_a_language_model_may_take_segments(project: Project) -> None:
    made = models.causal()
    made.graph.input.append(made.graph.input[0])
    made.graph.input[-1].name = "token_type_ids"
    models.save(made, project.folder / "segments.onnx")
    assert project.codes(deployment("segments", f"task generate {{ {TOKENIZER} }}")) == []


def test_a_long_signature_is_cut(project: Project) -> None:
    models.save(models.causal(24), project.folder / "large.onnx")
    [found] = project.findings(deployment("large", f"task embed {{ {TOKENIZER} }}"))
    assert re.search(r"and 43 more and gives .* and 41 more$", found.notes[0])


def without(made: onnx.ModelProto, output: str) -> onnx.ModelProto:
    [index] = [i for i, each in enumerate(made.graph.output) if each.name == output]
    del made.graph.output[index]
    return made


def test_a_cache_that_is_not_given_back_cannot_be_continued(project: Project) -> None:
    models.save(without(models.causal(), "present.1.value"), project.folder / "cut.onnx")
    [found] = project.findings(deployment("cut", f"task generate {{ {TOKENIZER} }}"))
    assert "`past_key_values.1.value` needs an output `present.1.value`" in found.message


def test_a_tensor_that_no_protocol_carries_is_said_with_its_type(project: Project) -> None:
    made = models.model([("x", TensorProto.FLOAT, [1])], [("y", TensorProto.COMPLEX64, ["n", 2])])
    models.save(made, project.folder / "odd.onnx")
    [found] = project.findings(deployment("odd", ""))
    assert "no protocol carries the type of `y c64[n, 2]`" in found.message
    assert found.help == ("export it with a `Cast` there: to or from f32, for example",)


@each_row(
    ("sides", "opset", "message", "help"),
    [
        (["output"], "ai.onnx.ml", "`maps` is no tensor", "skl2onnx with `options={'zipmap': False}`"),
        (["output"], "other", "`maps` is no tensor", "export it with a tensor there"),
        (["input"], "ai.onnx.ml", "`maps` is no tensor", "export it with a tensor there"),
        (["input", "output"], "other", "`maps` and `maps` are no tensors", "export it with a tensor there"),
    ],
)
def test_what_is_no_tensor_cannot_be_passed_on(
    project: Project, sides: list[str], opset: str, message: str, help: str
) -> None:
    made = models.digits()
    made.opset_import.append(onnx.helper.make_opsetid(opset, 1))
    for side in sides:
        value = onnx.helper.make_tensor_sequence_value_info("maps", TensorProto.FLOAT, None)
        getattr(made.graph, side).append(value)
    models.save(made, project.folder / "forest.onnx")
    [found] = project.findings(deployment("forest", ""))
    assert (found.code, found.message) == ("E0504", f"this model cannot do the task `tensor`: {message}")
    [advice] = found.help
    assert help in advice


def test_a_model_that_gives_nothing_cannot_answer(project: Project) -> None:
    models.save(models.model([("x", TensorProto.FLOAT, [1])], []), project.folder / "mute.onnx")
    [found] = project.findings(deployment("mute", ""))
    assert (found.code, found.message) == (
        "E0504",
        "this model cannot do the task `tensor`: it gives nothing",
    )


@pytest.mark.parametrize("task", ["embed", "rerank", "generate"])
def test_a_task_that_reads_text_needs_a_tokenizer(project: Project, task: str) -> None:
    model = {"embed": "embedder", "rerank": "scorer", "generate": "writer"}[task]
    assert project.codes(deployment(model, f"task {task} {{ }}")) == ["E0305"]


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("labels.txt", "cat\ndog\nbird\n"),
        ("labels.txt", "\ufeffcat\r\n dog \r\nbird\r\n\r\n"),
        ("labels.json", '["cat", "dog", "bird"]'),
        ("labels.json", '{"2": "bird", "0": "cat", "1": "dog"}'),
        ("config.json", '{"model_type": "bert", "id2label": {"0": "cat", "1": "dog", "2": "bird"}}'),
    ],
)
def test_labels_are_read_from_a_file_when_compiled(project: Project, name: str, contents: str) -> None:
    project.write(name, contents)
    plan = project.onnx(deployment("topics", f'task classify {{ {TOKENIZER}, labels = "{name}" }}'))
    assert isinstance(plan.task, ClassifySpec)
    assert plan.task.labels == ("cat", "dog", "bird")


@each_row(
    ("name", "contents", "reason"),
    [
        ("labels.txt", "", "it is empty"),
        ("labels.txt", "cat\n\nbird", "line 2 is empty"),
        ("labels.txt", b"\xff\xfe", "it is not UTF-8 text"),
        ("labels.json", "[1, 2, 3]", "neither a list of texts"),
        ("labels.json", '{"0": "a", "2": "b"}', "neither a list of texts"),
        ("labels.json", "cat", "it is no JSON"),
        ("labels.json", "[" * 100_000, "it is no JSON"),
        ("labels.txt", "cat\ndog", "there are 2 labels, and the model has 3 classes"),
    ],
)
def test_labels_that_cannot_be_used_are_explained(
    project: Project, name: str, contents: str | bytes, reason: str
) -> None:
    project.write(name, contents)
    [found] = project.findings(deployment("topics", f'task classify {{ {TOKENIZER}, labels = "{name}" }}'))
    assert found.code == "E0511"
    assert reason in found.message


@each_row("labels", ["[1, 2, 3]", "3", "[cat, dog]"])
def test_labels_are_texts(project: Project, labels: str) -> None:
    codes = project.codes(deployment("topics", f"task classify {{ {TOKENIZER}, labels = {labels} }}"))
    assert codes == ["E0301"]


@each_row("field", ['labels = "nowhere.txt"', 'tokenizer = "nowhere.json"'])
def test_a_file_of_a_task_that_is_not_there_is_said(project: Project, field: str) -> None:
    fields = {"tokenizer": TOKENIZER} | {field.split()[0]: field}
    task = f"task classify {{ {', '.join(fields.values())} }}"
    assert project.codes(deployment("topics", task)) == ["E0501"]


# ---- batching, warm-up, provider options


@each_row("size", [1, 8])
def test_a_run_cannot_have_more_items_than_the_model_takes(project: Project, size: int) -> None:
    made = models.model([("x", TensorProto.FLOAT, [4, 2])], [("y", TensorProto.FLOAT, [4])])
    models.save(made, project.folder / "four.onnx")
    codes = project.codes(deployment("four", "", f"batching {{ max_size = {size} }}"))
    assert codes == (["E0505"] if size > 4 else [])


def test_batching_that_lets_no_requests_share_a_run_is_told(project: Project) -> None:
    made = models.model(
        [("x", TensorProto.FLOAT, ["N", 2])],
        [("y", TensorProto.FLOAT, ["N", 2]), ("sum", TensorProto.FLOAT, [])],
    )
    models.save(made, project.folder / "sums.onnx")
    [found] = project.findings(deployment("sums", "", "batching { }"))
    assert (found.code, "`sum` has not one row" in found.message) == ("W0517", True)
    writer = deployment("writer", f"task generate {{ {TOKENIZER} }}", "batching { }")
    for fine in (embedder("batching { }"), writer, deployment("sums", "", "batching { max_size = 1 }")):
        assert project.codes(fine) == []


def test_a_decoder_that_wants_an_encoder_is_not_advised_to_be_exported_without(project: Project) -> None:
    made = models.model(
        [
            ("input_ids", TensorProto.INT64, models.TOKENS),
            ("encoder_hidden_states", TensorProto.FLOAT, ["batch", "encoded", 4]),
        ],
        [("logits", TensorProto.FLOAT, ["batch", "sequence", 8])],
    )
    models.save(made, project.folder / "decoder.onnx")
    [found] = project.findings(deployment("decoder", f"task generate {{ {TOKENIZER} }}"))
    assert "nothing gives a value for `encoder_hidden_states`" in found.message
    assert found.help == ()


def quantized(*names: str) -> onnx.ModelProto:
    """A model with nodes of these names that find a scale for their input, the last one in a branch."""
    made = models.rows()
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], [f"{n}q", f"{n}s", f"{n}z"], n) for n in names]
    branch = helper.make_graph(nodes[-1:], "branch", [], [])
    made.graph.node.extend(nodes[:-1])
    made.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))
    return made


@each_row(
    ("shape", "why"),
    [
        (["samples"], "the first size of `x` is called `samples`"),
        (["sequence_length", 4], "the first size of `x` is called `sequence_length`"),
        (["numFrames", 4], "the first size of `x` is called `numFrames`"),
        (["T", "N", 4], "the first size of `x` is called `T`"),
        (["N", "batch_size", 4], "another size of `x` is called `batch_size`"),
        (["batch", "time"], None),
        (["batch_length", 2], None),
        (["N", 4], None),
        ([None, "sequence"], None),
    ],
)
def test_batching_along_what_is_called_something_else_is_told(
    project: Project, shape: list[int | str | None], why: str | None
) -> None:
    made = models.model([("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)])
    models.save(made, project.folder / "series.onnx")
    found = project.findings(deployment("series", "", "batching { }"))
    assert [each.code for each in found] == ([] if why is None else ["W0518"])
    assert all(why is not None and why in each.message for each in found)
    assert project.codes(deployment("series", "", "")) == []


def test_batching_of_a_model_that_quantises_while_it_runs_is_told(project: Project) -> None:
    models.save(quantized("a", "b", "c", "d", "e"), project.folder / "int8.onnx")
    [found] = project.findings(deployment("int8", "", "batching { }"))
    assert found.code == "W0518"
    assert "one scale, in `a`, `b`, `c` and others" in found.message
    models.save(quantized("inside"), project.folder / "int8.onnx")
    [found] = project.findings(deployment("int8", "", "batching { }"))
    assert found.message.endswith("one scale, in `inside`")


@each_row(
    ("runtime", "gpus", "said"),
    [
        ("providers = [cpu]", 1, "this GPU stays idle"),
        ("providers = [cpu]", 2, "these 2 GPUs stay idle"),
        ("providers = [cuda, cpu]", 4, "3 of 4 GPUs stay idle"),
        ("", 2, "1 of 2 GPUs stay idle"),
    ],
)
def test_gpus_that_nothing_runs_on_are_told(project: Project, runtime: str, gpus: int, said: str) -> None:
    [found] = project.findings(embedder(runtime, f"gpus = {gpus}"))
    assert found.code == "W0516"
    assert said in found.message
    assert project.codes(embedder("providers = [cuda, cpu]", "gpus = 1")) == []


def test_the_softmax_of_one_class_is_refused(project: Project) -> None:
    [found] = project.findings(deployment("scorer", f"task classify {{ {TOKENIZER} }}"))
    assert (found.code, "always 1" in found.message) == ("E0504", True)
    for activation in ("sigmoid", "none"):
        task = f"task classify {{ {TOKENIZER}, activation = {activation} }}"
        assert project.codes(deployment("scorer", task)) == []


def test_a_model_whose_input_is_one_value_cannot_batch(project: Project) -> None:
    made = models.model([("x", TensorProto.FLOAT, [])], [("y", TensorProto.FLOAT, [])])
    models.save(made, project.folder / "one.onnx")
    [found] = project.findings(deployment("one", "", "batching { }"))
    assert "`x` is one value" in found.message


def test_shapes_of_a_warm_up_are_completed_from_the_names_of_dimensions(project: Project) -> None:
    [run, other] = project.onnx(embedder("warm_up { input_ids = [[1, 16], [8, 128]] }")).warm_up
    assert run == dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), (1, 16))
    assert other["token_type_ids"] == (8, 128)


def test_sums_of_dimensions_are_calculated_for_a_warm_up(project: Project) -> None:
    text = deployment("writer", f"task generate {{ {TOKENIZER} }}", "warm_up { input_ids = [2, 10] }")
    [run] = project.onnx(text).warm_up
    assert run["attention_mask"] == (2, 11)
    assert run["past_key_values.0.key"] == (2, 4, 1, 16)


def test_an_input_without_a_known_shape_must_be_written_in_a_warm_up(project: Project) -> None:
    inputs = [("x", TensorProto.FLOAT, ["n"]), ("y", TensorProto.FLOAT, None)]
    models.save(models.model(inputs, [("z", TensorProto.FLOAT, ["n"])]), project.folder / "free.onnx")
    [found] = project.findings(deployment("free", "", "warm_up { x = [4] }"))
    assert found.code == "E0509"
    assert "`y`" in found.message
    assert project.onnx(deployment("free", "", "warm_up { x = [4], y = [2, 2] }")).warm_up == (
        {"x": (4,), "y": (2, 2)},
    )


def test_options_are_lowered_to_the_text_that_onnxruntime_reads(project: Project) -> None:
    runtime = """
      providers = [tensorrt, cuda, cpu]
      cuda {
        gpu_mem_limit = 4GiB, use_tf32 = false, enable_cuda_graph = true
        arena_extend_strategy = kSameAsRequested, tunable_op_max_tuning_duration_ms = 1.5s
      }
      tensorrt {
        trt_fp16_enable = true, trt_builder_optimization_level = 3, trt_engine_cache_path = "engines"
        trt_profile_min_shapes = "input_ids:1x1", trt_profile_opt_shapes = "input_ids:8x64"
        trt_profile_max_shapes = "input_ids:32x128"
      }
      session { optimized_model_cache = "kept", graph_optimization = extended, memory_pattern = false }
      share_weights = false
    """
    [plan] = project.deployments(embedder(runtime, "gpus = 1")).values()
    lowered = project.plan(embedder(runtime, "gpus = 1"), base="out").deployments[0]
    tensorrt = {
        "trt_fp16_enable": "1",
        "trt_builder_optimization_level": "3",
        "trt_profile_min_shapes": "input_ids:1x1",
        "trt_profile_opt_shapes": "input_ids:8x64",
        "trt_profile_max_shapes": "input_ids:32x128",
    }
    cuda = {
        "gpu_mem_limit": str(4 << 30),
        "use_tf32": "0",
        "enable_cuda_graph": "1",
        "arena_extend_strategy": "kSameAsRequested",
        "tunable_op_max_tuning_duration_ms": "1500",
    }
    assert lowered.providers == (
        ProviderSpec(ExecutionProvider.TENSORRT, tensorrt, {"trt_engine_cache_path": "../engines"}),
        ProviderSpec(ExecutionProvider.CUDA, cuda),
        ProviderSpec(ExecutionProvider.CPU),
    )
    assert lowered.session.optimized_model_cache == "../kept"
    assert lowered.session.graph_optimization is GraphOptimization.EXTENDED
    assert not lowered.session.memory_pattern
    assert not plan.share_weights


def test_options_come_from_templates_too_and_are_said_where_they_stand(project: Project) -> None:
    text = "template fast { runtime ort { cuda { use_tf23 = true } } }\n"
    text += embedder("cuda { use_tf32 = true }", "gpus = 1").replace("it {", "it from fast {")
    [found] = project.findings(text)
    assert (found.code, found.primary and found.primary.span.text) == ("E0506", "use_tf23")


def test_a_block_inside_of_options_is_said(project: Project) -> None:
    assert project.codes(embedder("cuda { arena { } }", "gpus = 1")) == ["E0205"]


def test_preferred_sizes_up_to_the_largest_are_fine(project: Project) -> None:
    assert project.codes(embedder("batching { max_size = 8, preferred = [1, 8] }")) == []
    assert project.codes(embedder("batching { max_size = 8, preferred = [9, 10] }")) == ["E0508"] * 2


# ---- files


def test_weights_beside_the_model_are_pinned_like_the_model(project: Project) -> None:
    made = models.split("weights.bin", 64)
    models.save(made, project.folder / "split.onnx")
    text = deployment("split", f"task embed {{ {TOKENIZER} }}")
    assert project.codes(text) == ["E0510"]
    project.write("weights.bin", bytes(63))
    [short] = project.findings(text)
    assert "it has 63 bytes, the model needs 64" in short.message
    project.write("weights.bin", bytes(64))
    [file] = project.onnx(text).external_data
    assert (file.path, file.bytes) == ("weights.bin", 64)


def test_weights_whose_length_is_not_said_are_as_long_as_their_sizes_say(project: Project) -> None:
    made = models.split("weights.bin", 64)
    [weight] = made.graph.initializer
    del weight.external_data[:]
    weight.external_data.add(key="location", value="weights.bin")
    models.save(made, project.folder / "split.onnx")
    project.write("weights.bin", bytes(63))
    [short] = project.findings(deployment("split", f"task embed {{ {TOKENIZER} }}"))
    assert "it has 63 bytes, the model needs 64" in short.message


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd"])
def test_weights_that_are_not_beside_the_model_are_refused(project: Project, location: str) -> None:
    project.write("weights.bin", bytes(64))
    models.save(models.split(location), project.folder / "inner" / "split.onnx")
    [found] = project.findings(deployment("inner/split", f"task embed {{ {TOKENIZER} }}"))
    assert found.code == "E0510"
    assert "it is not beside the model" in found.message


@pytest.mark.parametrize("kind", ["FIFO", "directory"])
def test_what_is_no_plain_file_is_said_and_not_opened(project: Project, kind: str) -> None:
    path = project.folder / "odd.onnx"
    os.mkfifo(path) if kind == "FIFO" else path.mkdir()
    assert project.codes(deployment("odd", "")) == ["E0501"]


def test_a_model_outside_of_the_working_copy_is_an_error(project: Project) -> None:
    inner = Project(project.folder / "project")
    (inner.folder / ".git").mkdir(parents=True)
    (inner.folder / "deploy").mkdir()
    models.save(models.digits(), inner.folder / "here.onnx")
    text = 'deployment it { model = "%s.onnx", runtime = ort }'
    assert inner.codes(text % "../here", "deploy/main.infer") == []
    assert inner.codes(text % (inner.folder / "here"), "deploy/main.infer") == []
    assert inner.codes(text % "../../digits", "deploy/main.infer") == ["E0512"]
    assert inner.codes(text % (project.folder / "digits"), "deploy/main.infer") == ["E0512"]
    (inner.folder / "link.onnx").symlink_to(project.folder / "digits.onnx")
    assert inner.codes(text % "../link", "deploy/main.infer") == []


def test_outside_of_a_working_copy_only_absolute_paths_are_refused(project: Project) -> None:
    text = 'deployment it { model = "%s.onnx", runtime = ort }'
    (project.folder / "deploy").mkdir()
    assert project.codes(text % "../digits", "deploy/main.infer") == []
    assert project.codes(text % (project.folder / "digits"), "deploy/main.infer") == ["E0512"]


def test_a_deployment_may_say_that_its_files_are_elsewhere(project: Project) -> None:
    text = 'deployment it { model = "%s.onnx", runtime ort { outside_project = true } }'
    (project.folder / "deploy").mkdir()
    assert project.codes(text % (project.folder / "digits"), "deploy/main.infer") == []


# ---- the plan


@each_row(
    ("model", "task", "expected"),
    [
        (
            "embedder",
            "task embed { %s, on_too_long = error, dimensions = 128 }",
            {"kind": TaskKind.EMBED, "on_too_long": TooLongAction.ERROR, "dimensions": 128},
        ),
        ("scorer", "task rerank { %s, max_length = 512 }", {"kind": TaskKind.RERANK, "max_length": 512}),
        (
            "topics",
            "task classify { %s, activation = sigmoid, top_k = 2 }",
            {"activation": Activation.SIGMOID, "top_k": 2, "labels": ()},
        ),
        (
            "writer",
            'task generate { %s, temperature = 0, top_k = 5, top_p = 0.5, stop = ["\\n"], eos = ["</s>"], '
            'max_length = 64, max_new_tokens = 9, chat_template = "tokenizer.json" }',
            {"temperature": 0.0, "top_k": 5, "top_p": 0.5, "stop": ("\n",), "eos": ("</s>",)}
            | {"max_length": 64, "max_new_tokens": 9},
        ),
    ],
)
def test_settings_of_a_task_are_in_the_plan(
    project: Project, model: str, task: str, expected: dict[str, object]
) -> None:
    spec = project.onnx(deployment(model, task % TOKENIZER)).task
    assert isinstance(spec, EmbedSpec | RerankSpec | ClassifySpec | GenerateSpec)
    assert spec.tokenizer is not None
    assert spec.tokenizer.path == "tokenizer.json"
    assert {name: getattr(spec, name) for name in expected} == expected


def test_a_tensor_task_has_no_settings(project: Project) -> None:
    assert project.onnx(deployment("digits", "task = tensor")).task == TaskSpec(kind=TaskKind.TENSOR)


def test_a_plan_with_all_of_it_survives_its_file(project: Project) -> None:
    text = embedder("warm_up { input_ids = [1, 2] }, cuda { use_tf32 = true }", "gpus = 1")
    plan = project.plan(text)
    path = project.write("main.plan.json", dump_plan(plan))
    assert load_plan(path) == plan


DIVIDES = helper.make_node("Div", ["a", "b"], ["y"])


def around(
    *nodes: onnx.NodeProto, takes: Sequence[str] = (), gives: Sequence[str] = ("r",)
) -> onnx.GraphProto:
    """The body of a loop, or of a branch."""
    sides = [
        [helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in names]
        for names in (takes, gives)
    ]
    return helper.make_graph(nodes, "body", *sides)


def looped(*takes: str) -> onnx.NodeProto:
    """A loop in which `b` comes back as the second number that is carried, and divides in the next pass."""
    nodes = [
        helper.make_node("Identity", ["on"], ["go"]),
        helper.make_node("Div", ["u", "v"], ["q"]),
        helper.make_node("Identity", ["b"], ["back"]),
    ]
    body = around(*nodes, takes=("i", "on", "u", "v"), gives=("go", "q", "back"))
    return helper.make_node("Loop", ["", "", *takes], ["y", "z"], body=body)


@each_row(
    ("nodes", "number", "told"),
    [
        ([DIVIDES], TensorProto.INT32, ("a", "b")),
        ([helper.make_node("Mod", ["a", "b"], ["y"])], TensorProto.INT64, ("a", "b")),
        (
            [
                helper.make_node("Unsqueeze", ["b", "w"], ["c"]),
                helper.make_node("Sub", ["w", "c"], ["d"]),
                helper.make_node("Div", ["a", "d"], ["y"]),
            ],
            TensorProto.INT64,
            ("a", "d"),
        ),
        (
            [
                helper.make_node(
                    "If",
                    ["w"],
                    ["y"],
                    then_branch=around(helper.make_node("Neg", ["a"], ["r"])),
                    else_branch=around(helper.make_node("Div", ["a", "b"], ["r"])),
                )
            ],
            TensorProto.INT64,
            ("a", "b"),
        ),
        ([looped("a", "w")], TensorProto.INT64, ("u", "v")),
        (
            [
                helper.make_node(
                    "Scan",
                    ["w", "b"],
                    ["s", "y"],
                    num_scan_inputs=1,
                    body=around(
                        helper.make_node("Mod", ["a", "e"], ["r"]), takes=("s", "e"), gives=("s", "r")
                    ),
                )
            ],
            TensorProto.INT64,
            ("a", "e"),
        ),
        ([helper.make_node("Halved", ["b", "a"], ["y"], domain="mine")], TensorProto.INT64, ("n", "d")),
        ([helper.make_node("Halved", ["b", "w"], ["y"], domain="mine")], TensorProto.INT64, None),
        (
            [
                helper.make_node("Cast", ["a"], ["c"], to=TensorProto.INT64),
                helper.make_node("Cast", ["b"], ["d"], to=TensorProto.INT64),
                helper.make_node("Div", ["c", "d"], ["y"]),
            ],
            TensorProto.FLOAT,
            ("c", "d"),
        ),
        ([DIVIDES], TensorProto.FLOAT, None),
        ([DIVIDES], TensorProto.INT16, None),
        ([helper.make_node("Div", ["a", "w"], ["y"])], TensorProto.INT64, None),
        ([helper.make_node("Div", ["w", "b"], ["y"])], TensorProto.INT64, None),
        (
            [
                helper.make_node("Abs", ["b"], ["c"]),
                helper.make_node("Div", ["a", "c"], ["y"]),
            ],
            TensorProto.INT64,
            None,
        ),
        (
            [
                helper.make_node("Cast", ["a"], ["c"], to=TensorProto.FLOAT),
                helper.make_node("Cast", ["b"], ["d"], to=TensorProto.FLOAT),
                helper.make_node("Div", ["c", "d"], ["y"]),
            ],
            TensorProto.INT64,
            None,
        ),
    ],
)
def test_integers_that_a_client_can_end_the_server_by_are_told(
    project: Project, nodes: list[onnx.NodeProto], number: int, told: tuple[str, str] | None
) -> None:
    weight = helper.make_tensor("w", TensorProto.INT64, [1], [2])
    made = models.model([("a", number, ["n"]), ("b", number, ["n"])], [("y", number, ["n"])], [weight])
    made.graph.node.extend(nodes)
    halved = helper.make_node("Div", ["n", "d"], ["q"])
    opsets = [helper.make_opsetid("", 17)]
    made.functions.append(helper.make_function("mine", "Halved", ["d", "n"], ["q"], [halved], opsets))
    models.save(made, project.folder / "divides.onnx")
    found = project.findings(deployment("divides", "task tensor { }"))
    assert [each.code for each in found] == ([] if told is None else ["W0522"])
    for each in found:
        assert told is not None
        assert each.primary is not None
        assert f"divides `{told[0]}` by `{told[1]}`" in each.primary.text


def test_integers_that_are_divided_are_told_of_optional_inputs_and_not_of_texts(project: Project) -> None:
    weight = helper.make_tensor("b", TensorProto.INT64, [1], [2])
    sides: list[models.Value] = [(name, TensorProto.INT64, ["n"]) for name in "aby"]
    made = models.model(sides[:2], sides[2:], [weight])
    made.graph.node.append(DIVIDES)
    models.save(made, project.folder / "divides.onnx")
    assert project.codes(deployment("divides", "task tensor { }")) == ["W0522"]
    made = models.embedder()
    made.graph.node.append(helper.make_node("Div", ["input_ids", "attention_mask"], ["each"]))
    models.save(made, project.folder / "embedder.onnx")
    assert project.codes(embedder()) == []
    assert project.codes(deployment("embedder", "task tensor { }")) == ["W0522"]
