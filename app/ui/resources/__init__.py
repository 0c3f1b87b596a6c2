"""The browser of what an account holds: one screen for every kind of thing, drawn from the descriptions."""
