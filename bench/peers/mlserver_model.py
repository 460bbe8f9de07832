"""The tiny model as a runtime of MLServer, which finds it by `implementation` in model-settings.json."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Tiny(MLModel):
    async def load(self):
        path = self.settings.parameters.uri
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        values = NumpyCodec.decode_input(payload.inputs[0])
        got = self._session.run(None, {"x": values})[0]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", got)])
