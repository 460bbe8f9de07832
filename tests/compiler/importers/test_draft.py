"""What an import writes, before it is text."""

from __future__ import annotations

from inferc.compiler.importers.draft import Deployment, Draft, Route


def test_a_name_is_free_again_where_what_had_it_is_gone_and_taken_where_something_new_has_it() -> None:
    draft = Draft("gateway")
    first = Deployment(name="chat")
    draft.deployments.append(first)
    assert draft.free_name("chat") == "chat-2"
    draft.drop(first, "it is refused")
    draft.deployments.append(Deployment(name="other"))
    assert (draft.free_name("chat"), draft.free_name("other")) == ("chat", "other-2")
    route = Route("door", "other")
    draft.routes.append(route)
    assert draft.free_name("door") == "door-2"
    draft.drop_route(route, "it is refused")
    draft.routes.append(Route("gate", "other"))
    assert (draft.free_name("door"), draft.free_name("gate")) == ("door", "gate-2")
