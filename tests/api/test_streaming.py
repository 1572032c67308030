"""Streams go out block by block, under ASGI too, and close what they read from."""

import asyncio
import io
from collections.abc import Iterator

import pytest

from portal.api.streaming import BLOCK, Slice, attachment

pytestmark = pytest.mark.django_db  # closing a response ends a request, which looks after the database


class Source(Iterator[bytes]):
    """A thousand blocks; counts those taken."""

    taken = 0
    closed = False

    def __next__(self) -> bytes:
        self.taken += 1
        if self.taken > 1000:
            raise StopIteration
        return b"block"

    def close(self) -> None:
        self.closed = True


def test_under_asgi_no_block_is_read_before_its_turn() -> None:
    source = Source()
    response = attachment("a.bin", "application/octet-stream", source)

    async def two_blocks() -> list[bytes]:
        blocks = aiter(response)
        return [await anext(blocks), await anext(blocks)]

    assert asyncio.run(two_blocks()) == [b"block", b"block"]
    assert source.taken == 2
    response.close()
    assert source.closed


def test_under_asgi_all_of_it_arrives() -> None:
    body = bytes(range(256)) * (3 * BLOCK // 256) + b"end"
    response = attachment("a.bin", "text/plain", Slice(io.BytesIO(body), 0, len(body)))

    async def all_blocks() -> list[bytes]:
        return [block async for block in response]

    blocks = asyncio.run(all_blocks())
    assert b"".join(blocks) == body
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, BLOCK, 3]


def test_a_slice_closes_its_reader_though_nobody_read() -> None:
    reader = io.BytesIO(b"0123456789")
    response = attachment("a b.txt", "text/html", Slice(reader, 2, 3))
    response.close()
    assert reader.closed
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert b"".join(Slice(io.BytesIO(b"0123456789"), 2, 3)) == b"234"
