"""Work in the background of a node: it ends with the node, and a failure of it never ends the application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import WorkType


def start(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], *, group: str = "default", exclusive: bool = False
) -> None:
    """Begin ``work``; in an ``exclusive`` group it takes the place of the one before."""

    async def guarded() -> None:
        try:
            await work()
        except Exception as error:  # nobody foresaw it: told and written down; its screen goes on
            tell = getattr(node.app, "fault", None)
            if tell is None:
                raise
            tell(error)

    wanted: WorkType[None] = guarded
    node.run_worker(wanted, group=group, exclusive=exclusive, exit_on_error=False)
