"""The one list of fault switches: name, values, effect, and the requirements whose negative tests use it."""

from tokenkeep.demo.faults.switches import (
    authorization,
    clients,
    device,
    identity,
    machine,
    token,
    tokens_in_use,
    transport,
)

FAULTS = (
    *authorization.SWITCHES,
    *token.SWITCHES,
    *device.SWITCHES,
    *clients.SWITCHES,
    *machine.SWITCHES,
    *identity.SWITCHES,
    *tokens_in_use.SWITCHES,
    *transport.SWITCHES,
)

BY_NAME = {fault.name: fault for fault in FAULTS}
