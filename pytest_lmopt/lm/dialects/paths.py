"""The paths of requests, and the models that some of them name."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from pytest_lmopt.lm.dialects.protocol import HttpRequest

_FORM_MODEL = re.compile(rb'name="model"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)')
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")


def path_of(request: HttpRequest) -> str:
    """Return a request's path without a slash at its end."""
    try:
        return urlsplit(request.url).path.rstrip("/")
    except ValueError:
        return ""


def deployment(request: HttpRequest) -> str:
    """Find the deployment in an Azure path; empty elsewhere."""
    found = _DEPLOYMENT.search(path_of(request))
    return unquote(found[1]) if found else ""


def model_in_path(request: HttpRequest) -> str:
    """Find the model in ``/models/<m>:generateContent`` or ``/model/<m>/converse``, if any."""
    path = path_of(request)
    for mark, end in (("/models/", ":"), ("/model/", "/")):
        _, found, rest = path.rpartition(mark)
        if found:
            return unquote(rest.rpartition(end)[0] or rest)
    return deployment(request)


def model_in_form(request: HttpRequest) -> str:
    """Find the model in a form of several parts, such as an uploaded sound; empty elsewhere."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return ""
    found = _FORM_MODEL.search(request.body)
    return found[1].decode("utf-8", "replace") if found else ""
