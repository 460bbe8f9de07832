"""What clients get: answers in one piece, as events, and as errors, in the shape of their protocol."""
