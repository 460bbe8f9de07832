"""How a deployment's inputs and outputs are read: one class per task, with that task's settings."""

from __future__ import annotations

from attrs import frozen

from .fields import at_least, doc
from .kinds import Pooling, TaskKind
from .record import Record


@frozen(eq=False, repr=False)
class Task(Record):
    """A task without settings of its own; `kind` says which."""

    kind: TaskKind


@frozen(eq=False, repr=False)
class EmbedTask(Task):
    """Texts in, one vector per text out."""

    tokenizer: str | None = doc("path to a `tokenizer.json`; local models need it", default=None)
    pooling: Pooling = doc("how token vectors become one vector", default=Pooling.MEAN)
    normalize: bool = doc("scale vectors to length 1", default=True)
    max_length: int | None = at_least(
        1, "longest text in tokens, longer ones are cut; unset: as the tokenizer says", default=None
    )
    kind: TaskKind = TaskKind.EMBED


TASK_CLASSES: dict[TaskKind, type[Task]] = dict.fromkeys(TaskKind, Task) | {TaskKind.EMBED: EmbedTask}
