"""What every part of one running demo provider shares."""

from dataclasses import dataclass, field

from tokenkeep.demo.faults.board import FaultBoard
from tokenkeep.demo.oauth.clients import DEMO_CLIENT, USERS
from tokenkeep.demo.oauth.keys import SigningKey
from tokenkeep.demo.oauth.store import Store
from tokenkeep.demo.options import Options
from tokenkeep.demo.web.log import RequestLog


@dataclass(frozen=True)
class Demo:
    """One demo provider: its address, state, switches and log."""

    issuer: str
    options: Options
    faults: FaultBoard
    store: Store = field(default_factory=lambda: Store(USERS, (DEMO_CLIENT,)))
    log: RequestLog = field(default_factory=RequestLog)
    keys: SigningKey = field(default_factory=SigningKey)

    @property
    def resource(self) -> str:
        return f"{self.issuer}/api"
