"""The one vocabulary of the runtime: requests, answers, usage, errors, traces."""
