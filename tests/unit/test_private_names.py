"""Private names of other packages: all there in the installed releases, or an error says so."""

from __future__ import annotations

from importlib.metadata import version

import httpx
import pytest
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from pytest_lmopt.errors import PackageError
from pytest_lmopt.lm.litellm_loading import load_litellm
from pytest_lmopt.lm.private_names import CLIENTS, LITELLM, PrivateName, missing, require


def _name(module: str = "litellm", attribute: str = "completion", **more: str) -> PrivateName:
    return PrivateName(module=module, attribute=attribute, why="asks a model", **more)


ALL = (*LITELLM, *(name for names in CLIENTS.values() for name in names))


@pytest.mark.parametrize(
    "name", ALL, ids=lambda name: f"{name.module}.{name.attribute} {name.mentions}"
)
def test_the_installed_release_has_every_name(name: PrivateName) -> None:
    """Run at the lowest and at the newest release of each package."""
    assert missing([name]) == []
    assert name.why


@pytest.mark.parametrize(
    "name",
    [
        _name(module="litellm.nowhere"),
        _name(module="nowhere"),
        _name(attribute="nothing"),
        _name(attribute="completion.nothing.deeper"),
        _name(attribute="nothing", formerly="nothing_before"),
        _name(attribute="completion", mentions="an argument it does not have"),
    ],
    ids=["submodule", "package", "attribute", "dotted", "former", "mentions"],
)
def test_a_name_that_is_not_there_is_missing(name: PrivateName) -> None:
    """In whatever part."""
    assert missing([name, _name()]) == [name]
    with pytest.raises(PackageError, match="asks a model"):
        name.owner()


def test_a_missing_name_is_an_error_that_says_what_to_do() -> None:
    """With what was expected, what was found, and in which release."""
    require([_name()])
    with pytest.raises(PackageError) as caught:
        require([_name(), _name(attribute="nothing")])
    installed = version("litellm")
    assert str(caught.value) == (
        f"the installed litellm {installed} can't be used: expected litellm.nothing (asks a "
        f"model), found no such name. Install an older release: pip install "
        f"'litellm<{installed}', or a newer pytest-lmopt"
    )


def test_a_name_may_have_had_another_one_in_older_releases() -> None:
    """The newer one wins where both are there."""
    held = _name(
        module=AsyncHTTPHandler.__module__,
        attribute="AsyncHTTPHandler.gone",
        formerly="AsyncHTTPHandler.post",
    )
    assert held.owner() == (AsyncHTTPHandler, "post")


def test_a_table_holds_each_name_once() -> None:
    """Two reasons for one name belong into one entry."""
    names = [(name.module, name.attribute, name.mentions) for name in ALL]
    assert len(names) == len(set(names))


def test_litellm_downloads_nothing_that_it_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither prices, nor the names of headers that Anthropic's models take."""
    from litellm.anthropic_beta_headers_manager import get_beta_headers_config
    from litellm.litellm_core_utils.get_model_cost_map import get_model_cost_map

    asked: list[object] = []

    def send(_: object, request: httpx.Request, **__: object) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(404, request=request)

    load_litellm()
    monkeypatch.setattr("httpx.Client.send", send)
    assert get_beta_headers_config("https://nowhere.invalid/headers.json")
    assert get_model_cost_map("https://nowhere.invalid/prices.json")
    assert asked == []
