# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Opens an octoDNS provider from its settings, and says in a sentence what it complains about. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_known import KNOWN, known, read_strictly
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied

REQUESTS_ERROR = ""
try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry
except ImportError as missing:
    REQUESTS_ERROR = str(missing)
    HTTPAdapter = object  # type: ignore[misc,assignment]

HTTP_TIMEOUT = 30  # for providers that would wait for ever
_SECRET = re.compile(r"key|token|secret|password|credential", re.I)
_ENVIRONMENT = "env/"  # as in octoDNS: the value is in this variable of the environment


class RefusedError(ValueError):
    """What we do not do, as a sentence or the end of one."""


def open_provider(place: BackendSettings) -> Any:
    path = f"dns.backends.{place.name}"
    found = known(place)
    module, _dot, name = found.path.rpartition(".")
    try:
        provider_class = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise RefusedError(
            f"{path}.provider: {found.path} cannot be loaded ({error}). Remedy: install {found.package} beside "
            f"ansible-core, for example with pip install {found.package}, or name one of {', '.join(KNOWN)}."
        ) from None
    # What the providers log is said by the task; without a handler Python would print it between its lines.
    logging.getLogger().addHandler(logging.NullHandler())
    settings = {**found.defaults, **_resolved(f"{path}.settings", place.settings)}
    try:
        provider = provider_class(place.name, **settings)
    except Exception as error:  # every class has its own
        text = _scrubbed(str(error) or type(error).__name__, settings)
        raise RefusedError(f"{path}.settings: {name} does not take them: {text}. Remedy: see its README.") from None
    read_strictly(provider)
    for session in _sessions(provider):
        session.mount("https://", _Patient())
        session.mount("http://", _Patient())
    return provider


def _resolved(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found[name] = _resolved(f"{path}.{name}", value)
        elif isinstance(value, str) and value.startswith(_ENVIRONMENT):
            variable = value[len(_ENVIRONMENT) :]
            if not os.environ.get(variable):
                raise RefusedError(f"{path}.{name}: the controller's environment has no {variable}. Remedy: export it.")
            found[name] = os.environ[variable]
        else:
            found[name] = str(value) if isinstance(value, str) else value  # without Ansible's tags
    return found


def _scrubbed(text: str, settings: Mapping[str, Any]) -> str:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            text = _scrubbed(text, value)
        elif isinstance(value, str) and len(value) > 3 and _SECRET.search(name):
            text = text.replace(value, "***")
    return " ".join(text.split()).rstrip(".")


class _Patient(HTTPAdapter):
    """Never waits for ever, and asks again when only reading."""

    def __init__(self) -> None:
        super().__init__(
            max_retries=Retry(
                total=2,
                backoff_factor=0.5,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=frozenset({"GET"}),
                respect_retry_after_header=False,
                raise_on_status=False,
            )
        )

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        return super().send(request, **{**options, "timeout": options.get("timeout") or HTTP_TIMEOUT})


def _sessions(thing: Any, depth: int = 3) -> Iterator[Any]:
    """The HTTP sessions that a provider, its client, or its client's client holds."""
    for value in vars(thing).values() if depth and hasattr(thing, "__dict__") else ():
        if not REQUESTS_ERROR and isinstance(value, requests.Session):
            yield value
        elif type(value).__module__.partition(".")[0].startswith(("octodns", "ovh", "hcloud")):
            yield from _sessions(value, depth - 1)


def explain(place: BackendSettings, error: Exception) -> Applied:
    """What an exception of a provider means for the change that was under way."""
    status, names = _status(error), " ".join(kind.__name__ for kind in type(error).__mro__)
    text = _scrubbed(str(error), {**place.settings, **_resolved_quietly(place.settings)})[:300]
    again = "a re-run completes what is missing"
    if status == 429 or re.search(r"RateLimit|Throttl", f"{names} {text}", re.I):
        what, remedy = "answers 429 (too many requests)", f"run again in some minutes; {again}"
        return _applied(place, what, remedy, unknown=True, away=True)
    if status in (401, 403) or re.search(r"Unauthor|Authentication|Forbidden|Credential", f"{names} {text}", re.I):
        return _applied(place, f"rejects the credentials ({text})", f"correct dns.backends.{place.name}.settings")
    if isinstance(error, TimeoutError) or "Timeout" in names:
        remedy = f"look whether its API is slow or down; {again}"
        return _applied(place, "did not answer in time", remedy, unknown=True, away=True)
    if status >= 500 or "5xx" in names:
        return _applied(place, f"answers {status or '5xx'} ({text})", f"look whether its API is down; {again}", True)
    if "Connection" in names or (isinstance(error, OSError) and not status):
        remedy = f"check the address in dns.backends.{place.name}.settings and the way there; {again}"
        return _applied(place, f"cannot be reached ({text})", remedy, unknown=True, away=True)
    return _applied(place, f"answers with an error ({type(error).__name__}: {text})", "correct what it names")


def _applied(place: BackendSettings, what: str, remedy: str, unknown: bool = False, away: bool = False) -> Applied:
    problem = f"DNS backend {place.name} ({place.provider}) {what}. Remedy: {remedy}."
    return Applied(unknown=unknown, away=away, problem=problem, atomic=known(place).atomic)


def _resolved_quietly(settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return _resolved("", settings)
    except RefusedError:
        return {}


def _status(error: Exception) -> int:
    """The HTTP status, wherever the provider's library keeps it; 0: there is none."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = getattr(response, "status_code", response)
    if code is None:  # hcloud
        code = {"rate_limit_exceeded": 429, "unauthorized": 401, "forbidden": 403}.get(
            str(getattr(error, "code", "")), getattr(error, "code", 0)
        )
    return code if isinstance(code, int) else 0
