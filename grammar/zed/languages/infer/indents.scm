; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

(_ "{" "}" @end) @indent
(_ "[" "]" @end) @indent
(_ "(" ")" @end) @indent
