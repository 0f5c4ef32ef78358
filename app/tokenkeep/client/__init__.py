"""What other Python programs import: `TokenKeep` and `AsyncTokenKeep`, standard library only.

This package imports nothing else of TokenKeep and, as the command line starts with it, nothing that is slow to import.
"""

from tokenkeep.client.errors import NotRunning, TokenKeepError
from tokenkeep.client.sync import TokenKeep
from tokenkeep.client.values import Event, Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tokenkeep.client.aio import AsyncTokenKeep

__all__ = ["AsyncTokenKeep", "Event", "NotRunning", "Token", "TokenKeep", "TokenKeepError"]


def __getattr__(name: str) -> object:
    """Import asyncio only for those who ask for it."""
    if name == "AsyncTokenKeep":
        from tokenkeep.client.aio import AsyncTokenKeep

        return AsyncTokenKeep
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
