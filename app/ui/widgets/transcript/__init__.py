"""The transcript: one widget that draws a conversation of any length line by line. Turns in, messages out."""

from app.ui.widgets.transcript import messages
from app.ui.widgets.transcript.view import TranscriptView
from app.ui.widgets.transcript.window import Head

__all__ = ["Head", "TranscriptView", "messages"]
