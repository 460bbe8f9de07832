"""What stands between two tokens: comments and line breaks."""

from __future__ import annotations

import re

from attrs import field

from ..record import define

_PIECE = re.compile(r"#[^\n]*+|\n")


@define
class Comment:
    """A comment, and how many line breaks stand before it."""

    text: str
    lines_before: int


@define
class Gap:
    """Comments, and the line breaks after the last of them."""

    comments: list[Comment] = field(factory=list)
    lines: int = 0

    def add(self, text: str) -> None:
        """Extend it by spaces, line breaks and comments."""
        for piece in _PIECE.findall(text):
            if piece == "\n":
                self.lines += 1
            else:
                self.comments.append(Comment(tidy(piece), self.lines))
                self.lines = 0

    @property
    def is_broken(self) -> bool:
        """Whether a line ends in it."""
        return self.lines > 0 or bool(self.comments)

    @property
    def has_blank_line(self) -> bool:
        return self.lines > 1 or any(comment.lines_before > 1 for comment in self.comments)

    @property
    def pins_the_line(self) -> bool:
        """Whether it begins with an `# infer:` comment, which belongs to the line that ends here."""
        first = self.comments[0] if self.comments else None
        return first is not None and first.lines_before == 0 and first.text.startswith("# infer:")

    def add_blank_line(self) -> None:
        """Put it after a comment at the end of the line before, and ahead of all others."""
        has_trailing = bool(self.comments) and self.comments[0].lines_before == 0
        own_lines = self.comments[has_trailing:]
        if own_lines:
            own_lines[0].lines_before = 2
        else:
            self.lines = 2


def tidy(comment: str) -> str:
    """With a space after the `#` or `##`, and none at the end."""
    text = comment.rstrip()
    mark = "##" if text.startswith("##") else "#"
    rest = text[len(mark) :]
    if not rest or rest[0] in " \t#" or text.startswith("#!"):
        return text
    return f"{mark} {rest}"
