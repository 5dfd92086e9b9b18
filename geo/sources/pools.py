"""Connections: through the proxy that the environment names, checked against the certificates that it names."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3

from geo.sources.http import Request


class Pools:
    """Kept-alive connections to any number of hosts.

    `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are obeyed, and `SSL_CERT_FILE` or
    `REQUESTS_CA_BUNDLE` where a network has certificates of its own.

    Args:
        concurrency: Most connections to one host.
        timeout_s: Longest silence of a server, seconds.
    """

    def __init__(self, concurrency: int, timeout_s: float) -> None:
        bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
        options: dict[str, Any] = {"maxsize": concurrency, "timeout": timeout_s, "ca_certs": bundle}
        proxies = getproxies()
        self._direct = urllib3.PoolManager(**options)
        self._proxied = {
            scheme: urllib3.ProxyManager(address, **options)
            for scheme in ("http", "https")
            if (address := proxies.get(scheme) or proxies.get("all"))
        }

    def of(self, request: Request) -> urllib3.PoolManager:
        """The connections that a request goes over."""
        parts = urlsplit(request.url)
        proxied = self._proxied.get(parts.scheme)
        return self._direct if proxied is None or proxy_bypass(parts.hostname or "") else proxied

    def clear(self) -> None:
        """Close all connections."""
        for manager in (self._direct, *self._proxied.values()):
            manager.clear()
