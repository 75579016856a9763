"""Which encoding of one script or another gives words: for text that is neither UTF-8 nor marked."""

from __future__ import annotations

import codecs
import functools
import re
from typing import NamedTuple

LOOKED_AT = 6000  # bytes of lines with special characters
WEST = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿßœšž"
CENTRAL = "áâăąäćčçďđéęěëíîĺľłńňóôőöŕřśšşťţúůűüýźžż" + "ß"
CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўјљњћџђќѓѕ"
VOWELS = "аеиоуыэюяёіїє"
GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"
TURKISH = "çğıöşüâî"
HEBREW = "אבגדהוזחטיךכלםמןנסעףפץצקרשת"
ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ"
SIGNS = "’‘“”„«»–—…€£°§·²³µ½±®©™\u00a0¿¡ºª№×"  # in texts of all languages, where they belong


class Candidate(NamedTuple):
    """An encoding of one byte for each character: its name, the letters of its languages, and who uses it."""

    name: str
    letters: str
    users: str


# of equal ones the first is taken: what is usual stands first
CANDIDATES = (
    Candidate("cp1252", WEST, "Windows-1252, the usual one of older spreadsheets in Western Europe"),
    Candidate("mac_roman", WEST, "Mac Roman, of older Macs and of Excel's “Macintosh” CSV"),
    Candidate("cp850", WEST, "code page 850, of DOS in Western Europe"),
    Candidate("cp437", WEST, "code page 437, of DOS"),
    Candidate("cp1250", CENTRAL, "Windows-1250, of Central Europe"),
    Candidate("iso8859_2", CENTRAL, "ISO 8859-2, of Central Europe"),
    Candidate("cp852", CENTRAL, "code page 852, of DOS in Central Europe"),
    Candidate("cp1251", CYRILLIC, "Windows-1251, of Cyrillic letters"),
    Candidate("koi8_r", CYRILLIC, "KOI8-R, of Cyrillic letters"),
    Candidate("cp866", CYRILLIC, "code page 866, of DOS with Cyrillic letters"),
    Candidate("mac_cyrillic", CYRILLIC, "Mac Cyrillic"),
    Candidate("iso8859_5", CYRILLIC, "ISO 8859-5, of Cyrillic letters"),
    Candidate("cp1253", GREEK, "Windows-1253, of Greek letters"),
    Candidate("cp1254", TURKISH, "Windows-1254, of Turkish"),
    Candidate("cp1255", HEBREW, "Windows-1255, of Hebrew letters"),
    Candidate("cp1256", ARABIC, "Windows-1256, of Arabic letters"),
)
# two bytes a character: the encoding, a narrow one whose lower rows hold the usual characters, its first unusual byte
WIDE = (
    ("cp949", "euc_kr", 0xC9, "EUC-KR, of Korean"),
    ("gb18030", "gb2312", 0xD8, "GB 18030, of Chinese"),
    ("big5", "big5", 0xC9, "Big5, of Chinese in Taiwan and Hong Kong"),
    ("cp932", "shift_jis", 0x98, "Shift-JIS, of Japanese"),
    ("euc_jp", "euc_jp", 0xD0, "EUC-JP, of Japanese"),
)
RARE = frozenset("ðþÿìòùõžšœ" + "ĺŕľďťńôđ" + "ђќѓѕџћљњјўґ" + "ΐΰϋϊ")


class Found(NamedTuple):
    """The encoding, how well its characters make words (at most 1), and who uses it."""

    name: str
    score: float
    users: str


def guess_encoding(content: bytes) -> Found:
    """The encoding in which most special characters are letters that stand where letters do."""
    return _guess(_lines(content))


def _lines(content: bytes) -> bytes:
    """The first lines that hold bytes above 127."""
    kept: list[bytes] = []
    size = 0
    for line in re.finditer(rb"[^\r\n]*[\x80-\xff][^\r\n]*", content):
        kept.append(line.group()[:2000])
        size += len(kept[-1])
        if size > LOOKED_AT:
            break
    return b"\n".join(kept)


