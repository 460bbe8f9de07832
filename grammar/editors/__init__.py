"""The grammars of editors, made from the table of words and from `infer.lark`.

`colours.py` says what is coloured how, as a few rules and regions; `textmate.py`, `vim.py` and
`pygments.py` write them down for one kind of editor each. Tree-sitter reads whole files: `tree_sitter.py`
turns `infer.lark` into its grammar, and `queries.py` says what each node is.
"""
