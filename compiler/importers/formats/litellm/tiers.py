"""LiteLLM's prices of tiers of service: dollars there, and how many times the standard price here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from ...draft import Block, Draft
from ...foreign import Node
from ...tables import Unfit, per_token

TIERS = ("flex", "priority", "ultrafast")
CACHED = "cache_read_input_token_cost"
KINDS = ("input_cost_per_token", "output_cost_per_token", "input_cost_per_audio_token", CACHED)
_EXACT = Decimal("0.0001")


def tiers(made: Block, said: Mapping[str, Node], draft: Draft) -> None:
    """Put what `said`, the settings of one model, tells of tiers into its price: each tier as what is most of
    its prices, so that nothing is counted too low, and cached tokens apart where they are that."""
    for tier in TIERS:
        found = {
            kind: (node, times)
            for kind in KINDS
            if (node := said.get(f"{kind}_{tier}")) is not None
            and (times := _times(node, said.get(kind), made, draft)) is not None
        }
        most = max((times for kind, (_, times) in found.items() if kind != CACHED), default=None)
        for kind, (node, times) in found.items():
            if kind == CACHED and tier == "flex" and times > (most or 0):
                made.put("price.flex_cached", float(times), node)
                draft.kept(node)
            elif most is None:
                draft.lost(node, "a tier has no price of cached tokens alone", made.remarks)
            elif times == most:
                draft.kept(node)
            else:
                says = f"the tier is counted as {float(most):g} times the standard price for all tokens"
                draft.changed(node, says, made.remarks)
        if most is not None:
            made.put(f"price.{tier}", float(most), *[node for node, _ in found.values()])


def _times(there: Node, usual: Node | None, made: Block, draft: Draft) -> Decimal | None:
    """How many times as much as usual; None, which the report tells, where that cannot be said."""
    try:
        price, standard = per_token(there), per_token(usual) if usual is not None else Decimal(0)
    except Unfit as unfit:
        draft.lost(there, str(unfit), made.remarks)
        return None
    if not standard:
        name = there.path.rpartition(".")[2].rpartition("_")[0]
        draft.lost(there, f"a tier costs a multiple of the standard price: write `{name}`", made.remarks)
        return None
    times = Decimal(price) / Decimal(standard)
    if not 0 <= times <= 100:
        draft.lost(there, "a tier costs up to 100 times the standard price", made.remarks)
        return None
    return times.quantize(_EXACT, ROUND_UP)
