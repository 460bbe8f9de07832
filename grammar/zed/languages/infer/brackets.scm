; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

("{" @open "}" @close)
("[" @open "]" @close)
("(" @open ")" @close)
