"""Qoder Cloud Agents, managed mode: sessions, their events and their resumable stream."""

from __future__ import annotations

from app.vendors.qoder.client import Qoder

__all__ = ["Qoder"]
