"""Sessions of ONNX Runtime: opened as the plan says, shared by replicas; and what they run on."""
