"""The Open Inference Protocol: tensors in, tensors out, as JSON or as bytes."""
