"""Which certificates are believed: those of this machine, of requests' own bundle, and the configured ones (NET-1)."""

from __future__ import annotations

import ssl
import sys
import threading
from pathlib import Path

from tokenkeep.domain.errors import Misconfigured


class Trust:
    """Made at the first connection over TLS, and then kept.

    :param ca_bundle: file or directory of further certificates; never fewer.
    """

    def __init__(self, ca_bundle: str) -> None:
        self._bundle = ca_bundle
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Checks certificates and names, TLS 1.2 or newer.

        :raises Misconfigured: the configured bundle cannot be read.
        """
        with self._lock:
            if self._context is None:
                self._context = self.make()
            return self._context

    def make(self) -> ssl.SSLContext:
        """As `context`, a new one that is not shared."""
        from requests.utils import DEFAULT_CA_BUNDLE_PATH

        # Not `ssl.create_default_context`: that one writes the session keys to the file that `SSLKEYLOGFILE` names.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _add_the_machines(context)
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        if self._bundle:
            path = Path(self._bundle).expanduser()
            try:
                context.load_verify_locations(**{"capath" if path.is_dir() else "cafile": str(path)})
            except (OSError, ssl.SSLError) as unreadable:
                raise Misconfigured(
                    "The certificates of `ca_bundle` cannot be read.", key="http.ca_bundle"
                ) from unreadable
        return context


def _add_the_machines(context: ssl.SSLContext) -> None:
    """Believe what this machine believes; `SSL_CERT_FILE` and `SSL_CERT_DIR` neither add to that nor take from it."""
    if sys.platform == "win32":
        context.load_default_certs()
        return
    paths = ssl.get_default_verify_paths()
    file, directory = Path(paths.openssl_cafile), Path(paths.openssl_capath)
    if file.is_file():
        context.load_verify_locations(cafile=str(file))
    if directory.is_dir():
        context.load_verify_locations(capath=str(directory))
