"""Pictures of a plan: what it serves, how its pipelines flow, and what runs where.

    plan ── build ──► Picture (vertices, edges, clusters) ── mermaid, dot ──► text

Every format shows the same, since all that is decided is decided before the picture is written.
"""

from .build import NotThere, picture_of
from .dot import to_dot
from .flows import picture_of_flows
from .mermaid import is_too_large, to_mermaid
from .model import Cluster, ClusterKind, Edge, EdgeKind, Look, Picture, Vertex

__all__ = [
    "Cluster",
    "ClusterKind",
    "Edge",
    "EdgeKind",
    "Look",
    "NotThere",
    "Picture",
    "Vertex",
    "is_too_large",
    "picture_of",
    "picture_of_flows",
    "to_dot",
    "to_mermaid",
]
