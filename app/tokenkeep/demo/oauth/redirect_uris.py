"""Which redirect URIs a client may register, and which ones match (RFC 8252 §7-8, OAuth 2.1 §2.3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

LOOPBACK_LITERALS = ("127.0.0.1", "::1")
LOOPBACK_HOSTS = (*LOOPBACK_LITERALS, "localhost")


def _split(uri: str) -> SplitResult | None:
    """The parts of a well-formed absolute URI of printable ASCII characters."""
    if not uri.isascii() or not uri.isprintable() or any(letter in uri for letter in ' \\"<>'):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def problem_with(uri: object, *, loopback: bool) -> str | None:
    """Why that redirect URI cannot be registered, or None.

    Native applications get loopback `http` and claimed `https` addresses, public web applications `https` alone
    (OpenID Connect Registration §2, RFC 8252 §7.2-7.3).
    """
    parts = _split(uri) if isinstance(uri, str) else None
    if parts is None or not parts.hostname:
        return "redirect_uris must be absolute https or loopback http addresses"
    if "#" in str(uri):
        return "redirect_uris must not have a fragment"
    if parts.username is not None:
        return "redirect_uris must not have user information"
    if any(segment in (".", "..") for segment in parts.path.replace("%2e", ".").replace("%2E", ".").split("/")):
        return "redirect_uris must not have dot segments"
    on_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    if parts.scheme == "https" or (on_loopback and loopback):
        return None
    if on_loopback:
        return "application_type web cannot have loopback redirect_uris; register as native"
    return "redirect_uris must be https or loopback http"


def _without_port(uri: str, hosts: Iterable[str]) -> str | None:
    """The URI with the port cut out, where it is an `http` address of one of these hosts."""
    parts = _split(uri)
    if parts is None or parts.scheme != "http" or parts.username is not None or parts.hostname not in tuple(hosts):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port is None else f":{parts.port}"
    start = f"http://{host}{port}"
    # Comparing the spelling too: no upper case, no leading zeros, no second form of one address.
    return f"http://{host}{uri.removeprefix(start)}" if uri.startswith(start) else None


@dataclass(frozen=True)
class RedirectRule:
    """What a client has registered."""

    uris: tuple[str, ...] = ()
    # Loopback `http` addresses of any port whose path is this prefix and one segment, for clients known from the start.
    path_prefix: str | None = None
    # Hosts whose port is not compared.
    any_port_hosts: tuple[str, ...] = LOOPBACK_LITERALS

    def with_exact_ports(self) -> "RedirectRule":
        """The same with ports compared, as some servers do against RFC 8252 §7.3."""
        return self if self.path_prefix else replace(self, any_port_hosts=())

    def matches(self, asked: str) -> bool:
        """Exact but for the port on loopback hosts (RFC 8252 §7.3)."""
        if asked in self.uris:
            return True
        portless = _without_port(asked, self.any_port_hosts)
        if portless is None:
            return False
        if any(portless == _without_port(uri, self.any_port_hosts) for uri in self.uris):
            return True
        return self._fits_prefix(asked, portless)

    def _fits_prefix(self, asked: str, portless: str) -> bool:
        if self.path_prefix is None or not urlsplit(asked).port:
            return False
        parts = urlsplit(portless)
        segment = parts.path.removeprefix(self.path_prefix)
        plain = segment.replace("-", "").replace("_", "").isalnum()
        # Comparing the whole text catches queries and fragments.
        return plain and portless == f"http://{parts.netloc}{self.path_prefix}{segment}"
