"""Parlour: one terminal application for talking with hosted agents of two vendors."""

__version__ = "0.1.0"
