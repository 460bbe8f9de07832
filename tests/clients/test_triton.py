"""Triton's client, over HTTP; the project's own tests have it over gRPC."""

from __future__ import annotations

import numpy
import pytest
import tritonclient.http as triton


@pytest.mark.tries("tritonclient", "tensors", model="line")
@pytest.mark.parametrize("binary", [True, False])
def test_tensors_are_taken_and_given(url: str, binary: bool) -> None:
    with triton.InferenceServerClient(url.removeprefix("http://")) as client:
        assert client.is_model_ready("line")
        names = [each["name"] for each in client.get_model_metadata("line")["inputs"]]
        given = [triton.InferInput(name, [1, 2], "FP32") for name in names]
        for each in given:
            each.set_data_from_numpy(numpy.ones((1, 2), numpy.float32), binary_data=binary)
        asked = [triton.InferRequestedOutput("total", binary_data=binary)]
        assert client.infer("line", given, outputs=asked).as_numpy("total").tolist() == [[8.0]]
