"""What tests share."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
"""What keeps NumPy and ONNX Runtime from starting threads when they are imported: no fork would have them."""
