"""Models of a plan as deployments of Ray Serve, on whichever machines a Ray cluster has.

Serve keeps replicas alive, places and replaces them. Each replica runs its part of the plan as `inferc run`
does, at a port of its node; requests go there straight, and none through Ray.
"""
