"""A turn from prompt to stop: the outbox, who is running, what they have said so far, and who listens.

Nothing here knows a terminal or a vendor by name. The application and the command line drive the same ``Turns``.
"""

from app.turns.talk import Chip, Talk, chip
from app.turns.turns import Turns

__all__ = ["Chip", "Talk", "Turns", "chip"]
