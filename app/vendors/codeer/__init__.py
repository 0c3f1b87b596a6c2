"""Codeer: chats whose answers stream in the reply to the message, on version 1 of its public API."""
