"""A program's view of a running Sonoloop: the API over a real socket, with a real token."""

import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Answer:
    """Status, headers (names in lower case) and bytes of one answer, whatever the status."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """Signs in, makes a token, and then speaks as a program does."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self.headers: dict[str, str] = {}
        signed_in = self.call("POST", "/api/auth/login", {"username": username, "password": password})
        assert signed_in.status == 200, signed_in.body
        cookies = [value for name, value in signed_in.headers.items() if name == "set-cookie"]
        self.headers = {
            "Cookie": "; ".join(each.split(";")[0] for each in cookies[0].split("\n")),
            "X-CSRFToken": signed_in.json()["csrf_token"],
        }
        token = self.call("POST", "/api/tokens", {"name": "tests"})
        assert token.status == 201, token.body
        self.headers = {"Authorization": f"Bearer {token.json()['token']}"}

    def call(self, method: str, path: str, body: bytes | dict[str, Any] | None = None, **headers: str) -> Answer:
        """One request. A dict is sent as JSON. Header names come with underscores: If_Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers={**self.headers, **sent})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _answer(response)
        except urllib.error.HTTPError as refused:
            return _answer(refused)

    def upload(self, project: int, path: Path, subject: str) -> Answer:
        """Multipart upload of one file."""
        edge = uuid.uuid4().hex
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="subject"\r\n\r\n{subject}\r\n'.encode(),
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="clip"\r\n'.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n" + path.read_bytes() + b"\r\n",
            f"--{edge}--\r\n".encode(),
        ]
        return self.call(
            "POST",
            f"/api/projects/{project}/clips",
            b"".join(parts),
            Content_Type=f"multipart/form-data; boundary={edge}",
        )

    def wait_for_job(self, job: int, *, within_s: float = 120) -> dict[str, Any]:
        """The job once it has ended."""
        give_up_at = time.monotonic() + within_s
        while True:
            row: dict[str, Any] = self.call("GET", f"/api/jobs/{job}").json()
            if row["state"] not in ("queued", "running"):
                return row
            assert time.monotonic() < give_up_at, f"waited {within_s} s for {row}"
            time.sleep(0.2)


def _answer(response: Any) -> Answer:
    headers: dict[str, str] = {}
    for given, value in response.headers.items():
        name = given.lower()
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    return Answer(response.status, headers, response.read())
