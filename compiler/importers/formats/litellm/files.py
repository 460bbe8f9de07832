"""LiteLLM's `config.yaml`, read from its models to its gateway."""

from __future__ import annotations

from collections import Counter

from ...budgets import budget
from ...draft import Block, Deployment, Draft
from ...foreign import Node
from ...literals import Code
from ...origin import Origin
from ...providers import COMPATIBLE
from ...report import Outcome
from ...tables import Unfit, follow, mebibytes
from .elsewhere import ELSEWHERE
from .groups import Files, Group, plain_name
from .models import deployment_of
from .routes import Routing
from .shared import Shared
from .surroundings import PREFIX, Surroundings

_IN_HELM = "proxy_config"
_RUNS = "it says how LiteLLM runs: `inferc emit helm` writes a chart for this file"


def recognises(root: Node) -> bool:
    """Whether this is a file of LiteLLM's proxy, or one of values of its Helm chart."""
    return any(
        key in root.entries for key in ("model_list", "router_settings", "litellm_settings", "include")
    ) or (root.get(_IN_HELM, "model_list") is not None)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    held = root.get(_IN_HELM)
    _Reading(draft, held or root, origin).read()
    if held is not None:
        draft.lost(root, _RUNS)


class _Reading:
    def __init__(self, draft: Draft, root: Node, origin: Origin) -> None:
        self._draft = draft
        self._files = Files(draft, root, origin)
        self._routing = Routing(draft, self._files)
        self._credentials: dict[str, list[Node]] = {}

    def read(self) -> None:
        draft = self._draft
        for root in self._files.roots:
            draft.report.form(*(node for key, node in root.entries.items() if key.startswith("x-")))
        around = self._surroundings()
        for entry in self._files.all_of("model_list"):
            self._entry(entry, around)
        self._name()
        Shared(draft, self._files).put()
        self._routing.put()
        self._gateway(around)
        for root in self._files.roots:
            follow(ELSEWHERE, root, draft, Block(remarks=draft.remarks))

    def _surroundings(self) -> Surroundings:
        credentials: dict[str, Node] = {}
        for item in self._files.all_of("credential_list"):
            values, name = item.get("credential_values"), item.get("credential_name")
            if name is not None:
                self._credentials.setdefault(str(name.value), []).append(item)
            if values is not None and name is not None:
                credentials[str(name.value)] = values
        variables = self._files.setting("environment_variables")
        library = self._files.setting("litellm_settings")
        return Surroundings(
            credentials,
            variables.entries if variables is not None else {},
            library.entries if library is not None else {},
        )

    def _entry(self, entry: Node, around: Surroundings) -> None:
        name = entry.get("model_name")
        if name is None or not isinstance(name.value, str) or not name.value.strip():
            self._draft.lost(entry, "it has no `model_name`")
            return
        called = around.meant(name, self._draft)
        variable = called.removeprefix(PREFIX)
        group = self._files.groups.setdefault(variable, Group(variable))
        if (again := self._again(entry, group)) is not None:
            self._draft.kept(entry)
            group.members.append(again)
            group.entries.append(entry)
            return
        before = self._draft.said()
        try:
            if variable.count("*") > 1:
                raise Unfit("a `*` stands once in a name here: write an entry for each name")
            made = deployment_of(entry, variable, around, self._draft)
        except Unfit as unfit:
            self._draft.lost_whole(entry, str(unfit), before)
            return
        if variable != called:
            says = f"a name stands in the file here: write what {variable} says"
            self._draft.overrule(Outcome.CHANGED, name, says, made.remarks)
        if (named := entry.get("litellm_params", "litellm_credential_name")) is not None:
            self._speak_of_credential(named, made)
        group.members.append(made)
        group.entries.append(entry)

    def _speak_of_credential(self, named: Node, made: Deployment) -> None:
        for item in self._credentials.get(str(named.value), ()):
            self._draft.report.lean(item, named)
            self._draft.kept(item.get("credential_name"))
            about = item.get("credential_info")
            if about is not None:
                self._draft.lost(about, "a credential has no description here", made.remarks)

    def _again(self, entry: Node, group: Group) -> Deployment | None:
        """The deployment that an entry of a group repeats, as `inferc export` writes: `id: GROUP/NAME`."""
        identity = entry.text("model_info", "id") or ""
        named = identity.removeprefix(f"{group.name}/").removeprefix(f"{plain_name(group.name)}/")
        other = self._files.groups.get(named) or self._files.groups.get(f"{named}/*")
        if named == identity or other is None or other is group or len(other.members) != 1:
            return None
        said = [each.get("litellm_params") for each in (entry, other.entries[0])]
        first, second = ({**each.entries} if each is not None else {} for each in said)
        first.pop("weight", None)
        same = first.keys() == second.keys() and all(
            node.plain() == second[key].plain() for key, node in first.items()
        )
        return other.members[0] if same else None

    # ---- names

    def _name(self) -> None:
        """Deployments are called like their group, where nothing else must be."""
        for group in self._files.groups.values():
            labels = Counter(made.label_of("runtime") for made in group.members)
            alone = len(group.members) == 1 and not self._routing.chain(group.name)
            for place, (made, entry) in enumerate(zip(group.members, group.entries, strict=True), 1):
                identity = entry.get("model_info", "id")
                if made.name:  # of another group, too
                    continue
                if alone:
                    wanted = self._files.called(group.name)
                elif (
                    identity is not None
                    and isinstance(identity.value, str)
                    and identity.value not in self._files.groups
                ):
                    wanted = identity.value
                else:
                    label = made.label_of("runtime").replace(COMPATIBLE, "server")
                    is_only_one = labels[made.label_of("runtime")] == 1
                    wanted = f"{plain_name(group.name)}-{label if is_only_one else place}"
                made.name = self._draft.free_name(wanted)
                if identity is not None and made.name == identity.value:
                    self._draft.overrule(Outcome.KEPT, identity, "", made.remarks)
                elif identity is not None:
                    says = f"the deployment is called `{made.name}`"
                    self._draft.overrule(Outcome.LOST, identity, says, made.remarks)
                self._draft.deployments.append(made)

    # ---- the gateway

    def _gateway(self, around: Surroundings) -> None:
        draft, gateway = self._draft, self._draft.gateway
        key = self._files.setting("general_settings", "master_key")
        if key is not None:
            secret = around.secret(key, "LITELLM_MASTER_KEY", draft, gateway)
            gateway.put("auth", Code(f"bearer({secret})"), key)
        size = self._files.setting("general_settings", "max_request_size_mb")
        if size is not None:
            try:
                gateway.put("max_body", mebibytes(size), size)
                draft.kept(size)
            except Unfit as unfit:
                draft.lost(size, str(unfit))
        ceiling = self._files.setting("litellm_settings", "max_budget")
        budget(gateway, ceiling, self._files.setting("litellm_settings", "budget_duration"), draft)
