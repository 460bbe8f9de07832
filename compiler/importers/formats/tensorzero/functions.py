"""Functions as routes over their variants: by weights, then those in reserve."""

from __future__ import annotations

import copy

from .....dsl.record import define
from ...draft import Block, Deployment, Draft, Route
from ...foreign import Node
from ...providers import aim_at, expected_key
from ...requests import DEFAULTS, put_body
from ...strategy import Strategy
from ...tables import Kept, Lost, Table, To, follow, seconds, weight, whole
from .models import KEYS, MODEL, NOWHERE, TYPES, Models, put_additions

_PROMPT = 'prompts stand in pipelines: `prompt "…"`, and `as Type` for an answer in JSON'


def _body(draft: Draft, block: Block, node: Node) -> None:
    put_body(draft, block, ("request", "defaults", "extra_body", node.key), node)


_VARIANT: Table = {
    **DEFAULTS,
    "type": Kept(),
    "model": Kept(),
    "retries.num_retries": To("runtime.retry.max_retries", whole),
    "retries.max_delay_s": To("runtime.retry.max_backoff", seconds),
    "service_tier": _body,
    "thinking_budget_tokens": Lost("write `request { defaults { extra_body { thinking { … } } } }`"),
    "json_mode": Lost(_PROMPT),
    "system_template": Lost(_PROMPT),
    "user_template": Lost(_PROMPT),
    "assistant_template": Lost(_PROMPT),
    "templates": Lost(_PROMPT),
    **MODEL,
}


@define(eq=False)
class Functions:
    """Puts functions into the draft, over models that are there."""

    _draft: Draft
    _models: Models

    def put(self, name: str, node: Node) -> None:
        draft, variants = self._draft, node.get("variants")
        known: dict[str, str] = {}
        for key, variant in (variants.entries if variants is not None else {}).items():
            target = self._variant(name, key, variant)
            if target is not None:
                known[key] = target
        kind = node.get("type")
        if kind is not None and kind.value == "chat" and known:
            draft.kept(kind)
        strategy = self._trial(node, known)
        if strategy is None:
            draft.lost(node, "none of its variants can be here")
            return
        nodes = tuple(each for each in (node.get("experimentation"),) if each is not None)
        draft.routes.append(Route(draft.free_name(name), strategy, nodes))
        follow({"**": Lost(_PROMPT)}, node, draft, Block(remarks=draft.remarks))

    def _trial(self, node: Node, known: dict[str, str]) -> Strategy | str | None:
        """Who answers: variants by their weights, then those that are there in case they fail."""
        draft, trial = self._draft, node.get("experimentation")
        weights: dict[str, float] = {}
        kind = trial.text("type") if trial is not None else None
        candidates = trial.get("candidate_variants") if trial is not None else None
        if candidates is not None and candidates.entries:
            weights = {key: weight(inner) for key, inner in candidates.entries.items()}
        elif candidates is not None:
            weights = {str(item.value): 1.0 for item in candidates.items}
        backs = trial.get("fallback_variants") if trial is not None else None
        spare = [str(item.value) for item in backs.items] if backs is not None else []
        if not weights:
            variants = node.get("variants")
            for key, variant in (variants.entries if variants is not None else {}).items():
                given = variant.get("weight")
                if given is not None:
                    weights[key] = weight(given)
                    draft.kept(given)
            if not weights:
                weights = {key: 1.0 for key in known if key not in spare}
        if kind in ("static_weights", "static", "uniform"):
            draft.kept(trial)
        first = [(known[key], share) for key, share in weights.items() if key in known and share > 0]
        rest = [known[key] for key in spare if key in known]
        rest += [known[key] for key, share in weights.items() if key in known and share <= 0]
        members: list[Strategy | str] = [*rest]
        if len(first) > 1:
            members = [Strategy("split", tuple(n for n, _ in first), tuple(s for _, s in first)), *rest]
        elif first:
            members = [first[0][0], *rest]
        if not members:
            return None
        return Strategy("fallback", tuple(members)) if len(members) > 1 else members[0]

    def _variant(self, function: str, key: str, node: Node) -> str | None:
        """What answers for a variant: its model, or copies of it with settings of their own."""
        draft, model = self._draft, node.get("model")
        if node.text("type") not in (None, "chat_completion") or model is None:
            draft.lost(node, "a pipeline may ask several times, and choose: there is no such word here")
            return None
        asked = str(model.value)
        draft.kept(node.get("type"), model)
        name = f"{function}-{key}"
        if "::" in asked and asked not in self._models.by_name:
            made = self._short(name, asked, model)
            bases = [made] if made is not None else []
            draft.kept(node.get("weight") if bases else None)
        else:
            bases = [each for each in draft.deployments if each.name in self._models.by_name.get(asked, ())]
            if not bases:
                draft.lost(node, f"the model `{asked}` is not here")
                return None
            draft.kept(node.get("weight"))
            if not any(k not in ("type", "model", "weight", "json_mode", "templates") for k in node.entries):
                follow(_VARIANT, node, draft, Block(remarks=draft.remarks))
                return asked
            bases = [self._copy(name, each, alone=len(bases) == 1) for each in bases]
        for number, base in enumerate(bases):
            if number == 0:
                put_additions(draft, base, node)
                follow(_VARIANT, node, draft, base)
            else:
                scratch = Draft("")
                before = list(base.remarks)
                follow(_VARIANT, node, scratch, base)
                base.remarks = before
        if not bases:
            return None
        if len(bases) == 1:
            return bases[0].name
        draft.routes.append(Route(draft.free_name(name), Strategy("fallback", tuple(b.name for b in bases))))
        return name

    def _copy(self, name: str, base: Deployment, *, alone: bool) -> Deployment:
        """The same deployment once more, for settings of its own."""
        made = copy.deepcopy(base, {id(node): node for each in base.fields() for node in each.nodes})
        made.name = self._draft.free_name(name if alone else f"{name}-{base.name.rpartition('-')[2]}")
        made.remarks, made.doc = [], ""
        self._draft.deployments.append(made)
        return made

    def _short(self, name: str, asked: str, node: Node) -> Deployment | None:
        """`openai::gpt-5-mini`: a provider and a model, without a section of their own."""
        draft, (kind, _, model) = self._draft, asked.partition("::")
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        theirs = TYPES.get(kind, kind)
        if not aim_at(made, theirs, model):
            draft.lost(node, NOWHERE)
            return None
        expected_key(draft, made, theirs, KEYS)
        draft.deployments.append(made)
        return made
