"""What editors ask about `.infer` files, and the language server that answers.

`features/` holds a pure function or two per question: a view of a document and a place in it go in, values
of the Language Server Protocol come out. `server` connects them to a client; all else is what they share.
"""
