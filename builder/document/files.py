"""Reads a document from a file, JSON text or a dictionary, and writes it as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builder.document import migrate, validation
from builder.document.model import Document
from builder.problems import DocumentError, Problem

MAX_BYTES = 5_000_000


def load(source: str | bytes | Path | dict[str, Any]) -> Document:
    """Read a document from a file's path, from JSON text or from a dictionary. No code in it is executed.

    Raises:
        DocumentError: the source is not a valid document; `.problems` lists everything wrong with it.
    """
    data = migrate.upgrade(_parse(source))
    document = validation.read(data)
    problems = validation.problems(document)
    if problems:
        raise DocumentError(problems)
    return document


def dump(document: Document) -> str:
    """The document as JSON text, stable: `dump(load(dump(d))) == dump(d)`. Defaults are left out."""
    data = document.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return json.dumps({"format": document.format, **data}, ensure_ascii=False, indent=1) + "\n"


def _refuse(message: str) -> DocumentError:
    return DocumentError([Problem("N001", "error", None, message, category="file")])


def _parse(source: str | bytes | Path | dict[str, Any]) -> dict[str, Any]:
    """JSON text, a path or a dictionary → a dictionary, or DocumentError in one sentence."""
    if isinstance(source, dict):
        return source
    text = _text(source)
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        cut_off = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        hint = " The file seems to be cut off." if cut_off else ""
        raise _refuse(f"This is not a Netloom document: at {where} the JSON is broken ({error.msg}).{hint}") from None
    except (ValueError, RecursionError) as error:
        raise _refuse(f"This is not a Netloom document: its JSON cannot be read ({str(error)[:120]}).") from None
    if not isinstance(data, dict):
        raise _refuse(f"This is not a Netloom document: expected a JSON object, got {type(data).__name__}.")
    return data


def _text(source: str | bytes | Path) -> str:
    if isinstance(source, Path) or (isinstance(source, str) and "\n" not in source and not _looks_like_json(source)):
        path = Path(source)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise _too_large(path.stat().st_size)
            with path.open("rb") as file:
                source = file.read(MAX_BYTES + 1)  # a device file has the size 0 and no end
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise _refuse(f"{str(path)[:200]} cannot be read: {reason}.") from None
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _too_large(size)
    if isinstance(source, str):
        return source
    try:
        return bytes(source).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refuse("This is not a Netloom document: it is not text in UTF-8.") from None


def _looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[", '"') or not text.strip()


def _too_large(size: int) -> DocumentError:
    return _refuse(f"The file has {size / 1e6:.1f} MB; a document may have {MAX_BYTES / 1e6:.0f} MB at most.")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")
