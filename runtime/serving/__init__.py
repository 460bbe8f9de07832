"""What answers under a name: deployments, routes and pipelines."""
