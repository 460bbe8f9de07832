"""What a model does not embed, refused before anything is sent."""

from __future__ import annotations

from ....compiler.plan import RemotePoolPlan
from ...requests.errors import BadRequest
from ...requests.request import EmbedRequest


def check_embed(request: EmbedRequest, plan: RemotePoolPlan, *, token_ids: bool | None = None) -> None:
    """Raise BadRequest for what the model of `plan` is known not to take.

    token_ids: whether its protocol has them, where that does not depend on the model.
    """
    can, who = plan.capabilities, f"{plan.provider} (deployment `{plan.deployment}`)"
    takes = can.token_ids if token_ids is None else token_ids
    if request.token_ids and takes is False:
        raise BadRequest(
            f"`input[0]` must be text: {who} embeds no token ids", param="input[0]", code="wrong_type"
        )
    wanted, most = request.dimensions, can.greatest_dimensions
    if wanted is None or most is None or wanted <= most:
        return
    if most == 0:
        message = f"`dimensions` cannot be chosen: {plan.model} of {who} gives vectors of one length"
    else:
        message = f"`dimensions` is {wanted}, and the vectors of {plan.model} of {who} have {most} at most"
    raise BadRequest(message, param="dimensions", code="unsupported_value")
