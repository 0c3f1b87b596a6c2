"""Widgets report, screens decide: nothing here knows a store, a vendor or the application."""
