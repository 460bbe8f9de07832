"""KServe's inference services and graphs."""

from __future__ import annotations

from ...support.rows import each_row
from .conftest import Import

SERVICES = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: writer, namespace: text, labels: {team: a}}
spec:
  predictor:
    minReplicas: 2
    maxReplicas: 4
    containerConcurrency: 9
    timeout: 120
    model:
      modelFormat: {name: huggingface}
      args: ["--model_name=writer", "--model_id=Qwen/Q", "--max_model_len", "4096", "--enable_prefix_caching"]
      env:
        - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}
        - {name: LEVEL, value: "1"}
        - {name: HUB_PASSWORD, value: not-to-be-seen}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: topics}
spec:
  predictor:
    batcher: {maxBatchSize: 16, maxLatency: 20}
    model: {modelFormat: {name: onnx}, storageUri: s3://models/topics}
---
apiVersion: serving.kserve.io/v1alpha1
kind: InferenceGraph
metadata: {name: digest}
spec:
  nodes:
    root:
      routerType: Sequence
      steps:
        - {serviceName: topics, name: topic, data: $request}
        - {nodeName: writers, name: write, data: $request, dependency: Hard}
    writers:
      routerType: Splitter
      steps:
        - {serviceName: writer, weight: 90}
        - {serviceUrl: "http://next.example.com/v1/models/big:predict", weight: 10}
"""


def test_services_are_servers_or_models_and_graphs_are_routes_and_pipelines(bring: Import) -> None:
    came = bring("services.yaml", SERVICES)
    text = " ".join(came.text.split())
    command = (
        '"vllm", "serve", "Qwen/Q", "--port", "{port}", "--max-model-len", "4096", "--enable-prefix-caching"'
    )
    assert command in text
    assert 'env { LEVEL = "1" } pass_env = ["HF_TOKEN", "HUB_PASSWORD"]' in text
    assert "not-to-be-seen" not in text
    assert "serving { max_concurrent = 9 }" in text
    assert "timeouts { request = 2m, total = 2m }" in text
    assert 'model = "models/topics/model.onnx"' in text
    assert "batching { max_size = 16, max_delay = 20ms }" in text
    assert "route writers = split { writer: 90%, next: 10% }" in text
    assert 'endpoint = "http://next.example.com/openai/v1"' in text
    assert "_topic = topics(message) write = writers(message) return write" in text


def test_what_is_for_kubernetes_alone_is_named(bring: Import) -> None:
    came = bring("services.yaml", SERVICES)
    writer, topics = "InferenceService/writer.", "InferenceService/topics."
    assert came.lost() == {
        f"{writer}spec.predictor.maxReplicas",
        f"{writer}metadata.labels.team",
        f"{topics}spec.predictor.model.storageUri",
    }
    assert f"lost: {writer}spec.predictor.maxReplicas (line" in came.comments()


def test_containers_of_vllm_and_models_of_the_hub_are_servers(bring: Import) -> None:
    came = bring(
        "services.yaml",
        """
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata: {name: own}
        spec:
          predictor:
            containers:
              - image: "vllm/vllm-openai:v0.9"
                command: [vllm, serve, Qwen/Q]
                args: ["--port", "80", "--dtype=half"]
        ---
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata: {name: hub}
        spec: {predictor: {model: {modelFormat: {name: huggingface}, storageUri: "hf://meta/L"}}}
        ---
        apiVersion: serving.kserve.io/v1alpha1
        kind: InferenceGraph
        metadata: {name: both}
        spec:
          nodes:
            root: {routerType: Ensemble, steps: [{serviceName: own, name: a}, {serviceName: hub}]}
        """,
    )
    assert 'command = ["vllm", "serve", "Qwen/Q", "--port", "{port}", "--dtype", "half"]' in came.text
    assert came.values["hub.model"] == "meta/L"
    assert (
        "pipeline both(message: text) -> Both {\n  a = own(message)\n  step_2 = hub(message)\n" in came.text
    )


def test_what_kserve_fetches_is_asked_of_the_hub_under_the_name_that_clients_know(bring: Import) -> None:
    """Source: KServe's sample of `hf://`, whose server reads what is put into /mnt/models."""
    came = bring(
        "services.yaml",
        """
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata: {name: big}
        spec:
          predictor:
            model:
              modelFormat: {name: huggingface}
              args: [--model_name=chat, --model_dir=/mnt/models, --dtype=half]
              storageUri: hf://meta/L:abc1
        ---
        apiVersion: serving.kserve.io/v1beta1
        kind: InferenceService
        metadata: {name: bucket}
        spec:
          predictor:
            containers:
              - image: vllm/vllm-openai
                args: [--model, /mnt/models, --served-model-name, bucket]
                storageUri: s3://b/m
        """,
    )
    assert "route chat = big" in came.text
    assert (
        'command = ["vllm", "serve", "meta/L", "--port", "{port}", "--dtype", "half", "--revision", "abc1"]'
        in (" ".join(came.text.replace(",\n", ", ").split()).replace("[ ", "[").replace(", ]", "]"))
    )
    assert came.values["big.model"] == "meta/L"
    assert came.values["bucket.model"] == "/mnt/models"
    assert "served-model-name" not in came.text
    assert came.lost() >= {"InferenceService/bucket.spec.predictor.containers[0].storageUri"}


LANGUAGE_MODEL = """
    apiVersion: serving.kserve.io/v1alpha2
    kind: LLMInferenceService
    metadata: {name: talker}
    spec:
      model: {uri: hf://org/talker-7b, name: talker-large, lora: {adapters: [{name: a, uri: hf://b/c}]}}
      replicas: 2
      parallelism: {tensor: 2, expert: true}
      router: {gateway: {}, route: {}, scheduler: {}}
      prefill: {replicas: 1}
      template:
        tolerations: [{key: gpu}]
        containers:
          - name: main
            args: [--max-model-len=4096]
            env:
              - {name: VLLM_ADDITIONAL_ARGS, value: "--kv-transfer-config '{\\"a\\": 1}' --enforce-eager"}
              - {name: VLLM_LOGGING_LEVEL, value: INFO}
              - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}
            resources: {limits: {nvidia.com/gpu: "2", memory: 32Gi}}
"""


def test_a_language_model_of_llm_d_is_a_server_with_all_its_flags(bring: Import) -> None:
    came = bring("llm.yaml", LANGUAGE_MODEL)
    command = came.values["talker.runtime.launch.command"]
    flags = (
        "--tensor-parallel-size, 2",
        '--kv-transfer-config, {"a": 1}',
        "--enforce-eager",
        "--max-model-len, 4096",
    )
    assert all(each in command for each in flags), command
    assert (came.values["talker.replicas"], came.values["talker.gpus"]) == ("2", "2")
    assert came.values["talker.model"] == "org/talker-7b"
    assert 'env { VLLM_LOGGING_LEVEL = "INFO" }' in came.text
    assert "VLLM_ADDITIONAL_ARGS" not in came.text
    assert 'route "talker-large" = talker' in came.text
    spec = "LLMInferenceService/talker.spec"
    lost = ("prefill.replicas", "parallelism.expert", "router.gateway", "model.lora.adapters[0].uri")
    assert {f"{spec}.{each}" for each in lost} <= came.lost()


@each_row("extra", ["--a 'b", "", "[]"])
def test_odd_flags_and_models_without_a_container_are_no_traceback(bring: Import, extra: str) -> None:
    env = f'env: [{{name: VLLM_ADDITIONAL_ARGS, value: "{extra}"}}]'
    for template in (f"containers: [{{name: main, {env}}}]", "containers: [{name: other}]", "containers: x"):
        came = bring(
            "llm.yaml",
            f"""
            apiVersion: serving.kserve.io/v1alpha1
            kind: LLMInferenceService
            metadata: {{name: m}}
            spec: {{replicas: 0, model: {{uri: "pvc://disk/m"}}, template: {{{template}}}}}
            """,
        )
        assert "LLMInferenceService/m.spec.model.uri" in came.lost()
        assert "LLMInferenceService/m.spec.replicas" in came.changed()
