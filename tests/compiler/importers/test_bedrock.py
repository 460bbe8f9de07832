"""Models on Bedrock come over from each system that asks them."""

from __future__ import annotations

from ...support.rows import each_row
from .conftest import Import


@each_row(
    ("file", "text"),
    [
        (
            "c.yaml",
            """
            model_list:
              - model_name: it
                litellm_params:
                  model: bedrock/converse/eu.anthropic.claude-sonnet-4-6
                  aws_region_name: eu-central-1
                  aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID
                  aws_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY
            """,
        ),
        (
            "clients.baml",
            """
            client<llm> It {
              provider aws-bedrock
              options {
                model "eu.anthropic.claude-sonnet-4-6"
                region "eu-central-1"
                access_key_id env.AWS_ACCESS_KEY_ID
                secret_access_key env.AWS_SECRET_ACCESS_KEY
                inference_configuration { max_tokens 1024 }
              }
            }
            """,
        ),
        (
            "tensorzero.toml",
            """
            [models.it]
            routing = ["aws"]
            [models.it.providers.aws]
            type = "aws_bedrock"
            model_id = "eu.anthropic.claude-sonnet-4-6"
            region = "eu-central-1"
            access_key_id = "env::AWS_ACCESS_KEY_ID"
            secret_access_key = "env::AWS_SECRET_ACCESS_KEY"
            [functions.chat]
            type = "chat"
            [functions.chat.variants.a]
            type = "chat_completion"
            model = "it"
            """,
        ),
        (
            "it.json",
            """
            {"targets": [{"name": "it", "provider": "bedrock", "aws_region": "eu-central-1",
              "aws_access_key_id": "$AWS_ACCESS_KEY_ID", "aws_secret_access_key": "$AWS_SECRET_ACCESS_KEY",
              "override_params": {"model": "eu.anthropic.claude-sonnet-4-6"}}]}
            """,
        ),
        (
            "config.json",
            """
            {"providers": {"bedrock": {"keys": [{"models": ["sonnet"], "weight": 1, "bedrock_key_config":
              {"access_key": "env.AWS_ACCESS_KEY_ID", "secret_key": "env.AWS_SECRET_ACCESS_KEY",
               "region": "eu-central-1", "deployments": {"sonnet": "eu.anthropic.claude-sonnet-4-6"}}}]}}}
            """,
        ),
    ],
    ids=["litellm", "baml", "tensorzero", "portkey", "bifrost"],
)
def test_a_model_its_region_and_its_keys_come_over(bring: Import, file: str, text: str) -> None:
    came = bring(file, text)
    assert "runtime bedrock {" in came.text
    assert '= "eu.anthropic.claude-sonnet-4-6"' in came.text
    assert 'region = "eu-central-1"' in came.text
    assert 'access_key_id = env("AWS_ACCESS_KEY_ID")' in came.text
    assert 'secret_access_key = env("AWS_SECRET_ACCESS_KEY")' in came.text


def test_litellm_s_other_ways_to_name_a_model(bring: Import) -> None:
    came = bring(
        "c.yaml",
        """
        model_list:
          - {model_name: a, litellm_params: {model: bedrock/us-west-2/meta.llama3-70b-instruct-v1:0}}
          - model_name: b
            litellm_params: {model: "bedrock/nova/arn:aws:bedrock:us-east-1:1:custom-model-deployment/abc"}
          - model_name: c
            litellm_params: {model: bedrock/amazon.nova-lite-v1:0, aws_role_name: "arn:aws:iam::1:role/x"}
          - {model_name: d, litellm_params: {model: bedrock/amazon.titan-embed-text-v2:0}}
        """,
    )
    assert came.values["a.runtime.region"] == "us-west-2"
    assert came.values["a.model"] == "meta.llama3-70b-instruct-v1:0"
    assert came.values["b.runtime.region"] == "us-east-1"
    assert came.values["b.model"] == "arn:aws:bedrock:us-east-1:1:custom-model-deployment/abc"
    assert came.values["c.runtime.region"] == 'env("AWS_REGION", "us-west-2")'
    assert came.lost() == {"model_list[2].litellm_params.aws_role_name"}
    assert "task embed" in came.text


def test_claude_on_vertex_comes_over_from_portkey_and_tensorzero(bring: Import) -> None:
    portkey = bring(
        "it.json",
        """
        {"targets": [{"provider": "vertex-ai", "vertex_project_id": "p", "vertex_region": "us-east5",
          "override_params": {"model": "anthropic.claude-sonnet-4-5@20250929"}}]}
        """,
    )
    tensorzero = bring(
        "tensorzero.toml",
        """
        [models.it]
        routing = ["v"]
        [models.it.providers.v]
        type = "gcp_vertex_anthropic"
        model_id = "claude-sonnet-4-5@20250929"
        location = "us-east5"
        project_id = "p"
        """,
    )
    for came in (portkey, tensorzero):
        assert "runtime anthropic {" in came.text
        assert 'model = "claude-sonnet-4-5@20250929"' in came.text
        assert 'region = "us-east5"' in came.text
        assert "api_key" not in came.text
        assert came.lost() == set()
