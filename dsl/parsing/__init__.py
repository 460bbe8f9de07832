"""Text to a syntax tree: tokens, Lark's tables, and how reading goes on after a mistake."""
