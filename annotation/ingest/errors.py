"""Why an upload could not become a clip: one class per reason, each message a sentence for people.

    annotation.errors.IngestError
    ├── NotAVideo        what came is something else (text, sound, an archive of another kind …)
    ├── NotSupported     a picture or video we know and do not read (DICOM for now, 16 bits, CMYK …)
    ├── Damaged          the right kind of file, but no frame of it can be trusted
    ├── SizeChanges      the picture size changes inside one clip
    ├── TooLarge         a limit of size, count, memory or total pixels
    ├── DecodeTimeout    the time limit
    ├── DecoderStopped   the child process died
    └── NoSpace          the disk is full: nobody's file is at fault

The child process sends the code and the sentence; `from_code` rebuilds the class in the parent.
"""

from annotation.errors import IngestError

NOTHING_STORED = " Nothing was stored."


class Refused(IngestError):
    """Base of the reasons below. Every message ends with what became of the upload."""

    def __init__(self, message: str) -> None:
        super().__init__(message.removesuffix(NOTHING_STORED) + NOTHING_STORED)


class NotAVideo(Refused):
    code = "not_a_video"


class NotSupported(Refused):
    code = "not_supported"


class Damaged(Refused):
    code = "damaged"


class SizeChanges(Refused):
    code = "size_changes"


class TooLarge(Refused):
    code = "too_large"


class DecodeTimeout(Refused):
    code = "decode_timeout"


class DecoderStopped(Refused):
    code = "decoder_stopped"


class NoSpace(Refused):
    code = "no_space"


_BY_CODE: dict[str, type[IngestError]] = {
    kind.code: kind
    for kind in (
        NotAVideo, NotSupported, Damaged, SizeChanges, TooLarge, DecodeTimeout, DecoderStopped, NoSpace
    )
}  # fmt: skip


def from_code(code: str, message: str) -> IngestError:
    """The error a child process reported. Raises KeyError for a code nobody defined."""
    return _BY_CODE[code](message)
