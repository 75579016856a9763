"""What a schema does to texts: tokens, a vocabulary of the training part, and numbers.

The functions stand on their own: training, new texts and the exported train.py use the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.data.tokens import cut, most_frequent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SPECIAL = ("<pad>", "<unk>")  # the first tokens of a vocabulary, as `vocabulary_of` has them


def text_of(content: bytes, encoding: str = "", other: str = "cp1252") -> str | None:
    """The text in a file of a chosen encoding, or of UTF-8, UTF-16 or UTF-32, marked as such or not, else of the other
    one. Bytes that stand for nothing become U+FFFD. None: it is no text."""
    import codecs

    marks = [(codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")]
    marks += [(codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]
    name = encoding or next((name for mark, name in marks if content.startswith(mark)), "")
    nuls = content.count(0)
    if not name and nuls > 0.2 * len(content):
        name = "utf-16-le" if content[1::2].count(0) > content[::2].count(0) else "utf-16-be"
    if name:
        text = content.decode(name, "replace").removeprefix("\ufeff")
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:  # a few damaged bytes make no other encoding of it
            valid = content.decode("utf-8", "ignore")
            lost = len(content) - len(valid.encode())
            special = sum(character > "\x7f" for character in valid)
            text = content.decode("utf-8" if special > 2 * lost else other, "replace")
    controls = sum(text.count(chr(code)) for code in range(32) if code not in (9, 10, 11, 12, 13, 26, 27))
    return None if controls > len(text) / 50 else text.replace("\r\n", "\n").replace("\r", "\n")


def is_table(name: str, endings: tuple[str, ...]) -> bool:
    """Whether a file is a table with a text in each row, by its ending; others hold one text."""
    return name.lower().endswith(endings)


def column_of_texts(names: list[str], wanted: str) -> str:
    """The column of a table that holds the texts: the wanted one, else "text", else the only one.

    ValueError: none of these is there.
    """
    for name in (wanted, "text"):
        if name in names:
            return name
    if len(names) != 1:
        shown = ", ".join(map(str, names))[:200]
        raise ValueError(f"it has no column {wanted!r}, which the texts are read from; its columns are {shown}")
    return names[0]


def text_in_file(path: str, encoding: str = "", other: str = "cp1252") -> str:
    """The text of a file, see `text_of`. ValueError: it holds none."""
    with open(path, "rb") as opened:  # noqa: PTH123
        text = text_of(opened.read(), encoding, other)
    if text is None:
        raise ValueError("it is no text: it holds bytes that stand for no character")
    if not text.strip():
        raise ValueError("it is empty")
    return text


def tokens_of(text: str, tokens: str, lower: bool) -> list[str]:
    """A text as tokens, words cut off after 60 characters."""
    return [token[:60] for token in cut(text.lower() if lower else text, tokens)]


def vocabulary_of(texts: list[list[str]], size: int) -> list[str]:
    """The most frequent tokens of the training texts, after the padding and the unknown token."""
    return most_frequent([token for text in texts for token in text], size, ("<pad>", "<unk>"))


def numbers_of_texts(texts: list[list[str]], vocabulary: list[str], length: int) -> NDArray[np.int64]:
    """Texts as the numbers of their first tokens, (N, length), with 0 after the last one; 1 is an unknown token."""
    import numpy as np

    places = {token: number for number, token in enumerate(vocabulary)}
    numbers = np.zeros((len(texts), length), "int64")
    for row, text in zip(numbers, texts, strict=True):
        some = [places.get(token, 1) for token in text[:length]]
        row[: len(some)] = some
    return numbers


def running_windows(numbers: NDArray[np.int64], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A text in windows (N, length), and the token that follows at each position: views of its numbers."""
    count = (len(numbers) - 1) // length
    return numbers[: count * length].reshape(-1, length), numbers[1 : count * length + 1].reshape(-1, length)


def running_parts(count: int, validation: float, test: float) -> NDArray[np.int8]:
    """The part of each window: the first ones train, the last ones test; -1 for one between, which shares a token."""
    import numpy as np

    testing, validating = round(test * count), round(validation * count)
    parts = np.zeros(count, "int8")
    parts[count - testing - validating : count - testing] = 1
    parts[count - testing :] = 2
    for size in (testing, testing + validating):
        if 0 < size < count:
            parts[count - size - 1] = -1
    return parts
