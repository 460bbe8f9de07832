"""The tiny model behind LitServe: `python litserve_model.py MODEL PORT`, at `/predict`."""

import sys

import litserve
import numpy
import onnxruntime


class Tiny(litserve.LitAPI):
    def setup(self, device):
        self._session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        [tensor] = request["inputs"]
        return numpy.array(tensor["data"], numpy.float32).reshape(tensor["shape"])

    def predict(self, values):
        return self._session.run(None, {"x": values})[0]

    def encode_response(self, got):
        output = {"name": "y", "datatype": "FP32", "shape": list(got.shape), "data": got.ravel().tolist()}
        return {"outputs": [output]}


if __name__ == "__main__":
    server = litserve.LitServer(Tiny(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), num_api_servers=1, generate_client_file=False)
