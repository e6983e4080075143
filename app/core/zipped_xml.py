"""Office files are archives of XML, and strangers send them: what to know before one is read."""

import zipfile


def unpacked_bytes(archive: zipfile.ZipFile) -> int:
    """By what its directory says; a part that holds more than that is not read to its end."""
    return sum(part.file_size for part in archive.infolist())


def declares_types(archive: zipfile.ZipFile) -> bool:
    """Whether any part has a DTD, in which entities could be defined: office programs write none.

    Whatever a part is called, a relationship can point to it. XML may be UTF-16, in which the same
    letters stand between NULs.
    """
    return any(
        b"<!DOCTYPE" in archive.read(part).replace(b"\x00", b"") for part in archive.infolist()
    )
