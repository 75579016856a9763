"""Files of kinds that are not read: how each is recognised, and what to do with it instead.

One entry of `FOREIGN` is one kind. Contents decide first, so that a renamed file is recognised too; names decide only
where nothing else takes the file.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trainers.data.base import DataError
from trainers.data.own.files import Files, LeftOut

HEAD = 4096  # bytes that are looked at


class Foreign(NamedTuple):
    """A kind of file that is not read. `head`: how its bytes begin; `inside`: a file in it, where it is a zip."""

    what: str  # for people, with its article
    endings: str  # divided by blanks
    convert: str  # what to do instead, a sentence
    head: bytes = b""
    inside: str = ""


UNPACK = "Unpack it, and add the folder, or pack it as zip or tar.gz."
PICKLED = "It can run any program when it is opened, so it is never opened here."
FRAMES = "Take single frames out of it, such as `ffmpeg -i film.mp4 -r 2 frames/%04d.png`, in a folder for each class."
SOUND = "Convert it to WAV or FLAC, such as `ffmpeg -i sound.m4a sound.wav`."
SAVED = "Open it in its program, save the table as CSV or Excel, and add that."
DRAWN = "Save it as PNG or JPEG."
TABLES = 'Write the table with pandas (`frame.to_parquet("table.parquet")`), and add that.'

FOREIGN = (
    Foreign("a RAR archive", ".rar", UNPACK, rb"Rar!\x1a\x07"),
    Foreign("a 7z archive", ".7z", UNPACK, rb"7z\xbc\xaf\x27\x1c"),
    Foreign("an archive of Zstandard", ".zst .zstd", UNPACK, rb"\x28\xb5\x2f\xfd"),
    Foreign("an archive of a kind that is not unpacked", ".lz4 .lzma .z .cab .dmg .iso .ace .arj .lha .sit", UNPACK),
    Foreign("a file of PyTorch", ".pt .pth .ckpt", f'{PICKLED} Save its arrays: `numpy.savez("data.npz", '
            "x=x.numpy(), y=y.numpy())`.", inside=r"(.*/)?data\.pkl"),
    Foreign("a pickle of Python", ".pkl .pickle .p .joblib .dill", f"{PICKLED} Load it where it comes from, and save "
            'a table with `frame.to_parquet("table.parquet")`, arrays with `numpy.savez("data.npz", x=x, y=y)`.',
            rb"\x80[\x02-\x05](?:\x95|[\]}()cqX\x8a\x8c])"),
    Foreign("a MATLAB file", ".mat", 'In Python: `scipy.io.loadmat("data.mat")`, then `numpy.savez("data.npz", x=…, '
            "y=…)`; in MATLAB: `writetable` or `writematrix`.", rb"MATLAB [57]\.\d MAT-file"),
    Foreign("an HDF5 file", ".h5 .hdf5 .hdf .he5 .h5ad .nc .nc4", 'In Python: `h5py.File("data.h5")` for arrays, then '
            '`numpy.savez("data.npz", x=…, y=…)`; `pandas.read_hdf` for tables, then `frame.to_parquet`.',
            rb"\x89HDF\r\n\x1a\n|CDF[\x01\x02]"),
    Foreign("a file of SPSS", ".sav .zsav .por", "In SPSS: File, Save As, CSV. In Python: `pandas.read_spss`, then "
            "`frame.to_parquet`.", rb"\$FL[23]"),
    Foreign("a file of R", ".rds .rdata .rda", 'In R: `write.csv(data, "data.csv", row.names = FALSE)`.',
            rb"RD[AX][23]\n|X\n\x00\x00\x00[\x02\x03]"),
    Foreign("a database of SQLite", ".sqlite .sqlite3 .db", 'In Python: `pandas.read_sql("select * from …", '
            'sqlite3.connect("data.db"))`, then `frame.to_parquet`.', rb"SQLite format 3\x00"),
    Foreign("a database of Access", ".mdb .accdb", SAVED, rb"\x00\x01\x00\x00Standard (?:Jet|ACE) DB"),
    Foreign("a file of TFRecord", ".tfrecord .tfrecords .tfrec", "In Python: read it with `tf.data.TFRecordDataset`, "
            "and write tables as Parquet, images as PNG files in a folder for each class."),
    Foreign("a file of Avro", ".avro", TABLES, rb"Obj\x01"),
    Foreign("a file of ORC", ".orc", f"In Python: `pandas.read_orc`. {TABLES}", rb"ORC"),
    Foreign("weights of a network, and no data", ".onnx .gguf .safetensors .tflite .pb .keras", "Bring what it "
            "learns from: a table, images, texts or recordings.", rb"GGUF", r"(.*/)?model\.weights\.h5"),
    Foreign("a photograph in HEIC", ".heic .heif .hif", "Save it as JPEG: iPhones do under Settings, Camera, Formats, "
            "Most Compatible; `magick photo.heic photo.jpg` does for others.",
            rb".{4}ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1)"),
    Foreign("a raw photograph", ".cr2 .cr3 .nef .arw .dng .raf .orf .rw2", DRAWN),
    Foreign("a drawing", ".svg .psd .ai .eps .xcf .exr", DRAWN, rb"8BPS|(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg"),
    Foreign("a medical image", ".dcm .nii .nrrd .mha", "Save its slices as PNG (16 bit keeps their depth), in a folder "
            "for each class.", rb".{128}DICM"),
    Foreign("sound in a format that is not read", ".m4a .aac .wma .amr .ac3 .caf .mid .midi", SOUND,
            rb".{4}ftyp(?:M4A|M4B)|#!AMR|MThd"),
    Foreign("a video", ".avi .mp4 .m4v .mov .mkv .webm .wmv .mpg .mpeg .flv .3gp", FRAMES,
            rb"RIFF.{4}AVI |.{4}ftyp(?!avi|M4|hei|mif|msf|jp2)|\x1aE\xdf\xa3|FLV\x01|\x00\x00\x01[\xba\xb3]"
            rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    Foreign("a PDF", ".pdf", "Copy its table into a spreadsheet, its text into a text file, and add these.", rb"%PDF-"),
    Foreign("a document of Word", ".docx .doc .odt .rtf .pages", "Save it as plain text (UTF-8), its table as CSV.",
            rb"\{\\rtf", r"word/document\.xml"),
    Foreign("a presentation", ".pptx .ppt .odp .key", SAVED, inside=r"ppt/presentation\.xml"),
    Foreign("a spreadsheet of Numbers", ".numbers", "In Numbers: File, Export To, CSV or Excel.",
            inside=r"Index/Document\.iwa"),
    Foreign("a book", ".epub .mobi .azw3", "Save its text as plain text (UTF-8).", inside=r"META-INF/container\.xml"),
    Foreign("a pointer of Git LFS, and not the file itself", "", "Fetch the file with `git lfs pull`, or download it "
            "from the page of the repository.", rb"version https://git-lfs\.github\.com/"),
    Foreign("a web page", ".html .htm .xhtml .mhtml", "If a file was to be downloaded, the page came instead: use its "
            "“raw” or “download” link. A table on a page can be copied into a spreadsheet.",
            rb"(?i:(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html[\s>]))"),
    Foreign("a notebook", ".ipynb", "Add the file that the notebook reads.",
            rb'\{\s*"cells"\s*:\s*\[\s*(?:\]|\{\s*"(?:attachments|cell_type|execution_count|id|metadata)")'),
    Foreign("a program", ".exe .dll .so .py .r .js .jar .class .whl", "Add the file that it reads or writes.",
            rb"MZ.{58,}PE\x00\x00|\x7fELF"),
)  # fmt: skip


def by_contents(path: Path) -> Foreign | None:
    """What a file is by its first bytes, or by the names in it; None: nothing of `FOREIGN`."""
    with path.open("rb") as opened:
        head = opened.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        with contextlib.suppress(zipfile.BadZipFile, OSError, ValueError), zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:200]
            inside = (each for each in FOREIGN if each.inside)
            return next((each for each in inside if any(re.fullmatch(each.inside, name) for name in names)), None)
        return None
    return next((each for each in FOREIGN if each.head and re.match(each.head, head, re.DOTALL)), None)


def by_name(name: str) -> Foreign | None:
    """What a file is by its ending; None: nothing of `FOREIGN`."""
    ending = Path(name).suffix.lower()
    return next((each for each in FOREIGN if ending and ending in each.endings.split()), None)


def refuse(path: Path) -> None:
    """DataError: the file is of a kind that is not read; the message says what to do instead."""
    found = by_contents(path) if path.is_file() else None
    if found is not None:
        raise DataError(f"It is {found.what}. {found.convert}")


def advice(files: Files) -> str:
    """A sentence or two for files of which nothing is recognised; "": nothing is known of them."""
    names = [*files.names[:10_000], *(each.what for each in files.left_out[:1000])]
    kinds = Counter(found for name in names if (found := by_name(name)) is not None)
    if not kinds:
        return ""
    most = kinds.most_common(1)[0][0]
    return f"{'It is' if files.single else 'It holds files that are not read, such as'} {most.what}. {most.convert}"


def explained(left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """What was left out, with advice beside files whose names say what they are."""
    return tuple(
        LeftOut(each.what, f"It is {found.what}. {found.convert}") if (found := by_name(each.what)) else each
        for each in left_out
    )
