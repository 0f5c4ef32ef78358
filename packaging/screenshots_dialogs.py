"""The pictures of tray menu and dialogs, with the design's own made-up people; taken by screenshots.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from tokenkeep.domain.session import SignInSnapshot

NAME = "Keycloak at work"
ACCOUNT = "m.okafor@northwind.example"
PAGE = "https://id.northwind.example/realms/staff"


class _Clock:
    """Stands still at the moment of the other pictures."""

    def wall(self) -> float:
        from support import snapshots

        return snapshots.NOW

    def boot(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError(f"a picture waits for nothing, not for {seconds} s")


def _browser() -> SignInSnapshot:
    from tokenkeep.domain.session import SignInSnapshot, SignInState

    now = _Clock().wall()
    return SignInSnapshot(
        id="s1",
        provider="keycloak",
        method="browser",
        state=SignInState.WAITING_FOR_BROWSER,
        authorization_url=f"{PAGE}/protocol/openid-connect/auth?client_id=tokenkeep&response_type=code",
        started_at=now - 28,
        expires_at=now + 272,
        opened_with="Firefox",
        account=ACCOUNT,
        device_available=True,
    )


def _device() -> SignInSnapshot:
    from tokenkeep.domain.session import SignInState

    now = _Clock().wall()
    return replace(
        _browser(),
        method="device",
        state=SignInState.WAITING_FOR_CODE,
        authorization_url=None,
        user_code="WDJB-MJHT",
        verification_uri=f"{PAGE}/device",
        verification_uri_complete=f"{PAGE}/device?user_code=WDJB-MJHT",
        started_at=now - 60,
        expires_at=now + 540,
    )


def _sign_in_browser() -> QWidget:
    from tokenkeep.ui.sign_in_dialog import SignInDialog

    return _shown(SignInDialog(_browser(), NAME, _Clock()))


def _sign_in_done() -> QWidget:
    from tokenkeep.domain.session import SignInState
    from tokenkeep.ui.sign_in_dialog import SignInDialog

    return _shown(SignInDialog(replace(_browser(), state=SignInState.DONE, asked_by="kubectl"), NAME, _Clock()))


def _sign_in_device() -> QWidget:
    from tokenkeep.ui.device_dialog import DeviceDialog

    return _shown(DeviceDialog(_device(), NAME, _Clock(), browser_possible=True))


def _access_prompt() -> QWidget:
    from PySide6.QtWidgets import QApplication

    from tokenkeep.domain.access import AccessRequest, Application
    from tokenkeep.ui.access_prompt import AccessPrompt

    prompt = AccessPrompt(_Clock())
    program = Application("/usr/local/bin/kubectl", pid=4711, parent="deploy.sh")
    ends = _Clock().wall() + 52
    prompt.show_requests(
        [AccessRequest("r1", program, "keycloak", NAME, ACCOUNT, ("openid", "groups"), (), "token", ends)]
    )
    shown = _shown(prompt)
    QApplication.processEvents()  # the window gets the focus, and with it the guard begins
    prompt.guard.timeout.emit()
    return shown


def _check() -> QWidget:
    from tokenkeep.domain.check import CheckReport
    from tokenkeep.oauth.check import connection, endpoints, metadata, sign_in
    from tokenkeep.ui.check_dialog import CheckDialog

    advice = "Switch PKCE with S256 on for this client and list it in code_challenge_methods_supported."
    rules = (
        sign_in.S256.fail("Required: S256. Supported: plain.", advice),
        sign_in.PLAIN.warn("plain is offered.", "Take plain out; every client of today can do S256."),
        connection.REACHABLE.passed("id.northwind.example answered."),
        connection.TLS.passed("id.northwind.example has a certificate that this machine trusts."),
        metadata.ISSUER_EQUAL.passed(f"The document is of {PAGE}."),
        endpoints.HTTPS.passed("All 6 endpoints are addresses that can be used."),
    )
    dialog = CheckDialog(_Clock(), "keycloak", NAME)
    dialog.show_report(CheckReport(PAGE, NAME, PAGE, _Clock().wall(), reachable=True, rules=rules))
    return _shown(dialog)


def _tray_menu() -> QWidget:
    from support import snapshots
    from tokenkeep.ui.tray_menu import TrayMenu

    menu = TrayMenu(_Clock())
    menu.show_snapshot(snapshots.six_states())
    menu.ensurePolished()
    menu.resize(menu.sizeHint())
    return menu


def _shown(window: QWidget) -> QWidget:
    from tokenkeep.ui.dialog_frame import DialogFrame

    assert isinstance(window, DialogFrame)
    window.open_up(activate=False)
    return window


PICTURES: dict[str, Callable[[], QWidget]] = {
    "tray-menu": _tray_menu,
    "sign-in-browser": _sign_in_browser,
    "sign-in-device": _sign_in_device,
    "sign-in-done": _sign_in_done,
    "access-prompt": _access_prompt,
    "check": _check,
}
