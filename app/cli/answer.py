"""``parlour answer`` is ``parlour approve`` with data."""

from app.cli.approve import run

__all__ = ["run"]
