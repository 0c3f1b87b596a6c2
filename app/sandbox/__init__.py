"""A local server that speaks both vendors' wires, written from their contracts alone, for the demo, for tests and for scripts."""
