"""Forms sent to real servers on the loopback address."""

import asyncio

import pytest

from aggregator.errors import FetchError
from aggregator.gather.fetch import Fetcher
from aggregator.settings import FetchSettings


def post(url, form, **settings):
    values = {"allow_private_networks": True, "per_host_delay_seconds": 0, "timeout_seconds": 5} | settings

    async def work():
        async with Fetcher(FetchSettings(**values), "tests/1.0 (+http://localhost/)") as fetcher:
            return await fetcher.send_form(url, form)

    return asyncio.run(work())


def test_a_form_is_sent_and_follows_redirects_that_keep_it(hub):
    hub.is_prompt = False
    other = type(hub)()
    other.status, other.location = 308, hub.url

    answer = post(other.url, {"名": "值 &="})

    assert (202, {"名": "值 &="}, [{"名": "值 &="}]) == (answer.status, other.forms[0], hub.forms)
    other.close()


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_will_do(hub, status):
    hub.status = status
    assert status == post(hub.url, {}).status


@pytest.mark.parametrize(
    ("status", "location", "cause"),
    [(400, None, "status"), (503, None, "status"), (302, "/", "status"), (307, None, "redirect"), (307, "http://[", "redirect"), (307, "file:///etc/passwd", "redirect"), (307, "/hub", "redirect")],
)  # fmt: skip
def test_a_form_that_is_not_taken_is_an_error(hub, status, location, cause):
    hub.status, hub.location = status, location
    with pytest.raises(FetchError) as caught:
        post(hub.url, {})
    assert cause == caught.value.cause


def test_a_form_is_not_sent_to_private_addresses(hub):
    with pytest.raises(FetchError, match="private or reserved"):
        post(hub.url, {}, allow_private_networks=False)
    assert [] == hub.forms
