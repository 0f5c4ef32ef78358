"""The fault switches, one file for each part of the provider that misbehaves."""
