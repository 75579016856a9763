"""Archives are unpacked into their own folder and nowhere else; what cannot be used is listed or refused in words."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import trainers
from trainers import DataError
from trainers.data.own.bringing import unpacking
from trainers.data.own.bringing.unpacking import unpacked
from trainers.data.own.files import brought
from trainers.data.own.library import library, stored

TABLE = b"size,kind\n" + b"".join(b"%d,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(40))


def zipped(path: Path, files: Mapping[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, packed)
    return path


def tarred(path: Path, files: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def link(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, target
    return member


def found(path: Path) -> tuple[list[str], dict[str, str]]:
    """The names that are unpacked, and what is left out and why. Nothing stays behind or is written elsewhere."""
    outside = set(path.parent.rglob("*"))
    with unpacked(path, path.name) as files:
        assert files.archive and all(files.path(name).resolve().is_relative_to(library()) for name in files.names)
        result = list(files.names), {each.what: each.reason for each in files.left_out}
    assert set(path.parent.rglob("*")) - outside <= {library(), library().parent, library().parent.parent}
    assert not list(library().iterdir())
    return result


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_single_top_folder_is_the_folder(tmp_path: Path, mode: str) -> None:
    files = {"top/b10.txt": b"1", "top/b9.txt": b"2", "top/._b9.txt": b"3", "__MACOSX/top/x": b"4"}
    assert found(tarred(tmp_path / "x.tar", files, mode)) == (["b9.txt", "b10.txt"], {})
    assert found(zipped(tmp_path / "x.zip", files)) == (["b9.txt", "b10.txt"], {})


@pytest.mark.parametrize("make", [zipped, tarred])
def test_paths_that_lead_out_are_left_out(tmp_path: Path, make: object) -> None:
    names = ["/etc/x", "../x", "a/../../x", "C:\\x", "..\\w", "a/" * 40 + "x", "y" * 250]
    files = dict.fromkeys(names, b"bad") | {"a/good": b"1", "b/good": b"2"}
    kept, left_out = found(make(tmp_path / "x.archive", files))  # type: ignore[operator]
    assert kept == ["a/good", "b/good"] and len(left_out) == len(names)
    assert "leads out" in left_out["../x"] and "too long" in left_out["y" * 250]


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    files = {
        "a": b"1",
        "b": b"2",
        "symlink": link(tarfile.SYMTYPE, "/etc/passwd"),
        "hard": link(tarfile.LNKTYPE, "a"),
        "device": link(tarfile.CHRTYPE),
        "fifo": link(tarfile.FIFOTYPE),
    }
    kept, left_out = found(tarred(tmp_path / "x.tar", files))
    assert kept == ["a", "b"] and set(left_out) == {"symlink", "hard", "device", "fifo"}
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        member = zipfile.ZipInfo("symlink")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
        archive.writestr("a", "1")
        archive.writestr("b", "1")
    assert found(tmp_path / "x.zip")[1] == {"symlink": "It is a link or a device, not a file."}


def test_a_file_cannot_be_written_through_a_link(tmp_path: Path) -> None:
    files = {"dir": link(tarfile.SYMTYPE, str(tmp_path)), "dir/written": b"1", "b": b"2"}
    kept, _ = found(tarred(tmp_path / "x.tar", files))
    assert kept == ["b", "dir/written"] and not (tmp_path / "written").exists()


def test_names_that_are_there_twice_or_a_file_and_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("a/x", "a/x", "a/x/y", "A/x", "b"):
            archive.writestr(name, name)
    kept, left_out = found(tmp_path / "x.zip")
    assert sorted(kept) == ["A/x", "a/x", "b"] and set(left_out) == {"a/x", "a/x/y"}


def test_names_in_utf8_without_a_flag_and_decomposed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"é/ä.txt": b"1", "b": b"2"})
    with zipfile.ZipFile(path) as archive:
        flags = [member.flag_bits for member in archive.infolist()]
    assert flags[0] & 0x800
    content = bytearray(path.read_bytes())
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # clear the flag that says UTF-8
        at = content.find(start)
        content[at + place + 1] &= 0xF7
    path.write_bytes(content)
    assert "é/ä.txt" in found(path)[0]
    assert "é" in found(tarred(tmp_path / "x.tar", {"e\u0301": b"1", "b": b"2"}))[0]


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "SUSPICIOUS", 1 << 20)
    zeros = zipped(tmp_path / "zeros.zip", {"a": bytes(4 << 20)})
    with pytest.raises(DataError, match="250 times as large"):
        found(zeros)
    monkeypatch.setattr(unpacking, "LARGEST", 1 << 20)
    with pytest.raises(DataError, match="larger than"):
        found(zipped(tmp_path / "large.zip", {"a": bytes(2 << 20)}, zipfile.ZIP_STORED))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(2 << 20)))
    with pytest.raises(DataError, match="larger than"):
        found(tmp_path / "a.csv.gz")
    monkeypatch.setattr(unpacking, "MOST_FILES", 3)
    with pytest.raises(DataError, match="more than 3 files"):
        found(zipped(tmp_path / "many.zip", {str(n): b"x" for n in range(4)}))
    assert not list(library().iterdir())


def test_encrypted_cut_off_and_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a": b"1" * 5000, "b": b"2"}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    locked = bytearray(content)
    for start, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := locked.find(start, at + 1)) >= 0:
            locked[at + place] |= 1
    path.write_bytes(locked)
    with pytest.raises(DataError, match="encrypted"):
        found(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cut off or damaged"):
        found(path)
    path.write_bytes(content.replace(b"1" * 5000, b"1" * 4999 + b"x"))
    assert found(path)[1] == {"a": "It is damaged in the archive."}
    whole = tarred(tmp_path / "x.tar.gz", {"a": bytes(range(256)) * 900, "b": b"2"}, "w:gz").read_bytes()
    for some in (whole[: len(whole) // 2], whole[:20], b"\x1f\x8b\x08\0"):
        (tmp_path / "x.tar.gz").write_bytes(some)
        with pytest.raises(DataError, match="cut off or damaged"):
            found(tmp_path / "x.tar.gz")


def test_archives_in_archives(tmp_path: Path) -> None:
    inner = tarred(tmp_path / "inner.tar.gz", {"a": b"1", "b": b"2"}, "w:gz").read_bytes()
    assert found(zipped(tmp_path / "one.zip", {"x/inner.tar.gz": inner})) == (["a", "b"], {})
    kept, left_out = found(zipped(tmp_path / "two.zip", {"x/inner.tar.gz": inner, "a.csv": TABLE, "b.csv": TABLE}))
    assert kept == ["a.csv", "b.csv"] and left_out == {"x/inner.tar.gz": unpacking.SEVERAL}
    with pytest.raises(DataError, match="no file that can be used"):
        found(zipped(tmp_path / "empty.zip", {}))


@pytest.mark.parametrize("packed", ["zip", "gz", "xz", "tar"])
def test_a_single_table_in_an_archive_is_a_table(tmp_path: Path, packed: str) -> None:
    path = tmp_path / {"zip": "t.zip", "gz": "rows.csv.gz", "xz": "rows.csv.xz", "tar": "t.tar"}[packed]
    if packed in ("gz", "xz"):
        path.write_bytes((gzip if packed == "gz" else lzma).compress(TABLE))
    else:
        (zipped if packed == "zip" else tarred)(path, {"top/rows.csv": TABLE})
    name = trainers.add_data(path)
    path.unlink()  # what was unpacked is kept
    report = trainers.data_report(name)
    assert report.kind == "table" and report.rows == 40 and stored(name).source.title == "rows.csv"
    assert trainers.recommend(name)


def test_a_folder_with_one_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "rows.csv").write_bytes(TABLE)
    assert trainers.data_report(trainers.add_data(tmp_path / "folder")).kind == "table"


@pytest.mark.parametrize("beside", [("README.md",), ("SHA256SUMS", "LICENSE"), ("iris.names", "licence-by.txt"), ()])
@pytest.mark.parametrize("archive", [True, False])
def test_a_file_beside_those_about_it_is_that_file(beside: tuple[str, ...], archive: bool, tmp_path: Path) -> None:
    folder = tmp_path / "brought" / "inner"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("a,b\n" + "".join(f"{n},{n % 2}\n" for n in range(20)))
    for name in beside:
        (folder / name).write_text("what it is")
    given = folder
    if archive:
        with zipfile.ZipFile(tmp_path / "rows.zip", "w") as made:
            for path in folder.iterdir():
                made.write(path, f"inner/{path.name}")
        given = tmp_path / "rows.zip"
    report = trainers.data_report(trainers.add_data(given))
    assert report.kind == "table" and report.rows == 20
    assert sorted(each.what.rpartition("/")[2] for each in report.left_out) == sorted(beside)


def test_several_files_of_data_are_not_narrowed(tmp_path: Path) -> None:
    for name in ("authors.csv", "books.csv", "README.md"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="No kind of data is recognised"):
        trainers.add_data(tmp_path)


def test_links_in_a_folder_stay_in_it(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "deep", outside):
        folder.mkdir(parents=True)
    (inside / "deep" / "a.txt").write_text("a")
    (outside / "secret.txt").write_text("s")
    (inside / "link.txt").symlink_to(inside / "deep" / "a.txt")
    (inside / "out.txt").symlink_to(outside / "secret.txt")
    (inside / "gone.txt").symlink_to(inside / "nothing")
    (inside / "folder").symlink_to(outside)
    (inside / ".hidden").write_text("h")
    found = brought(inside)
    assert found.names == ("deep/a.txt", "link.txt")
    assert sorted(each.what for each in found.left_out) == ["gone.txt", "out.txt"]
