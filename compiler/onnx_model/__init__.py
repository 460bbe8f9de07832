"""Looking into ONNX models without ONNX, and without reading their weights."""
