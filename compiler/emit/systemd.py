"""A unit of systemd: everything of a file on one machine, locked in.

Source: systemd.service(5), systemd.exec(5); `%` is written `%%`, `$` in a command `$$`.
"""

from __future__ import annotations

from ..plan import Plan
from .layout import whole_workload
from .quoting import environment, systemd_literal
from .workloads import LOAD, Options


def systemd(name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The unit by its name."""
    work = whole_workload(name, plan, options)
    directory, program = options.directory, options.program
    state = (f"--state=/var/lib/inferc/{name}/state",) if work.has_workers else ()
    command = (
        program,
        "run",
        f"{directory}/{options.source}",
        f"--grace={work.grace}s",
        f"--load-timeout={max(work.start, LOAD)}s",
        *state,
    )
    unit = f"inferc-{name}.service"
    text = (
        environment(systemd_literal)
        .get_template("service.j2")
        .render(
            name=name,
            unit=unit,
            command=command,
            directory=directory,
            environment_file=f"/etc/inferc/{name}.env",
            variables=[*work.secrets, *(each.name for each in work.settings), *work.passed],
            start=work.start,
            grace=work.grace,
            gpus=work.gpus,
        )
    )
    return {unit: text}
