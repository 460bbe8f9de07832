"""What a model costs: as the file says, else as the catalogue does."""

from __future__ import annotations

from ..dsl.catalogue import find_model
from ..dsl.deployment import Deployment
from ..dsl.policies import Price
from ..dsl.units import Money


def price_of(deployment: Deployment) -> Price | None:
    """The price of what `deployment` serves; None where nobody knows it."""
    if deployment.price is not None:
        return deployment.price
    info = find_model(deployment.model, deployment.effective_runtime().provider)
    if info is None or info.input_price is None:
        return None
    return Price(
        info.input_price,
        info.output_price if info.output_price is not None else Money(0),  # of embeddings there is none
        info.cached_input_price,
        info.cache_write_price,
        info.cache_write_1h_price,
    )
