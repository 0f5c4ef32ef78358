"""The demo provider as a web application, and the threaded loopback server that runs it."""

import logging
import socket
from contextlib import ExitStack, closing
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from tokenkeep.demo.context import Demo
from tokenkeep.demo.description import describe
from tokenkeep.demo.faults import pages as fault_pages
from tokenkeep.demo.faults import transport
from tokenkeep.demo.faults.board import FaultBoard
from tokenkeep.demo.oauth import (
    authorize,
    identity,
    logout,
    metadata,
    metadata_document_fixtures,
    par_endpoint,
    registration_endpoint,
    token_endpoint,
    trusted_issuer,
)
from tokenkeep.demo.oauth.authorization_server import AuthorizationServer
from tokenkeep.demo.oauth.known_clients import TLS_CLIENT_NAME
from tokenkeep.demo.options import Options
from tokenkeep.demo.resources import metadata as resource_metadata
from tokenkeep.demo.resources import models, notes
from tokenkeep.demo.tls import Certificates
from tokenkeep.demo.web import device_pages, guard, start_page
from tokenkeep.demo.web import log as request_log
from tokenkeep.demo.web.doors import LOOPBACK, Door, open_trap
from tokenkeep.demo.web.log import RequestLog
from tokenkeep.demo.web.wire import WireHandler


def create_app(demo: Demo) -> Flask:
    """The application of one demo provider."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.logger.setLevel(logging.ERROR)
    # Authlib writes tokens to its debug log.
    logging.getLogger("authlib").setLevel(logging.WARNING)
    transport.install_answers(app, demo)
    guard.install(app, demo)
    server = AuthorizationServer(app, demo)
    app.register_blueprint(request_log.create_blueprint(demo.log))
    transport.install_requests(app, demo)
    fault_pages.install_banner(app, demo)
    app.register_blueprint(fault_pages.create_blueprint(demo))
    app.register_blueprint(metadata.create_blueprint(demo))
    app.register_blueprint(authorize.create_blueprint(demo, server))
    app.register_blueprint(token_endpoint.create_blueprint(demo, server))
    app.register_blueprint(metadata_document_fixtures.create_blueprint(demo))
    app.register_blueprint(registration_endpoint.create_blueprint(demo))
    app.register_blueprint(par_endpoint.create_blueprint(demo, server))
    app.register_blueprint(trusted_issuer.create_blueprint(server.trusted_issuer))
    app.register_blueprint(device_pages.create_blueprint(demo))
    app.register_blueprint(identity.create_blueprint(demo))
    app.register_blueprint(logout.create_blueprint(demo, server))
    app.register_blueprint(resource_metadata.create_blueprint(demo))
    app.register_blueprint(notes.create_blueprint(demo))
    app.register_blueprint(models.create_blueprint(demo))
    app.register_blueprint(start_page.create_blueprint(demo))
    return app


class DemoServer:
    """A bound and running-to-be server; raises OSError when the port is taken, UnknownFaultError for a bad fault."""

    def __init__(self, options: Options) -> None:
        board = FaultBoard(dict(options.faults))
        self._stack = ExitStack()
        with self._stack:
            # Bound here, not by werkzeug, which prints and exits when the port is taken; shut until all is ready.
            self._door = self._stack.enter_context(closing(Door(options.port, self._answer)))
            control = self._stack.enter_context(socket.create_server((LOOPBACK, 0)))
            certificates = Certificates(TLS_CLIENT_NAME) if options.tls else None
            if certificates:
                self._stack.callback(certificates.close)
            log = RequestLog()
            trap, trap_address = open_trap(lambda: log.progress("trap", "connection"))
            self._stack.enter_context(closing(trap))
            self.demo = Demo(
                origin=f"{'https' if certificates else 'http'}://{LOOPBACK}:{self._door.port}",
                control=f"http://{LOOPBACK}:{control.getsockname()[1]}",
                trap=trap_address,
                options=options,
                faults=board,
                certificates=certificates,
                log=log,
            )
            self._server: BaseWSGIServer = make_server(
                LOOPBACK,
                control.getsockname()[1],
                create_app(self.demo),
                threaded=True,
                request_handler=type("Handler", (WireHandler,), {"board": board}),
                fd=control.fileno(),
            )
            # Set afterwards: the listener that werkzeug knows is the control's, which stays plain.
            self._server.ssl_context = certificates.server_context() if certificates else None
            board.watch(self._set_door)
            board.watch(self.demo.keys.unsuitable.clear)
            self._set_door()
            self._stack = self._stack.pop_all()

    def _answer(self, connection: socket.socket, address: tuple[str, int]) -> None:
        if (context := self._server.ssl_context) is not None:
            # The handshake waits for the thread of the connection: a silent client must not keep others out.
            try:
                connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            except OSError:
                connection.close()
                return
        self._server.process_request(connection, address)

    def _set_door(self) -> None:
        self._door.set_open(wanted=self.demo.faults.value("network") != "refuse")

    def description(self) -> dict[str, Any]:
        """What a client or test needs to know; the line printed at the start."""
        return describe(self.demo)

    def serve(self) -> None:
        """Answer requests until stop()."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End serve(); called from another thread."""
        self.demo.faults.close()
        self._server.shutdown()
        self._server.server_close()
        self._stack.close()
