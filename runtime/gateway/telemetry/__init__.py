"""What is told of requests: records, access log, metrics, traces, and what they cost."""
