"""TokenKeep: one place for your sign-ins, fresh tokens for every program."""

__version__ = "0.1.0"
