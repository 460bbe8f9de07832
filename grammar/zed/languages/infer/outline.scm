; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

(param "param" @context name: (_) @name) @item
(param_default "param" @context name: (_) @name) @item
(param_untyped "param" @context name: (_) @name) @item
(let "let" @context name: (_) @name) @item
(let_typed "let" @context name: (_) @name) @item
(template "template" @context name: (_) @name) @item
(template_from "template" @context name: (_) @name) @item
(deployment "deployment" @context name: (_) @name) @item
(deployment_from "deployment" @context name: (_) @name) @item
(route "route" @context name: (_) @name) @item
(route_with "route" @context name: (_) @name) @item
(pipeline "pipeline" @context name: (_) @name) @item
(type_alias "type" @context name: (_) @name) @item
(extern "extern" @context name: (_) @name) @item
(test "test" @context (string) @name) @item
(cluster "cluster" @name) @item
(gateway "gateway" @name) @item
