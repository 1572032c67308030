"""Bytes that leave in blocks, with flat memory under ASGI and WSGI alike, as a file to keep and never to open in
place."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, BinaryIO, cast

from asgiref.sync import sync_to_async
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

BLOCK = 1024 * 1024


class BlockResponse(StreamingHttpResponse):
    """Streams a synchronous iterator block by block: under ASGI Django would gather all of it in memory first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        blocks = cast(Iterator[bytes], self.streaming_content)
        while block := await sync_to_async(lambda: next(blocks, b""))():
            yield block


def attachment(name: str, content_type: str, blocks: Iterator[bytes], **options: Any) -> BlockResponse:
    """A download called `name`. Whatever it holds, a browser saves it and runs nothing of it."""
    response = BlockResponse(blocks, content_type=content_type, **options)
    harmless(response, name)
    return response


def harmless(response: HttpResponseBase, name: str) -> None:
    """Headers that make any content a file to be saved, in no origin of ours."""
    printable = "".join(character if character.isprintable() else "_" for character in name)
    response["Content-Disposition"] = content_disposition_header(True, printable) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"


class Slice(Iterator[bytes]):
    """`length` bytes of a seekable reader from `start`, in blocks. Closes the reader when it is closed, which a
    response does with what it streams; a generator that was never begun could not."""

    def __init__(self, source: BinaryIO, start: int, length: int) -> None:
        self._source = source
        self._left = length
        source.seek(start)

    def __next__(self) -> bytes:
        block = self._source.read(min(BLOCK, self._left)) if self._left else b""
        if not block:
            raise StopIteration
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._source.close()
