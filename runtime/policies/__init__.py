"""How a deployment may be used: one small state machine each, which decides and never waits."""
