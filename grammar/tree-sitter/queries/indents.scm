; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

[
  (body)
  (pipeline)
  (match)
  (if_else)
  (list)
  (call)
  (extern)
  (type_record)
  (route_list)
  (route_list_with)
  (route_split)
  (import_names)
] @indent.begin

["}" "]" ")"] @indent.branch
