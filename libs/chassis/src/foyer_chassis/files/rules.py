"""Which files are taken in, and what they are called. Pure, for domains to import."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from ..errors import ConflictError, InvalidError, Problem, UnavailableError

MEBIBYTE = 1024 * 1024
#: Whatever the settings allow, no file is larger.
MOST_FILE_BYTES = 100 * MEBIBYTE
#: Of a name in UTF-8: what file systems take is 255, and a browser adds " (1)" and the like.
MOST_NAME_BYTES = 200

_OFFICE = "application/vnd.openxmlformats-officedocument"
#: Media types that can be told from content, each with the endings that its names may have, the usual one first.
#: Nothing that a browser would run: neither HTML nor SVG.
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/gif": (".gif",),
    "image/heic": (".heic", ".heif"),
    "image/tiff": (".tif", ".tiff"),
    f"{_OFFICE}.wordprocessingml.document": (".docx",),
    f"{_OFFICE}.spreadsheetml.sheet": (".xlsx",),
    "application/msword": (".doc",),
    "application/vnd.ms-excel": (".xls",),
    "application/vnd.oasis.opendocument.text": (".odt",),
    "application/vnd.oasis.opendocument.spreadsheet": (".ods",),
    "application/zip": (".zip",),
    "video/mp4": (".mp4",),
    "text/plain": (".txt", ".log"),
    "text/csv": (".csv",),
}
#: These have no signature: any UTF-8 without control characters that no text has is what it says it is.
TEXTS = frozenset({"text/plain", "text/csv"})
DEFAULT_TYPES = (
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    f"{_OFFICE}.wordprocessingml.document",
    f"{_OFFICE}.spreadsheetml.sheet",
    "text/plain",
    "text/csv",
)


class FileTooLargeError(Problem):
    """The file is larger than is allowed; `limit_bytes` says how large it may be."""

    status = 413
    title_en = "The file is too large"
    title_ru = "Файл слишком большой"


class FileTypeNotAllowedError(Problem):
    """Files of this media type are not taken; `allowed` has those that are."""

    status = 415
    title_en = "This type of file is not accepted"
    title_ru = "Файлы такого типа не принимаются"


class FileTypeMismatchError(InvalidError):
    """The content is not what Content-Type says."""

    title_en = "The file is not what it says it is"
    title_ru = "Содержимое файла не соответствует его типу"


class EmptyFileError(InvalidError):
    """The file has no content."""

    title_en = "The file is empty"
    title_ru = "Файл пустой"


class TooManyFilesError(ConflictError):
    """There are as many files as there may be; remove one first."""

    title_en = "Too many files"
    title_ru = "Слишком много файлов"


class UploadInterruptedError(Problem):
    """The file did not arrive whole or in time; nothing of it is kept. Send it again."""

    status = 408
    title_en = "The upload was interrupted"
    title_ru = "Загрузка прервалась"


class StorageUnavailableError(UnavailableError):
    """The files cannot be reached now; try again soon."""

    title_en = "Files cannot be reached"
    title_ru = "Файлы сейчас недоступны"


@dataclass(frozen=True, slots=True)
class FileRules:
    """Attributes:
    most_bytes: of one file.
    most_files: of one thing that they are attached to.
    types: media types, of those in `ENDINGS`.
    upload_time: how long one upload may take.
    lease: how long a row that is neither complete nor gone is left to whoever works on it; longer than an upload.
    """

    most_bytes: int
    most_files: int
    types: tuple[str, ...]
    upload_time: timedelta
    lease: timedelta


def media_type_of(content_type: str | None) -> str:
    """The media type of a Content-Type header, without its parameters."""
    return (content_type or "").partition(";")[0].strip().lower()


def check_allowed(media_type: str, rules: FileRules) -> None:
    """Raises FileTypeNotAllowedError."""
    if media_type not in rules.types:
        raise FileTypeNotAllowedError(media_type=media_type, allowed=sorted(rules.types))


def check_content(declared: str, sniffed: str | None) -> None:
    """`sniffed`: what the signature says; None: it has none that is known.

    Raises FileTypeMismatchError.
    """
    if sniffed != (None if declared in TEXTS else declared):
        raise FileTypeMismatchError(declared=declared, content=sniffed or "unknown")


def clean_name(name: str, media_type: str) -> str:
    """A name that is safe in a header and on any disk, and ends as its type does.

    Folders, control characters and those that turn the direction of writing are dropped; "act.pdf.exe" that is a PDF
    becomes "act.pdf.exe.pdf".
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    text = "".join("_" if sign in '<>:"|?*' else sign for sign in text if _is_writing(sign))
    text = " ".join(text.split()).rstrip(". ")
    endings = ENDINGS[media_type]
    ending = PurePosixPath(text).suffix.lower()
    if ending in endings:
        stem = text[: -len(ending)]
    else:
        stem = "" if text.lower() in endings else text
        ending = endings[0]
    room = MOST_NAME_BYTES - len(ending)
    stem = stem.encode()[:room].decode(errors="ignore").strip(". ")
    return (stem or "file") + ending


def _is_writing(sign: str) -> bool:
    """Not a control or format character, nor half of one, nor one without a meaning."""
    return sign.isspace() or not unicodedata.category(sign).startswith("C")
