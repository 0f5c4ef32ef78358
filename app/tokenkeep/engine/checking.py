"""Checks of servers for programs and for the window: a few at a time, with what the configuration knows."""

from __future__ import annotations

from tokenkeep.domain.check import CheckReport
from tokenkeep.domain.errors import BadRequest, TooManyRequests
from tokenkeep.domain.provider import Provider
from tokenkeep.engine.context import Context

AT_A_TIME = 4  # a check is a handful of requests; no program shall send them by the hundred through TokenKeep


class Checks:
    """The checks of one engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running = 0

    async def run(self, provider: Provider | None, issuer: str, url: str) -> CheckReport:
        """Check a provider, an issuer or an address; exactly one is given.

        :raises BadRequest: none, several, or one that cannot be asked for.
        :raises Misconfigured: the provider has neither an issuer nor endpoints.
        :raises TooManyRequests: enough of them are under way.
        """
        if [provider is not None, bool(issuer), bool(url)].count(True) != 1:
            raise BadRequest("Give exactly one of provider, issuer and url.")
        if self._running >= AT_A_TIME:
            raise TooManyRequests("Other checks are under way.", hint="Wait until they are done.")
        from tokenkeep.oauth import check  # no part of a start

        context, wall = self._context, self._context.clock.wall()
        self._running += 1
        try:
            if provider is not None:
                return await context.net.run(check.check_provider, context.transport, provider, wall=wall)
            if issuer:
                return await context.net.run(check.check_issuer, context.transport, issuer, wall=wall)
            return await context.net.run(check.check_resource, context.transport, url, wall=wall)
        finally:
            self._running -= 1
