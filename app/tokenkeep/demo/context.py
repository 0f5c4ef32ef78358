"""What every part of one running demo provider shares."""

import time
from dataclasses import dataclass, field

from tokenkeep.demo.faults.board import FaultBoard
from tokenkeep.demo.oauth.clients import USERS
from tokenkeep.demo.oauth.keys import SigningKey
from tokenkeep.demo.oauth.known_clients import KnownClients
from tokenkeep.demo.oauth.store import Store
from tokenkeep.demo.options import Options
from tokenkeep.demo.resources.catalogue import NOTES
from tokenkeep.demo.tls import Certificates
from tokenkeep.demo.web.log import RequestLog


@dataclass(frozen=True)
class Demo:
    """One demo provider: its address, state, switches and log."""

    # Scheme, host and port: what every address of this server begins with.
    origin: str
    # Where faults and the log can be reached whatever the network switch does.
    control: str
    # Another origin on this computer, where no client should ever come; the log counts `trap.connection`.
    trap: str
    options: Options
    faults: FaultBoard
    # None while everything is plain HTTP.
    certificates: Certificates | None = None
    known_clients: KnownClients = field(default_factory=KnownClients)
    store: Store = field(init=False)
    log: RequestLog = field(default_factory=RequestLog)
    keys: SigningKey = field(default_factory=SigningKey)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", Store(USERS, self.known_clients.by_name.values()))

    @property
    def issuer(self) -> str:
        """The issuer identifier (RFC 8414 §2); a final slash is a part of it."""
        return self.origin + self.options.issuer_path

    def now(self) -> float:
        """The time by this server's clock, which the switch `clock` puts wrong."""
        return time.time() + float(self.faults.value("clock") or 0)

    @property
    def resource(self) -> str:
        return self.origin + NOTES.path
