"""Keeps every test away from the real user: home, configuration, keyring, browser, session bus and proxies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from support.homes import new_home
from support.processes import home_variables

_UNSET = (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "DBUS_SESSION_BUS_ADDRESS",
    "TOKENKEEP_SOCKET",
    "OIDC_SOCK",
    "SSH_AUTH_SOCK",
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_PID",
    "XDG_CURRENT_DESKTOP",
    "DESKTOP_SESSION",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "OAUTHLIB_INSECURE_TRANSPORT",
)


@pytest.fixture(autouse=True)
def hermetic_environment() -> Iterator[None]:
    """Give this process another home for the length of one test; a keyring or browser used by mistake fails."""
    home = new_home()
    with pytest.MonkeyPatch.context() as patch:
        for name in _UNSET:
            patch.delenv(name, raising=False)
        for name, value in home_variables(home).items():
            patch.setenv(name, value)
        patch.setenv("TOKENKEEP_HOME", str(home / "tk"))
        patch.setenv("BROWSER", "false")
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.setenv("TZ", "UTC")
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("NO_PROXY", "*")
        yield
    shutil.rmtree(home, ignore_errors=True)
