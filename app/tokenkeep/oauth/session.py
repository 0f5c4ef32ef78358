"""requests-oauthlib's session for the authorization code and refresh requests, fenced in by our adapter."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import requests
from requests_oauthlib import OAuth2Session

from tokenkeep.domain.tokens import Secret
from tokenkeep.oauth.adapter import Adapter
from tokenkeep.oauth.answer import Answer
from tokenkeep.oauth.client_auth import Form, Headers
from tokenkeep.oauth.token_answer import TokenAnswer
from tokenkeep.oauth.transport import FORM_TYPE, Transport

# Both write tokens, codes and verifiers at DEBUG (requests-oauthlib issue 536).
for _logger in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_logger).setLevel(logging.INFO)

Read = Callable[[Answer], TokenAnswer]


class TokenSession(OAuth2Session):
    """One request to a token endpoint.

    :param client: form and headers that authenticate the client; `Headers` may be empty.
    :param resource: RFC 8707, may be several: the library would send the last one only.
    :param read: reads the answer; its errors are what the request raises. Nothing of the answer reaches oauthlib
        before, and then only what oauthlib cannot take offence at.
    """

    def __init__(
        self,
        transport: Transport,
        endpoint: str,
        client_id: str,
        *,
        local: bool,
        client: tuple[Form, Headers],
        resource: tuple[str, ...],
        read: Read,
        redirect_uri: str | None = None,
    ) -> None:
        super().__init__(client_id, redirect_uri=redirect_uri)
        self._form: dict[str, Any] = dict(client[0])
        self._headers_sent = {"Accept": "application/json", "Content-Type": FORM_TYPE, **client[1]}
        self._resource = resource
        self._read = read
        self._result: TokenAnswer | None = None
        self._adapter: Adapter = transport.mount(self, endpoint, local=local)
        # The library takes https only: it gets that form of this very address, and the adapter turns it back.
        self._endpoint = endpoint if endpoint.startswith("https://") else "https" + endpoint.removeprefix("http")
        self.register_compliance_hook("access_token_response", self._take)
        self.register_compliance_hook("refresh_token_response", self._take)

    def redeem(self, code: Secret, verifier: Secret | None) -> TokenAnswer:
        """The authorization code request (RFC 6749 §4.1.3).

        :raises TokenKeepError: the transport's errors and those of `read`.
        """
        proof: dict[str, Any] = {} if verifier is None else {"code_verifier": verifier.reveal()}
        proof |= {name: value for name, value in self._form.items() if name not in ("client_id", "client_secret")}
        self.fetch_token(
            self._endpoint,
            code=code.reveal(),
            auth=_no_auth,  # without it the library makes up a Basic header of its own
            include_client_id="client_id" in self._form,
            client_secret=self._form.get("client_secret"),
            headers=self._headers_sent,
            **proof,
        )
        return self._taken()

    def renew(self, refresh_token: Secret, scope: tuple[str, ...]) -> TokenAnswer:
        """The refresh request (RFC 6749 §6); errors as `redeem`.

        :param scope: to narrow to; empty leaves the parameter out (REF-7).
        """
        if scope:
            self.scope = list(scope)
        self.refresh_token(
            self._endpoint, refresh_token=refresh_token.reveal(), headers=self._headers_sent, **self._form
        )
        return self._taken()

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As the library's, with the parameters that it cannot carry."""
        kwargs["data"] = [*kwargs["data"].items(), *(("resource", one) for one in self._resource)]
        return super().request(*args, **kwargs)

    def _take(self, _response: requests.Response) -> requests.Response:
        self._result = self._read(self._adapter.answer)
        tokens = self._result.tokens
        harmless = requests.Response()
        harmless.status_code = 200
        harmless.encoding = "utf-8"
        members = {"access_token": tokens.access_token.reveal(), "token_type": tokens.token_type}
        harmless.raw = io.BytesIO(json.dumps(members).encode())
        return harmless

    def _taken(self) -> TokenAnswer:
        if self._result is None:
            raise RuntimeError("the library did not show the answer")
        return self._result


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
