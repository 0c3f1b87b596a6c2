"""Markdown to rows of styled text, in one go or while it streams. Pure: no widget, no terminal, no colours.

Source → blocks (``Document``) → rows (``Row``) of runs that carry style words; whoever draws turns the words into colours.
Markdown-it and pygments are imported at first use. Everything is made safe here; nothing is fetched and no HTML is interpreted.
"""

from app.ui.markdown.block import Block
from app.ui.markdown.document import Document
from app.ui.markdown.nodes import Code, Item, Node, Plain, Run, Table
from app.ui.markdown.rows import Row, wrap

__all__ = ["Block", "Code", "Document", "Item", "Node", "Plain", "Row", "Run", "Table", "wrap"]
