"""Types: what a file says they are, which values go where, and what deployments take and give."""
