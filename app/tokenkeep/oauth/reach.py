"""Which machines the requests for one provider may reach (NET-3, RFC 9728 §7.7).

An address that a server names in its metadata may be anything: this machine, the router, the service that gives a cloud
machine its credentials. What a person wrote into the configuration is reached wherever it lies; what was learned from
there is reached on the internet, and within a network in which one of the written addresses was found.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from enum import Enum
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


# What to do about an address that is not used.
WRITE_IT = "If that is meant so, write this endpoint, or an issuer in that network, into the configuration."


class Zone(Enum):
    """Where an address lies; `place` is how messages say it."""

    PUBLIC = "on the internet"
    LOOPBACK = "this machine itself"
    PRIVATE = "in a private network"
    LINK = "on the local link"
    RESERVED = "no address of a provider"

    @property
    def place(self) -> str:
        """In words, behind "is"."""
        return self.value


# The first that fits counts. Services that hand credentials to whoever asks come before the networks they lie in.
_ZONES = tuple(
    (zone, tuple(ipaddress.ip_network(one) for one in networks.split()))
    for zone, networks in (
        (Zone.RESERVED, "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 fd00:ec2::254 fd20:ce::254"),
        (Zone.LOOPBACK, "127.0.0.0/8 ::1"),
        # What some VPN programs answer for every name (198.18.0.0/15), and the local prefix of RFC 8215.
        (Zone.PRIVATE, "10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 198.18.0.0/15"),
        (Zone.PRIVATE, "fc00::/7 fec0::/10 64:ff9b:1::/48"),
        (Zone.LINK, "169.254.0.0/16 fe80::/10"),
        (Zone.RESERVED, "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"),
        (Zone.RESERVED, ":: 100::/64 2001:db8::/32 3fff::/20 ff00::/8"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 §2.5.5.1
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214 §6.1: bits 64 to 95

# Names that no public DNS has (RFC 6761, RFC 6762, RFC 8375, and `internal`, which ICANN keeps for private use).
_NAMES = (
    (Zone.LOOPBACK, ("localhost",)),
    (Zone.PRIVATE, ("local", "internal", "home.arpa")),
)


def zone_of(address: str) -> Zone:
    """Where an IP address lies; one that carries an IPv4 address lies where that one does, if that is nearer.

    :param address: as a socket has it; a zone id (`%eth0`) is left out of account.
    :raises ValueError: it is no address in its one standard spelling: `0x7f.1`, `010.0.0.1` and `1e2` are none.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    zones = [_zone(one) for one in (parsed, *_carried(parsed))]
    return next((zone for zone in zones if zone is not Zone.PUBLIC), Zone.PUBLIC)


def _zone(address: IPAddress) -> Zone:
    for zone, networks in _ZONES:
        if any(address in network for network in networks if network.version == address.version):
            return zone
    return Zone.PUBLIC


def _carried(address: IPAddress) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo  # the server, and the client (which is written inverted)
    number = int(address)
    embedded = address in _NAT64 or (number >> 32) & 0xFFFFFFFF in _ISATAP
    if embedded or (address in _COMPATIBLE and number > 1):
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)


def zone_of_host(host: str) -> Zone | None:
    """Where the host of a URL lies as far as its spelling tells; None when only a resolver can say."""
    name = host.lower().rstrip(".")
    try:
        return zone_of(name)
    except ValueError:
        pass
    for zone, endings in _NAMES:
        if any(name == ending or name.endswith("." + ending) for ending in endings):
            return zone
    labels = name.split(".")
    if labels[-1][:1].isdigit():  # no top-level domain begins so: another spelling of an IPv4 address, as `0x7f.1`
        return Zone.RESERVED
    return Zone.PRIVATE if len(labels) == 1 else None


class Reach:
    """What the requests for one provider may reach; it grows with where the written addresses are found.

    :param written: addresses that a person wrote or agreed to; their hosts are reached wherever they lie.
    """

    def __init__(self, written: Iterable[str] = ()) -> None:
        self._hosts = frozenset(filter(None, (urlsplit(address).hostname for address in written)))
        near = {zone_of_host(host) for host in self._hosts} - {None, Zone.RESERVED}
        self._zones = {Zone.PUBLIC, *near}

    def is_written(self, host: str) -> bool:
        """Whether a person named this host."""
        return host in self._hosts

    def allows(self, host: str, zone: Zone, *, local: bool = False) -> bool:
        """Whether that host may be reached where it was found.

        :param local: the provider is marked local: its owner agreed to this machine.
        """
        return zone in self._zones or self.is_written(host) or (local and zone is Zone.LOOPBACK)

    def found(self, host: str, address: str) -> None:
        """A connection to `host` stands, its certificate checked: what a written host is near to may be reached too."""
        if self.is_written(host):
            zone = zone_of(address)
            if zone is not Zone.RESERVED:
                self._zones.add(zone)

    def refusal(self, url: str, *, local: bool) -> str:
        """Why a learned address is not used, as far as it can be told without a resolver; empty when it may be."""
        host = urlsplit(url).hostname or ""
        zone = zone_of_host(host)
        if zone is None or self.allows(host, zone, local=local):
            return ""
        return f"{host} is {zone.place}"
