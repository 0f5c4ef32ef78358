"""The protected resources of the demo provider and the URLs that name them (RFC 8707, RFC 9728)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One protected resource. Each of its URLs is an identifier of its own, for clients that know only that URL."""

    name: str
    # Below the origin; the first one stands for the whole resource.
    paths: tuple[str, ...]
    scopes: tuple[str, ...]

    @property
    def path(self) -> str:
        return self.paths[0]


NOTES = Resource("TokenKeep demo notes", ("/api", "/api/whoami", "/api/notes"), ("notes:read", "notes:write"))
MODELS = Resource("TokenKeep demo models", ("/v1", "/v1/models", "/v1/chat/completions"), ("models:use",))
RESOURCES = (NOTES, MODELS)


def identifiers(origin: str) -> frozenset[str]:
    """Every resource identifier of the server at that origin; the origin stands for all resources together."""
    return frozenset({origin} | {origin + path for resource in RESOURCES for path in resource.paths})


def default_audience(origin: str) -> tuple[str, ...]:
    """What a token is good for when nobody named a resource."""
    return tuple(origin + resource.path for resource in RESOURCES)


def accepted_audiences(origin: str, path: str) -> frozenset[str]:
    """The audiences that open one URL: itself, its whole resource, everything."""
    return frozenset({origin + path, origin} | {origin + item.path for item in RESOURCES if path in item.paths})
