"""What a fault switch is."""

from dataclasses import dataclass

# Kinds of free values. A value `NAME:KIND` stands for that name, a colon and a value of the kind.
NUMBER = "NUMBER"
SIGNED = "SIGNED"
TEXT = "TEXT"
JSON = "JSON"
KINDS = (NUMBER, SIGNED, TEXT, JSON)


@dataclass(frozen=True)
class Fault:
    """One switch. `values` holds allowed values and may hold kinds; `per_path`: a value may end in `@/path`."""

    name: str
    values: tuple[str, ...]
    effect: str
    requirements: tuple[str, ...]
    per_path: bool = False


def switch(name: str, values: str, effect: str, requirements: str, *, per_path: bool = False) -> Fault:
    """A switch from texts: values and requirement ids are separated by white space."""
    return Fault(name, tuple(values.split()), effect, tuple(requirements.split()), per_path)
