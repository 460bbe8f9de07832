"""From the numbers that a model gives to what a client reads: vectors, scores, labels, spans."""
