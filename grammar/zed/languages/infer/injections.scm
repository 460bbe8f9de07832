; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

((prompt_text) @injection.content
  (#set! injection.language "jinja")
  (#set! injection.include-children))

((comment) @injection.content
  (#set! injection.language "comment"))
