"""What a model does not embed, refused before anything is sent."""

from __future__ import annotations

from ....compiler.plan import Capabilities, RemotePoolPlan
from ...requests.errors import BadRequest
from ...requests.request import EmbedRequest


def check_embed(request: EmbedRequest, plan: RemotePoolPlan, *, token_ids: bool | None = None) -> None:
    """Raise BadRequest for what the model of `plan` is known not to take.

    token_ids: whether its protocol has them, where that does not depend on the model.
    """
    if request.dimensions is None and not request.token_ids:
        return
    can, who = plan.capabilities, f"{plan.provider} (deployment `{plan.deployment}`)"
    takes = can.token_ids if token_ids is None else token_ids
    if request.token_ids and takes is False:
        raise BadRequest(
            f"`input[0]` must be text: {who} embeds no token ids", param="input[0]", code="wrong_type"
        )
    wanted = request.dimensions
    if wanted is None or (what := _outside(wanted, can)) is None:
        return
    if what:
        message = f"`dimensions` is {wanted}, and the vectors of {plan.model} of {who} have {what}"
    else:
        message = f"`dimensions` cannot be chosen: {plan.model} of {who} gives vectors of one length"
    raise BadRequest(message, param="dimensions", code="unsupported_value")


def _outside(wanted: int, can: Capabilities) -> str | None:
    """How many there can be, where not as many as `wanted`; nothing where that cannot be chosen."""
    least, most = can.least_dimensions, can.greatest_dimensions
    if most == 0:
        return ""
    if can.dimensions is not None and wanted not in can.dimensions:
        *others, last = map(str, can.dimensions)
        return f"{', '.join(others)} or {last}" if others else last
    if most is not None and wanted > most:
        return f"{most} at most"
    return f"{least} at least" if least is not None and wanted < least else None
