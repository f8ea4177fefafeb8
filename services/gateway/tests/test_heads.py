"""HEAD answers as GET does, without the body."""

import pytest

from csp_testing.screens import OPERATION, SUBSCRIPTION

OF_BOTH = ("content-type", "content-length", "etag", "ratelimit-policy")


@pytest.mark.parametrize(
    "path", ["/subscriptions", f"/subscriptions/{SUBSCRIPTION}", "/subscriptions/unknown", "/openapi.json"]
)
async def test_a_head_has_the_status_and_the_headers_of_a_get(surfaces, path):
    _, client = surfaces["reseller"]
    shown, head = await client.get(path), await client.head(path)
    assert head.status_code == shown.status_code
    assert head.content == b""
    for name in OF_BOTH:
        assert head.headers.get(name) == shown.headers.get(name)


async def test_what_is_not_modified_is_not_modified_for_a_head_either(surfaces):
    _, client = surfaces["reseller"]
    path = f"/subscriptions/{SUBSCRIPTION}"
    etag = (await client.head(path)).headers["ETag"]
    assert (await client.head(path, headers={"If-None-Match": etag})).status_code == 304


async def test_a_stream_ends_with_its_head(surfaces):
    _, client = surfaces["reseller"]
    head = await client.head(f"/operations/{OPERATION}/events")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"].startswith("text/event-stream")


async def test_what_has_no_get_refuses_a_head_too(surfaces):
    _, client = surfaces["reseller"]
    assert (await client.head("/orders")).status_code == (await client.get("/orders")).status_code == 405
