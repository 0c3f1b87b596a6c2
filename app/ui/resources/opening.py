"""Which account's things are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.screen import Screen

from app.errors import ParlourError, UsageError
from app.protocols import Resources
from app.ui.desk import Desk
from app.ui.dialogs import ChooseDialog
from app.ui.resources.browser import ResourcesScreen


async def browser(desk: Desk, ask: Callable[[Screen[str | None]], Awaitable[str | None]]) -> Screen[None] | None:
    """The browser of the one account that holds something to manage; asked where there are several.

    None if the question was left. Raises ``UsageError`` if there is no such account.
    """
    found: dict[str, ResourcesScreen] = {}
    troubles: list[ParlourError] = []
    for profile in await desk.profiles():
        try:
            vendor = await desk.vendor(profile)
        except ParlourError as error:
            troubles.append(error)
            continue
        if isinstance(vendor, Resources):
            found[profile.name] = ResourcesScreen(desk, profile, vendor, vendor)
    if not found:
        if troubles:
            raise troubles[0]
        raise UsageError("No account here has things to manage. ctrl+k adds one.")
    names = list(found)
    chosen = names[0] if len(names) == 1 else await ask(ChooseDialog("Whose?", [(name, name) for name in names]))
    return found[chosen] if chosen else None
