"""Small real video files and uploads of them, for tests of the way in."""

import base64
import io
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import Project
from annotation.tests import factories

BYTES = "application/offset+octet-stream"


def video(frames: int = 6, *, height: int = 64, width: int = 80, seed: int | None = None) -> bytes:
    """A grey MPEG-4 clip in an AVI: every picture different, no two calls alike."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in factories.noise(frames, height, width, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")))
        container.mux(stream.encode())
    return file.getvalue()


def post_clip(client: Client, project: Project, content: bytes, subject: str = "S1", name: str = "clip.avi") -> Any:
    """Multipart upload in one request."""
    file = SimpleUploadedFile(name, content)
    return client.post(f"/api/projects/{project.pk}/clips", {"file": file, "subject": subject})


def metadata(**values: str) -> str:
    """Upload-Metadata as tus writes it."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def begin(client: Client, project: Project, length: int, subject: str = "S1", **more: str) -> Any:
    """tus creation."""
    headers = {"Upload-Length": str(length), "Upload-Metadata": metadata(**more, subject=subject)}
    return client.post(f"/api/projects/{project.pk}/uploads", headers={**headers, "Tus-Resumable": "1.0.0"})


def patch(client: Client, address: str, offset: int, piece: bytes) -> Any:
    """tus PATCH."""
    return client.patch(address, piece, content_type=BYTES, headers={"Upload-Offset": str(offset)})


def files_under(folder: Path) -> set[str]:
    """The names of all files below a folder, relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