@functools.lru_cache(maxsize=32)
def _guess(sample: bytes) -> Found:
    special = max(1, len(sample) - len(sample.translate(None, bytes(range(128, 256)))))
    found = [Found(each.name, _of_letters(sample, each) / special, each.users) for each in CANDIDATES]
    found += [Found(name, _of_wide(sample, name, narrow, rare), users) for name, narrow, rare, users in WIDE]
    # of equal ones the last is taken if it has two bytes: that all of them make pairs is no chance
    wide = {name for name, *_ in WIDE}
    best = max(found, key=lambda each: (each.score, each.name in wide))
    usual = found[0]
    # a handful of special characters may be anything: then it is what it mostly is
    return usual if best.score < 0.5 or best.score < usual.score + (0.08 if special >= 6 else 0.4) else best


def _of_letters(sample: bytes, candidate: Candidate) -> float:
    """Points of a candidate of one byte for each character; -1000: its bytes are not valid."""
    try:
        text = codecs.decode(sample, candidate.name)
    except UnicodeDecodeError:
        return -1000.0
    points = sum(
        _points(match, candidate.letters) for match in re.finditer(r"(?s)(?<=(.))?([^\x00-\x7f])(?=(.))?", text)
    )
    if candidate.letters != CYRILLIC:
        return points
    special = [character for character in text.lower() if not character.isascii()]
    share = sum(character in VOWELS for character in special) / max(1, len(special))
    return points * min(1.0, 0.65 + share)  # two of five letters are vowels; of other scripts read so hardly one


def _points(match: re.Match[str], letters: str) -> float:
    """From -1 to 1: whether a character stands where it would in a text."""
    before, character, after = match.group(1) or " ", match.group(2), match.group(3) or " "
    lower = character.lower() if character != "İ" else "ı"
    own = before.isalpha() or after.isalpha()
    if lower in letters:
        latin = letters in (WEST, CENTRAL, TURKISH)
        if any(each.isalpha() and each.isascii() != latin for each in (before, after)):
            return (
                0.3 if latin else -0.4
            )  # two special letters of Latin in a row are rare; others do not stand beside Latin ones
        if character == lower and after.isascii() and after.isupper():
            return -0.5
        if character != lower and before.isalpha() and before != before.upper():
            return -1.0  # a capital within a word
        if (
            character == lower
            and before.isalpha()
            and before == before.upper()
            and after.isalpha()
            and (after == after.upper() and after != after.lower())
        ):
            return -0.5  # a small letter between capitals
        return (0.7 if lower in RARE else 1.0) if own else 0.2
    if character in SIGNS:
        if character in "£€" and (before.isalpha() or after.isalpha()):
            return -1.0
        if character in "£€°²³½±µ":
            return 0.9 if before.isdigit() or after.isdigit() or before == " " else -0.3
        if character == "’":
            return 0.9 if before.isalpha() else 0.3
        if before.isalpha() and after.isalpha():
            return -0.5
        return 1.0 if before == " " or after == " " else 0.5
    return -1.0


def _of_wide(sample: bytes, name: str, narrow: str, rare: int) -> float:
    """Points of an encoding of two bytes, at most 1 on average; -1000: its bytes are not valid."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample, final=False)
    except UnicodeDecodeError:
        return -1000.0
    points, before = 0.0, " "
    count = sum(not character.isascii() for character in text)
    for character in text:
        if character.isascii():
            before = character
            continue
        try:
            first = character.encode(narrow)
        except UnicodeEncodeError:
            first = b""
        if len(first) not in (1, 2) or (before.isascii() and before.isalpha()):
            points -= 1.0
            before = character
            continue
        before = character
        kana = "\u3040" <= character <= "\u30ff"
        if kana:
            points += 2.0 if name in ("cp932", "euc_jp") else -1.0
        elif len(first) == 1:
            points -= 0.5  # katakana of half the width
        elif "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uffef":
            points += 1.0
        elif name == "cp949" and not "\uac00" <= character <= "\ud7a3":
            points -= 1.0
        else:
            points += 2.0 if character.isalpha() and first[0] < rare else -0.5
    return points / (2 * max(1, count))
