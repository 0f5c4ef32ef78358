"""The one list of fault switches: name, values, effect, and the requirements whose negative tests use it."""

from dataclasses import dataclass

from tokenkeep.demo.faults.switch import Fault
from tokenkeep.demo.faults.switches import (
    authorization,
    clients,
    device,
    dpop,
    identity,
    logout,
    machine,
    metadata,
    par,
    registration,
    resources,
    token,
    tokens_in_use,
    transport,
)


@dataclass(frozen=True)
class Area:
    """The switches of one part of the provider, with a title for people."""

    title: str
    faults: tuple[Fault, ...]


AREAS = (
    Area("Connection and HTTP", transport.SWITCHES),
    Area("Authorization response", authorization.SWITCHES),
    Area("Token endpoint", token.SWITCHES),
    Area("Device codes", device.SWITCHES),
    Area("Clients", clients.SWITCHES),
    Area("Grants without a person, introspection", machine.SWITCHES),
    Area("Registration of clients", registration.SWITCHES),
    Area("Metadata and keys", metadata.SWITCHES),
    Area("Identity", identity.SWITCHES),
    Area("Pushed authorization requests", par.SWITCHES),
    Area("Tokens bound to keys", dpop.SWITCHES),
    Area("Protected resources", resources.SWITCHES),
    Area("Revocation", tokens_in_use.SWITCHES),
    Area("Logout", logout.SWITCHES),
)
FAULTS = tuple(fault for area in AREAS for fault in area.faults)

BY_NAME = {fault.name: fault for fault in FAULTS}
