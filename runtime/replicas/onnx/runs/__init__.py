"""From what a request brings, tensors or texts, to runs of a model, and back in its order."""
