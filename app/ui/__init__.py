"""The application: screens and widgets. Everything that knows Textual is here."""

import os

FRAMES = "240"
"""Frames a second that Textual may draw. Streams repaint 20 times a second at most; with 60 a key waits 17 ms behind each."""

os.environ.setdefault("TEXTUAL_FPS", FRAMES)
