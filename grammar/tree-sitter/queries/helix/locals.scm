; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

[
  (source_file)
  (pipeline)
  (comprehension)
] @local.scope

(param name: (identifier) @local.definition)
(param_default name: (identifier) @local.definition)
(param_untyped name: (identifier) @local.definition)
(let name: (identifier) @local.definition)
(let_typed name: (identifier) @local.definition)
(template name: (identifier) @local.definition)
(template_from name: (identifier) @local.definition)
(deployment name: (identifier) @local.definition)
(deployment_from name: (identifier) @local.definition)
(route name: (identifier) @local.definition)
(route_with name: (identifier) @local.definition)
(pipeline name: (identifier) @local.definition)
(type_alias name: (identifier) @local.definition)
(extern name: (identifier) @local.definition)
(import_as (identifier) @local.definition)
(import_names (identifier) @local.definition)
(pipeline (parameter name: (identifier) @local.definition))
(step name: (identifier) @local.definition)
(comprehension "for" . (identifier) @local.definition)

(identifier) @local.reference
