"""Pipelines: from steps as written to a typed tree, and from that to the nodes of a plan."""
