"""Plans, running: the executor, its replicas and policies, and the gateway. Knows nothing of the language."""
