"""The redirect address of a sign-in: bound before anybody hears of it, and known to the server before it is used."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from tokenkeep.domain.provider import Flow, Provider
from tokenkeep.engine.client import ProviderClient
from tokenkeep.engine.loopback import LoopbackListener
from tokenkeep.oauth.registration import RedirectRefused


async def listen(client: ProviderClient, take: Callable[[str], bool]) -> tuple[ProviderClient, LoopbackListener, str]:
    """Listen, and be the client that may be answered there.

    A server that does not register the address gets one other form of it to choose (DCR-5).

    :returns: the client, the listener and the redirect URI.
    :raises TokenKeepError: no port is free, or the server registers neither.
    """
    place = client.listening()
    refused: RedirectRefused | None = None
    while True:
        listener = LoopbackListener(place, take)
        redirect_uri = await listener.start()
        try:
            return await client.identified(_addresses(client.provider, redirect_uri)), listener, redirect_uri
        except RedirectRefused as error:
            await listener.close()
            if refused is not None:
                raise refused from None
            refused, place = error, _other_host(place)
        except BaseException:
            await listener.close()
            raise


async def without_browser(client: ProviderClient, take: Callable[[str], bool]) -> ProviderClient:
    """The client for a sign-in by code; one that also signs in by browser is registered for both."""
    if client.provider.flow is not Flow.AUTHORIZATION_CODE or not client.registers:
        return await client.identified()
    found, listener, _ = await listen(client, take)
    await listener.close()
    return found


def _addresses(provider: Provider, redirect_uri: str) -> tuple[str, ...]:
    """The address of this sign-in, and the same with every other port that the entry gives."""
    parts = urlsplit(redirect_uri)
    host = parts.netloc.rpartition(":")[0]
    others = [f"http://{host}:{port}{parts.path}" for port in provider.redirect_ports if port]
    return tuple(dict.fromkeys((redirect_uri, *others)))


def _other_host(place: Provider) -> Provider:
    """The name where the literal was refused, the literal where the name was."""
    host = "127.0.0.1" if place.redirect_host == "localhost" else "localhost"
    return place.model_copy(update={"redirect_host": host})
