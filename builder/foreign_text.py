"""Messages of other libraries in words: without colour codes, tracebacks, advice for their developers, or addresses.

An exception of torch or of a converter is the cause of a message of ours, which says what happened and where. Its own
text is read first: some of it is for people who work on that library.
"""

from __future__ import annotations

import re

MAX_LENGTH = 240
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# From here on a text is about the library's inside.
_INSIDE = re.compile(
    r"Traceback \(most recent call last\)|Exception raised from|C\+\+ CapturedTraceback|Next steps:|Debug info:|"
    r"\(Triggered internally|Stack trace:|Graph info:|Failure message:|While executing|Original traceback|"
    r"The above exception|From user code|Suggested fixes|\n\s*File \"",
    re.IGNORECASE,
)
# A sentence with one of these is advice for developers of the library, or where they discuss it.
_ADVICE = re.compile(
    r"pull request|\bPR\b|submit|open an issue|file an? (issue|bug)|report (this|a bug|the)|https?://|github|TORCH_\w+|"
    r"TORCHDYNAMO|CUDA_LAUNCH_BLOCKING|step \d/\d|stack ?trace|backtrace|bug in |please report|"
    r"set the environment|verbose=True|report=True",
    re.IGNORECASE,
)
_OPERATION = re.compile(r"<OpOverload\(op='([\w.:]+)'(?:, overload='\w*')?\)>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_KNOWN = (
    (re.compile(r"No ONNX function found for ([\w:]+(?:\.[\w:]+)*).*", re.DOTALL), r"ONNX has no operation for \1."),
)


def in_words(error: BaseException) -> str:
    """The first cause of an exception of another library, as one or a few sentences."""
    seen = {id(error)}
    while error.__cause__ is not None and id(error.__cause__) not in seen:
        error = error.__cause__
        seen.add(id(error))
    return cleaned(str(error)) or f"{type(error).__name__}."


def cleaned(text: str) -> str:
    """What is of use to a reader in the message of another library; empty: nothing."""
    text = _CONTROL.sub(" ", _COLOUR.sub("", text)).strip()
    text = _ADDRESS.sub("", _OPERATION.sub(r"\1", text))
    for pattern, words in _KNOWN:
        text = pattern.sub(words, text)
    inside = _INSIDE.search(text)
    text = text[: inside.start()] if inside else text
    parts = re.split(r"(?<=[.!?])\s+|\n+", text)
    kept = [" ".join(part.split()) for part in parts if part.strip() and not _ADVICE.search(part)]
    words = ". ".join(part.rstrip(".") if number < len(kept) - 1 else part for number, part in enumerate(kept))
    words = words.strip(" -•*:,;")
    if len(words) > MAX_LENGTH:
        words = words[:MAX_LENGTH].rsplit(" ", 1)[0] + " …"
    return words if not words or words[-1] in ".!?…" else f"{words}."
