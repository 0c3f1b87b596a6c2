"""Faults, injected one by one; the ledger of the sandbox and the bytes on disk are the judges, never our own state."""
