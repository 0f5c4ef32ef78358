"""What a fault switch is."""

from dataclasses import dataclass

# Value kinds beside named values.
NUMBER = "NUMBER"
TEXT = "TEXT"
JSON = "JSON"


@dataclass(frozen=True)
class Fault:
    """One switch. `values` holds allowed values and may hold NUMBER, TEXT or JSON for free ones."""

    name: str
    values: tuple[str, ...]
    effect: str
    requirements: tuple[str, ...]


def switch(name: str, values: str, effect: str, requirements: str) -> Fault:
    """A switch from texts: values and requirement ids are separated by white space."""
    return Fault(name, tuple(values.split()), effect, tuple(requirements.split()))
