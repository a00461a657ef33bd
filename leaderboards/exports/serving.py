"""Answers with an export's file, or with the part of it that a client still lacks.

Ranges are those of RFC 9110, section 14: one range of bytes; several at once are answered with
the whole file, which a client has to bear.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import IO, Final, Self

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control

from leaderboards.models import Export
from leaderboards.services.exports import open_export

CHUNK_BYTES: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True)
class Span:
    """Bytes of a file, from `first` to before `end`."""

    first: int
    end: int


def file_name_of(export: Export) -> str:
    """What the file is called where it is saved."""
    kind = "release" if export.is_release else "full"
    return f"{export.study.slug}-{kind}-{export.asked_at:%Y%m%d}-{export.format}.zip"


def answer_file(request: HttpRequest, export: Export) -> HttpResponseBase:
    """The file, or the range that is asked for; 416 where there is no such part of it.

    Raises ExportError where the file is not there.
    """
    etag, size = f'"{export.sha256}"', export.size or 0
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{file_name_of(export)}"',
        "X-Content-Type-Options": "nosniff",
    }
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    span = _span(request, etag, size)
    if response is not None:
        for name, value in headers.items():
            response[name] = value
    elif span is None:
        headers["Content-Range"] = f"bytes */{size}"
        response = HttpResponse(status=416, headers=headers, content_type="text/plain")
    else:
        response = _stream(request, open_export(export), span, size, headers)
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _stream(
    request: HttpRequest, file: IO[bytes], span: Span, size: int, headers: dict[str, str]
) -> HttpResponseBase:
    is_whole = span == Span(0, size)
    if not is_whole:
        headers["Content-Range"] = f"bytes {span.first}-{span.end - 1}/{size}"
    headers["Content-Length"] = str(span.end - span.first)
    status = 200 if is_whole else 206
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers, content_type="application/zip")
    # A server of the asynchronous kind would else read the whole file into memory first.
    part = _WaitingPart if isinstance(request, ASGIRequest) else _Part
    return StreamingHttpResponse(
        part(file, span), status=status, headers=headers, content_type="application/zip"
    )


def _span(request: HttpRequest, etag: str, size: int) -> Span | None:
    """What is asked for; None for a range that the file does not have."""
    whole = Span(0, size)
    if request.headers.get("If-Range", etag) != etag:
        return whole
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or not (asked[1] or asked[2]):
        return whole
    if not asked[1]:
        return Span(max(size - int(asked[2]), 0), size) if int(asked[2]) and size else None
    first = int(asked[1])
    end = min(int(asked[2]) + 1, size) if asked[2] else size
    if asked[2] and int(asked[2]) < first:
        # No range at all, which is to be ignored.
        return whole
    return Span(first, end) if first < size else None


class _Part:
    """A part of a file, piece by piece; closed even where nobody reads it to its end."""

    def __init__(self, file: IO[bytes], span: Span) -> None:
        file.seek(span.first)
        self._file, self._left = file, span.end - span.first

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        chunk = self._file.read(min(CHUNK_BYTES, self._left)) if self._left else b""
        if not chunk:
            self.close()
            raise StopIteration
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


class _WaitingPart:
    """The same for servers of the asynchronous kind: read in a thread."""

    def __init__(self, file: IO[bytes], span: Span) -> None:
        self._part = _Part(file, span)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await asyncio.to_thread(next, self._part, b"")
        if not chunk:
            raise StopAsyncIteration
        return chunk

    def close(self) -> None:
        self._part.close()
