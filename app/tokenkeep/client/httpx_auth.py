"""Authentication for httpx: a fresh token on every request, and one more try when the resource says 401."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx

from tokenkeep.client.aio import AsyncTokenKeep
from tokenkeep.client.sync import TokenKeep


class TokenKeepAuth(httpx.Auth):
    """`httpx.get(url, auth=TokenKeepAuth("github"))`, for `Client` and `AsyncClient`.

    :param socket_file: path of the socket; found by the usual rule when left out.
    :param options: as `TokenKeep.headers` takes them.
    """

    def __init__(self, provider: str, socket_file: str | None = None, **options: Any) -> None:
        self._client = TokenKeep(socket_file)
        self._async_client = AsyncTokenKeep(socket_file)
        self._provider = provider
        self._options = options

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For `httpx.Client`."""
        url, method = str(request.url), request.method
        sent = self._client.headers(url, provider=self._provider, method=method, **self._options)
        request.headers.update(sent)
        response = yield request
        if response.status_code == 401:
            fresh = self._client.headers_after_refusal(
                sent, url, self._provider, method=method, answer=response.headers, **self._options
            )
            if fresh is not None:
                response.read()
                _replace(request, fresh)
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For `httpx.AsyncClient`."""
        url, method = str(request.url), request.method
        sent = await self._async_client.headers(url, provider=self._provider, method=method, **self._options)
        request.headers.update(sent)
        response = yield request
        if response.status_code == 401:
            fresh = await self._async_client.headers_after_refusal(
                sent, url, self._provider, method=method, answer=response.headers, **self._options
            )
            if fresh is not None:
                await response.aread()
                _replace(request, fresh)
                yield request


def _replace(request: httpx.Request, fresh: dict[str, str]) -> None:
    request.headers.pop("DPoP", None)
    request.headers.update(fresh)
