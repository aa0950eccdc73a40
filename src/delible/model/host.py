"""Hosts of recipients: how they are written, and which addresses a notice may be sent to.

Whoever writes a recipient's policy chooses where this machine connects to. Without a word of theirs that shows in a
review, that is the Internet, and never the machine itself, its network, or the metadata service of its cloud.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""The only hosts that may be told without TLS: what is sent there does not leave the machine."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_LONGEST = 253

_UNICAST = IPv6Network("2000::/3")
"""All that is assigned to the Internet (RFC 4291, 2.4)."""
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""An IPv4 address in the last four bytes: NAT64 (RFC 6052), and a form that is no longer used."""
_PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv6Network("fc00::/7"),
)
"""RFC 1918, RFC 6598, RFC 4193."""
_METADATA = (
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::254/128"),
    IPv6Network("fd00:42::42/128"),
)
"""Where clouds answer a machine about itself, credentials included, although the ranges around may be told: Alibaba,
Azure, Oracle (inside RFC 6890's protocol assignments), Amazon, Google, Scaleway. All others are link-local."""


def misspelt_host(host: str) -> str | None:
    """Return what is wrong with a URL's host, or None.

    A name that ends with a number is an IPv4 address, and one that is none, such as `1.2.3.999` or `127.1`, is read by
    each resolver in its own way.
    """
    if literal(host) is not None:
        return None
    labels = without_point(host).split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        return "the host looks like an address, and is none"
    if len(host) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        return "the host is no name: letters, digits and hyphens between points"
    return None


def without_point(host: str) -> str:
    """Return a name without the point that says it is complete: certificates and lists of names have none."""
    return host.removesuffix(".")


def literal(host: str) -> Address | None:
    """Return the address that a host is, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def may_be_told(address: Address, *, private_network: bool) -> bool:
    """Return whether notices may be sent to an address.

    Args:
        address: Of a recipient.
        private_network: Its policy says that it is in the controller's own network, or on this machine. Link-local
            addresses and those of metadata services are in no case: no recipient answers there.
    """
    inner = _carried(address)
    if inner is not None:
        return may_be_told(inner, private_network=private_network)
    if any(address in network for network in _METADATA):
        return False
    if private_network and (address.is_loopback or any(address in network for network in _PRIVATE)):
        return True
    unicast = address.version == 4 or address in _UNICAST  # noqa: PLR2004 - the version's number
    return unicast and address.is_global and not address.is_multicast


def _carried(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to."""
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return None
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
