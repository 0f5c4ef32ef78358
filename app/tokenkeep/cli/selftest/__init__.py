"""`tokenkeep selftest`: the real application against the demo provider, with a tiny browser in place of a person."""
