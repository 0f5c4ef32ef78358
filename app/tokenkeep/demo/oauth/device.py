"""The device grant (RFC 8628): the device authorization endpoint and the polling grant, with PKCE where asked for."""

import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc8628 import (
    DeviceAuthorizationEndpoint as AuthlibDeviceAuthorizationEndpoint,
)
from authlib.oauth2.rfc8628 import DeviceCodeGrant as AuthlibDeviceCodeGrant

from tokenkeep.demo.context import Demo
from tokenkeep.demo.oauth.client_authentication import METHODS
from tokenkeep.demo.oauth.clients import DEFAULT_SCOPE, User
from tokenkeep.demo.oauth.dpop_requests import read_thumbprint
from tokenkeep.demo.oauth.pkce import check_verifier, read_challenge
from tokenkeep.demo.oauth.store import DeviceRequest
from tokenkeep.demo.web.log import note

# A client that waits exactly the interval may arrive a little early by this clock.
POLL_TOLERANCE = 0.2
# RFC 8628 §3.5: what a slow_down adds, in seconds.
SLOW_DOWN_STEP = 5


class DeviceAuthorizationEndpoint(AuthlibDeviceAuthorizationEndpoint):  # type: ignore[misc]
    """RFC 8628 §3.1-3.2."""

    CLIENT_AUTH_METHODS = METHODS

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    @property
    def EXPIRES_IN(self) -> int:  # noqa: N802 - Authlib's name
        return self.demo.options.device_lifetime

    @property
    def INTERVAL(self) -> int:  # noqa: N802 - Authlib's name
        return self.demo.options.device_interval

    def create_endpoint_response(self, request: Any) -> Any:
        challenge = read_challenge(request.payload.data, required=False)
        resources = self.server.requested_resources(request)
        jkt = read_thumbprint(request.payload.data)
        status, data, headers = super().create_endpoint_response(request)
        device = DeviceRequest(
            device_code=data["device_code"],
            user_code=data["user_code"],
            client_id=request.client.client_id,
            scope=request.client.get_allowed_scope(request.payload.scope or DEFAULT_SCOPE),
            code_challenge=challenge,
            expires_at=time.time() + self.EXPIRES_IN,
            interval=self.INTERVAL,
            resources=resources,
            jkt=jkt,
        )
        with self.demo.store.lock:
            self.demo.store.devices[device.device_code] = device
        return status, data, headers

    def generate_user_code(self) -> str:
        return self.demo.store.new_user_code()

    def get_verification_uri(self) -> str:
        return f"{self.demo.origin}/device"

    def save_device_credential(self, *_details: Any) -> None:
        """Nothing: create_endpoint_response keeps it, because the challenge is known only there."""


class DeviceCodeGrant(AuthlibDeviceCodeGrant):  # type: ignore[misc]
    """RFC 8628 §3.4-3.5."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    @property
    def demo(self) -> Demo:
        demo: Demo = self.server.demo
        return demo

    def query_device_credential(self, device_code: str) -> DeviceRequest:
        device = self.demo.store.devices.get(device_code)
        if device is None or device.used or device.client_id != self.request.client.client_id:
            raise InvalidGrantError("The device code is unknown or was used before")
        return device

    def validate_device_credential(self, credential: DeviceRequest) -> User:
        check_verifier(credential.code_challenge, self.request.form.get("code_verifier"))
        user: User = super().validate_device_credential(credential)
        return user

    def query_user_grant(self, user_code: str) -> tuple[User | None, bool] | None:
        device = next(d for d in self.demo.store.devices.values() if d.user_code == user_code)
        if device.denied:
            return None, False
        return (device.family.user, True) if device.family else None

    def should_slow_down(self, credential: DeviceRequest) -> bool:
        now, last = time.time(), credential.last_poll
        credential.last_poll = now
        if last is None or now - last >= credential.interval - POLL_TOLERANCE:
            return False
        credential.interval += SLOW_DOWN_STEP
        note(early_by=round(credential.interval - SLOW_DOWN_STEP - (now - last), 2))
        return True

    def save_token(self, token: dict[str, Any]) -> None:
        super().save_token(token)
        self.request.credential.used = True
