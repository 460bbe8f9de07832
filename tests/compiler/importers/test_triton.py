"""Triton's `config.pbtxt`: models of ONNX Runtime, and ensembles."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferc.compiler.importers import ImportFailed, import_text

from ...support import onnx_models as models
from .conftest import Import


def test_a_model_comes_over_with_its_batches_threads_and_providers(bring: Import, tmp_path: Path) -> None:
    models.save(models.embedder(), tmp_path / "1" / "encoder.onnx")
    came = bring(
        "config.pbtxt",
        """
        name: "pages"  # a comment
        backend: 'onnxruntime'
        default_model_filename: "enc" "oder.onnx"
        max_batch_size: 64;
        instance_group [ { count: 3 kind: KIND_GPU gpus: [ 0 ] } ]
        dynamic_batching { preferred_batch_size: [ 8, 16 ] max_queue_delay_microseconds: 250 }
        optimization {
          graph: { level: -1 }
          execution_accelerators < gpu_execution_accelerator: [ {
            name: "tensorrt"
            parameters { key: "precision_mode" value: "FP16" }
            parameters { key: "max_workspace_size_bytes" value: "1073741824" }
            parameters { key: "trt_engine_cache_enable" value: "1" }
          } ] >
        }
        parameters { key: "intra_op_thread_count" value: { string_value: "4" } }
        parameters { key: "gpu_mem_limit" value: { string_value: "2147483648" } }
        parameters { key: "arena_extend_strategy" value: { string_value: "1" } }
        model_warmup [ {
          name: "short" batch_size: 8
          inputs { key: "input_ids" value: { data_type: TYPE_INT64 dims: 16 zero_data: true } }
        } ]
        """,
    )
    values = {key.removeprefix("pages."): value for key, value in came.values.items()}
    wanted = {
        "model": "1/encoder.onnx",
        "gpus": "1",
        "replicas": "3",
        "runtime.providers": "[tensorrt, cuda]",
        "runtime.batching.max_size": "64",
        "runtime.batching.max_delay": "250us",
        "runtime.batching.preferred": "[8, 16]",
        "runtime.session.graph_optimization": "basic",
        "runtime.session.intra_op_threads": "4",
    }
    assert {key: values[key] for key in wanted} == wanted
    assert "trt_fp16_enable = true" in came.text
    assert "trt_max_workspace_size = 1GiB" in came.text
    assert "trt_engine_cache_enable = true" in came.text
    assert "gpu_mem_limit = 2GiB\n" in came.text
    assert 'arena_extend_strategy = "kSameAsRequested"\n' in came.text
    assert "warm_up { input_ids = [8, 16] }" in came.text
    assert came.lost() == {"instance_group[0].gpus"}


def test_an_ensemble_is_a_pipeline_and_what_reads_texts_is_a_function(bring: Import) -> None:
    came = bring(
        "config.pbtxt",
        """
        name: "reader"
        platform: "ensemble"
        max_batch_size: 4
        input [ { name: "TEXT" data_type: TYPE_STRING dims: [ 1 ] } ]
        output [ { name: "LABEL" data_type: TYPE_FP32 dims: [ -1, 3 ] } ]
        ensemble_scheduling { step [
          { model_name: "tok" model_version: -1
            input_map { key: "TEXT" value: "TEXT" } output_map { key: "IDS" value: "ids" } },
          { model_name: "head" model_version: 2
            input_map { key: "x" value: "ids" } output_map { key: "y" value: "LABEL" } }
        ] }
        """,
    )
    assert 'extern tok(TEXT: list<text>) -> tensor<i64> = python("tok:run")' in came.text
    assert "pipeline reader(TEXT: list<text>) -> tensor<f32, [batch, _, 3]> {" in came.text
    assert "  ids = tok(TEXT = TEXT)\n  LABEL = head(x = ids)\n  return LABEL\n" in came.text
    assert 'model = "../head/2/model.onnx"' in came.text
    assert came.lost() == {"ensemble_scheduling.step[1].model_version"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('name: "a"\nplatform: }\n', 2, "no configuration of Triton"),
        ('name: "a"\nplatform: "\\x"', 2, "escape that is none"),
        ("a {" * 200 + "}" * 200, 1, "100 deep"),
        ('name: "a" backend: "python"', None, "no model"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, line: int | None, says: str) -> None:
    with pytest.raises(ImportFailed) as failed:
        import_text(text, "config.pbtxt", tmp_path, tmp_path / "out.infer")
    assert says in failed.value.message
    assert failed.value.line == line


def test_outputs_of_an_ensemble_keep_their_names(bring: Import) -> None:
    came = bring(
        "config.pbtxt",
        """
        name: "whole"
        platform: "ensemble"
        input [{ name: "x", data_type: TYPE_FP32, dims: [ 3 ] }]
        output { name: "1519", data_type: TYPE_FP32, dims: [ 3 ] }
        output { name: "a.b", data_type: TYPE_FP32, dims: [ 3 ] }
        ensemble_scheduling { step [{ model_name: "m", model_version: -1
          input_map { key: "x", value: "x" }
          output_map { key: "1519", value: "1519" }
          output_map { key: "a.b", value: "a.b" } }] }
        """,
    )
    assert 'return Whole("1519" = m_out."1519", "a.b" = m_out."a.b")' in came.text
    assert came.lost() == set()


def test_a_model_without_a_backend_is_what_lies_beside_it(bring: Import, tmp_path: Path) -> None:
    text = 'name: "m"\ninstance_group [{ kind: KIND_CPU }]\n'
    assert 'model = "1/model.onnx"' in bring("config.pbtxt", text).text
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.py").touch()
    with pytest.raises(ImportFailed) as failed:
        import_text(text, "config.pbtxt", tmp_path, tmp_path / "out.infer")
    assert "export it" in str(failed.value.help)


def test_a_warm_up_counts_its_batch_only_where_the_model_has_batches(bring: Import, tmp_path: Path) -> None:
    """Source: `ModelWarmup` in Triton's model_config.proto; the server passes over a batch of 0."""
    models.save(models.rows(), tmp_path / "1" / "model.onnx")
    came = bring(
        "config.pbtxt",
        """
        name: "rows"
        platform: "onnxruntime_onnx"
        model_warmup [
          { name: "a" batch_size: 1 inputs { key: "x" value: { data_type: TYPE_FP32 dims: [ 2, 4 ] } } },
          { name: "b" inputs { key: "x" value: { data_type: TYPE_FP32 dims: [ 3, 4 ] } } }
        ]
        """,
    )
    assert "warm_up { x = [2, 4] }" in came.text
    assert "passes over" in came.comments()


def test_levels_of_priority_are_there_and_a_backend_that_is_only_supposed_is_said(bring: Import) -> None:
    came = bring(
        "config.pbtxt",
        """
        name: "rows"
        max_batch_size: 4
        dynamic_batching { priority_levels: 3 default_priority_level: 2 }
        """,
    )
    assert came.outcome("dynamic_batching.priority_levels") == "kept"
    assert came.lost() == {"dynamic_batching.default_priority_level"}
    assert "no backend is named, and no model lies here: ONNX is taken" in came.comments()
