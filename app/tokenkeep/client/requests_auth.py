"""Authentication for requests: a fresh token on every request, and one more try when the resource says 401."""

from __future__ import annotations

from typing import Any

import requests
from requests.auth import AuthBase

from tokenkeep.client.sync import TokenKeep


class TokenKeepAuth(AuthBase):
    """`requests.get(url, auth=TokenKeepAuth("github"))`.

    :param options: as `TokenKeep.headers` takes them.
    """

    def __init__(self, provider: str, client: TokenKeep | None = None, **options: Any) -> None:
        self._provider = provider
        self._client = client or TokenKeep()
        self._options = options

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token into the request and watch for its refusal."""
        url, method = request.url or "", request.method or "GET"
        sent = self._client.headers(url, provider=self._provider, method=method, **self._options)
        request.headers.update(sent)
        body: Any = request.body
        position = body.tell() if hasattr(body, "tell") else None

        def again(response: requests.Response, **send: Any) -> requests.Response:
            """One more try with the next token; a body that cannot be sent twice leaves the 401 as it is."""
            if response.status_code != 401 or response.request is not request:
                return response
            if hasattr(body, "read") and position is None:
                return response
            fresh = self._client.headers_after_refusal(
                sent, url, self._provider, method=method, answer=response.headers, **self._options
            )
            if fresh is None:
                return response
            _ = response.content  # the connection is free only after the body was read
            response.close()
            retry = request.copy()
            retry.hooks["response"] = []
            if position is not None:
                body.seek(position)
            retry.headers.pop("DPoP", None)
            retry.headers.update(fresh)
            answer: requests.Response = response.connection.send(retry, **send)
            answer.history.append(response)
            answer.request = retry
            return answer

        request.hooks["response"].append(again)
        return request
