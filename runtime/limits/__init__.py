"""The state behind the policies, and who shares it: accounts, rate limiters, circuits, spend."""
