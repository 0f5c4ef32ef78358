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
    :param options: as `TokenKeep.token` takes them.
    """

    def __init__(self, provider: str, socket_file: str | None = None, **options: Any) -> None:
        self._provider = provider
        self._client = TokenKeep(socket_file)
        self._async_client = AsyncTokenKeep(socket_file)
        self._options = options

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For `httpx.Client`."""
        token = self._client.token(self._provider, **self._options)
        request.headers["Authorization"] = token.authorization
        response = yield request
        if response.status_code == 401:
            fresh = self._client.rejected(token, self._provider)
            if fresh.access_token != token.access_token:
                response.read()
                request.headers["Authorization"] = fresh.authorization
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For `httpx.AsyncClient`."""
        token = await self._async_client.token(self._provider, **self._options)
        request.headers["Authorization"] = token.authorization
        response = yield request
        if response.status_code == 401:
            fresh = await self._async_client.rejected(token, self._provider)
            if fresh.access_token != token.access_token:
                await response.aread()
                request.headers["Authorization"] = fresh.authorization
                yield request
