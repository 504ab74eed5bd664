"""Every refusal a person or a program can meet, as one small tree.

    SonoloopError              400
    ├── BadRequest             400  a field is missing or wrong
    ├── BadMask                400  a label map of the wrong size, mode or labels
    ├── IngestError            400  bytes that cannot become a clip
    ├── Forbidden              403  the person's role does not allow it
    ├── NotFound               404  not there, or not theirs to see
    ├── Conflict               409  the thing is not in a state for this
    │   ├── DuplicateClip      409  the same bytes are here already
    │   └── SplitLeak          409  a subject or near-duplicate on two sides of a split
    ├── StaleRevision          412  somebody saved since
    ├── PreconditionRequired   428  If-Match is missing
    └── Unavailable            503  no answer in time; try again

`api.errors.exception_handler` turns each into `{"error": {"code", "message", "detail"}}`.
A message says what came, what was expected and what to do, and names no patient.
"""

from typing import Any


class SonoloopError(Exception):
    """Base of all refusals: an HTTP status, a code for programs, a sentence for people."""

    status = 400
    code = "error"

    def __init__(self, message: str, detail: dict[str, Any] | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail or {}
        self.code = code or type(self).code


class BadRequest(SonoloopError):
    code = "bad_request"


class BadMask(SonoloopError):
    code = "bad_mask"


class IngestError(SonoloopError):
    code = "not_ingested"


class Forbidden(SonoloopError):
    status = 403
    code = "forbidden"


class NotFound(SonoloopError):
    status = 404
    code = "not_found"


class Conflict(SonoloopError):
    status = 409
    code = "conflict"


class DuplicateClip(Conflict):
    code = "duplicate_clip"


class SplitLeak(Conflict):
    code = "split_leak"


class StaleRevision(SonoloopError):
    status = 412
    code = "stale_revision"


class Unavailable(SonoloopError):
    status = 503
    code = "no_answer"


class PreconditionRequired(SonoloopError):
    status = 428
    code = "if_match_required"
