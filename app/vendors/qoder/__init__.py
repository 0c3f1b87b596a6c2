"""Qoder Cloud Agents, managed mode: sessions, their events and their resumable stream."""
