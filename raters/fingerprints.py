"""What tells two browsers apart within one study: keyed hashes of an address and of a device."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

from raters.quality.fraud import hash_address, hash_fingerprint
from studies.models import Study


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hashes of one browser, in hex; empty where nothing can be known."""

    address_hash: str = ""
    device_hash: str = ""


def fingerprint_of(request: HttpRequest, study: Study) -> Fingerprint:
    """What this browser can be recognised by in this study, and in no other.

    The device is what every request says anyway, the browser's name and languages: nothing is
    drawn, measured or stored in the browser to recognise it.
    """
    salt = _salt_of(study)
    address = _address_of(request)
    device = [request.headers.get(name, "") for name in ("User-Agent", "Accept-Language")]
    return Fingerprint(
        address_hash=hash_address(address, salt=salt) if address else "",
        device_hash=hash_fingerprint("\n".join(device), salt=salt) if device[0] else "",
    )


def _salt_of(study: Study) -> bytes:
    """The study's own secret: without it, all addresses of the internet could be tried."""
    name = f"raters.fingerprints:{study.pk}"
    return hmac.new(settings.SECRET_KEY.encode(), name.encode(), hashlib.sha256).digest()


def _address_of(request: HttpRequest) -> str:
    """Where the request comes from; "" where nobody can tell.

    What a proxy says is believed as far as the settings count proxies. Everybody behind an
    uncounted one on this machine comes from its loopback, which tells nobody apart.
    """
    try:
        address = str(get_adapter(request).get_client_ip(request))
        is_known = not ipaddress.ip_address(address).is_loopback
    except (ImproperlyConfigured, PermissionDenied, ValueError):
        return ""
    return address if is_known else ""
