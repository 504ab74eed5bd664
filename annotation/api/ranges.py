"""One stored file as an answer that can be cut and taken up again (RFC 9110, section 14)."""

import re
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from annotation.api.request import Request

CHUNK = 1 << 20
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def stored_file(
    request: Request, name: str, *, size: int, etag: str, file_name: str, content_type: str
) -> HttpResponseBase:
    """The file, the one range asked for (206), or 416; several ranges at once are answered with the whole file."""
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{file_name}"',
    }
    wanted = _range_of(request, size, etag)
    if wanted is None:
        first, last, status = 0, size - 1, 200
    else:
        first, last, status = *wanted, 206
        if first > last:
            return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingHttpResponse(
        _pieces(name, first, last - first + 1), status=status, headers=headers, content_type=content_type
    )


def _range_of(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """(first, last) byte asked for, both included; first > last when it lies outside; None for the whole file."""
    match = ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    # If-Range: go on only if it is still the file the program began with.
    if match is None or request.headers.get("If-Range", etag) != etag or match.group(0) == "bytes=-":
        return None
    start, end = match.groups()
    if not start:
        return max(0, size - int(end)) if int(end) else size, size - 1
    first, last = int(start), min(int(end), size - 1) if end else size - 1
    if end and int(end) < first:
        return None  # not a range at all
    return first, last


async def _pieces(name: str, first: int, length: int) -> AsyncIterator[bytes]:
    """The trap: under ASGI, Django reads an ordinary iterator to its end before it sends the first byte."""
    file = await sync_to_async(default_storage.open, thread_sensitive=False)(name, "rb")
    try:
        await sync_to_async(file.seek, thread_sensitive=False)(first)
        while length > 0:
            piece = await sync_to_async(file.read, thread_sensitive=False)(min(CHUNK, length))
            if not piece:
                return  # shorter than its row says: the client sees the missing bytes by Content-Length
            length -= len(piece)
            yield piece
    finally:
        file.close()
