"""What a file is, is told by its content."""

import io
import zipfile
from pathlib import Path

import pytest

from annotation.ingest.errors import NotAVideo, NotSupported
from annotation.ingest.sniff import refusal, sniff, sniff_bytes


@pytest.mark.parametrize(
    ("pattern", "kind", "av_format"),
    [
        ("video_*/*.mp4", "video", "mov"),
        ("video_*/*.MP4", "video", "mov"),
        ("video_*/*.mov", "video", "mov"),
        ("video_*/*.avi", "video", "avi"),
        ("video_*/*.mpeg", "video", "mpeg"),
        ("video_*/*.gif", "gif", "gif"),
        ("odd_files/video/*", "video", "mov"),
        ("odd_files/image/*.gif", "gif", "gif"),
        ("odd_files/image/*.png", "still", None),
        ("odd_files/image/*.jpg", "still", None),
        ("odd_files/image/*.tif", "still", None),
        ("dicom_us/*.dcm", "dicom", None),
        ("odd_files/dicom/MR_truncated.dcm", "dicom", None),  # its preamble begins like a TIFF
    ],
)
def test_real_files_are_known_by_content(shared_data: Path, pattern, kind, av_format):
    files = sorted(shared_data.glob(pattern))
    assert files
    for file in files:
        sniffed = sniff(file)
        assert (sniffed.kind, sniffed.av_format) == (kind, av_format), file.name


@pytest.mark.parametrize(
    ("head", "kind", "av_format"),
    [
        (b"\x00\x00\x01\xb3\x14\x00", "video", "mpegvideo"),
        ((b"\x47" + bytes(187)) * 4, "video", "mpegts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 4, "video", "mpegts"),
        (b"\x1aE\xdf\xa3\x01\x00", "video", "matroska"),
        (b"\x00\x00\x00\x08wide\x00\x00", "video", "mov"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video", "avi"),
        (b"PK\x03\x04\x14\x00", "zip", None),
        (b"BM" + bytes(4) + bytes(4) + bytes(20), "still", None),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "dicom", None),
    ],
)
def test_signatures_without_a_sample_file(head, kind, av_format):
    sniffed = sniff_bytes(head)
    assert (sniffed.kind, sniffed.av_format) == (kind, av_format)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty (0 bytes)"),
        (b"ffconcat version 1.0\nfile 'clip.mp4'\n", "a text list"),
        (b"file 'clip.mp4'\nfile 'b.mp4'\n", "a text list"),
        (b"\xef\xbb\xbf#EXTM3U\n#EXT-X-VERSION:3\nclip.ts\n", "a text list"),
        (b"Dear colleague,\nthe clip is attached.\n", "a text file"),
        ("Überweisung für Frau M.\n".encode(), "a text file"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a sound file"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC or AVIF"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9", "Windows Media"),
        (bytes(range(256)), "of a kind nobody here knows"),
    ],
)
def test_what_is_no_video_is_refused_in_words(tmp_path: Path, content, said):
    file = tmp_path / "clip.mp4"
    file.write_bytes(content)
    sniffed = sniff(file)
    assert sniffed.kind == "unknown"
    error = refusal(sniffed)
    assert isinstance(error, NotAVideo)
    assert said in error.message
    assert error.message.endswith("Nothing was stored.")
    assert error.message.count("Nothing was stored.") == 1


def test_dicom_is_refused_with_advice():
    error = refusal(sniff_bytes(bytes(128) + b"DICM"))
    assert isinstance(error, NotSupported)
    assert "export the clip" in error.message


def test_a_zip_is_known_even_when_empty():
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    assert sniff_bytes(buffer.getvalue()).kind == "zip"
