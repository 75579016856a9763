"""Files of other formats: read where that is safe, refused with advice where not, however they are called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.bringing import foreign
from trainers.data.own.reading import read_table

FIRST_BYTES = {
    "a.rar": (b"Rar!\x1a\x07\x01\0", "RAR"),
    "a.7z": (b"7z\xbc\xaf\x27\x1c", "7z"),
    "film.avi": (b"RIFF\0\0\0\0AVI LIST", "ffmpeg"),
    "film.mp4": (b"\0\0\0\x18ftypmp42", "frames"),
    "photo.heic": (b"\0\0\0\x18ftypheic", "JPEG"),
    "paper.pdf": (b"%PDF-1.4", "PDF"),
    "data.h5": (b"\x89HDF\r\n\x1a\n\0", "h5py"),
    "data.mat": (b"MATLAB 5.0 MAT-file, Platform", "scipy.io"),
    "data.sav": (b"$FL2@(#)", "SPSS"),
    "data.pkl": (pickle.dumps({"a": 1}), "never opened"),
    "page.csv": (b"\n<!DOCTYPE html><html>", "raw"),
    "pointer.csv": (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    "data.rds": (gzip.compress(b"X\n\0\0\0\x03"), "write.csv"),
}


@pytest.mark.parametrize("name", [*FIRST_BYTES, "letter.docx"])
@pytest.mark.parametrize("renamed", [False, True])
def test_what_is_not_read_is_refused_with_advice(tmp_path: Path, name: str, renamed: bool) -> None:
    path = tmp_path / ("rows.csv" if renamed else name)
    if name == "letter.docx":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "")
            archive.writestr("word/document.xml", "")
        says = "plain text"
    else:
        content, says = FIRST_BYTES[name]
        path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        trainers.add_data(path)
    assert not library.names()


def test_each_kind_that_is_not_read_is_known_once() -> None:
    endings = [ending for each in foreign.FOREIGN for ending in each.endings.split()]
    assert len(set(endings)) == len(endings)
    assert all(ending.startswith(".") and ending == ending.lower() for ending in endings)
    for each in foreign.FOREIGN:
        assert each.convert.endswith(".") and (each.endings or each.head)


def test_a_folder_of_films_is_refused_and_one_film_among_images_is_listed(tmp_path: Path) -> None:
    for place in range(20):
        for folder in ("films", "pictures"):
            (tmp_path / folder / "ab"[place % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "films" / "ab"[place % 2] / f"{place}.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
        Image.new("L", (8, 8), place).save(tmp_path / "pictures" / "ab"[place % 2] / f"{place}.png")
    (tmp_path / "pictures" / "a" / "x.mov").write_bytes(b"\0\0\0\x18ftypqt  ")
    with pytest.raises(DataError, match=r"video.*ffmpeg"):
        trainers.add_data(tmp_path / "films")
    report = trainers.data_report(trainers.add_data(tmp_path / "pictures"))
    assert report.rows == 20
    assert [(each.what, "ffmpeg" in each.reason) for each in report.left_out] == [("a/x.mov", True)]


def _write(frame: pd.DataFrame, path: Path) -> None:
    """The frame in the format that the ending says."""
    text = frame.to_csv(index=False, sep="\t" if ".tsv" in path.name else ",").encode()
    packed: dict[str, Any] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    if path.suffix in packed:
        path.write_bytes(packed[path.suffix](text))
    elif path.suffix == ".feather":
        frame.to_feather(path)
    elif path.suffix == ".dta":
        frame.to_stata(path, write_index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif path.suffix == ".npz":
        np.savez(path, **{str(name): frame[name].to_numpy(str if name == "label" else float) for name in frame})
    elif path.suffix == ".arff":
        head = "".join(f"@attribute '{name}' {'{u,v,w}' if name == 'label' else 'real'}\n" for name in frame)
        path.write_text(f"% a remark\n@relation x\n{head}@data\n{frame.to_csv(index=False, header=False)}")
    else:
        lines = [":".join(map(str, row)) for row in frame.itertuples(index=False)]
        path.write_text("@problemName x\n@timeStamps false\n@classLabel true u v w\n@data\n" + "\n".join(lines))


FORMATS = ("a.tsv.gz", "a.csv.bz2", "a.csv.xz", "a.feather", "a.dta", "a.jsonl", "a.npz", "a.arff", "a.ts")


@pytest.mark.parametrize("name", FORMATS)
def test_tables_of_many_formats_hold_the_same_rows(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)).round(3), columns=["width", "height", "depth"])
    frame["label"] = rng.choice(list("uvw"), 60)
    _write(frame, tmp_path / name)
    data = dataset({"name": trainers.add_data(tmp_path / name)})
    assert data.classes == ("u", "v", "w")
    arrays = data.load()
    np.testing.assert_allclose(arrays.inputs[0], frame.iloc[:, :3].to_numpy(np.float32), rtol=1e-5)
    assert [data.classes[int(label)] for label in arrays.targets] == frame["label"].tolist()
    printed: dict[str, Any] = {"__name__": "exported"}
    exec(compile(data.source(), "train.py", "exec"), printed)
    printed["FILE"] = str(library.stored(data.name).data_file)
    inputs, targets = printed["load_data"]()
    np.testing.assert_array_equal(inputs, arrays.inputs[0])
    np.testing.assert_array_equal(targets, arrays.targets)


def test_sparse_arff_and_series_of_several_dimensions(tmp_path: Path) -> None:
    (tmp_path / "a.arff").write_text(
        "@relation s\n@attribute a numeric\n@attribute 'b c' numeric\n@attribute class {no,yes}\n@data\n"
        + "{0 3.5, 2 yes}\n{1 -2}\n" * 20
    )
    frame = read_table(tmp_path / "a.arff")
    assert list(frame.columns) == ["a", "b c", "class"]
    assert frame.iloc[:2].values.tolist() == [[3.5, 0.0, "yes"], [0.0, -2.0, "0"]]
    (tmp_path / "a.ts").write_text("@problemName x\n@classLabel true a b\n@data\n1,2:4,5,6:a\n3,?:4,5:b\n")
    frame = read_table(tmp_path / "a.ts")
    assert list(frame.columns) == ["d0_t0", "d0_t1", "d1_t0", "d1_t1", "d1_t2", "class"]
    assert frame.isna().sum().tolist() == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("form", ["bytes", "floats", "channels first", "bits of 16"])
def test_images_in_arrays_become_images_of_their_parts_and_classes(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    pixels: Any = rng.integers(0, 256, (40, 9, 8, 3) if form != "channels first" else (40, 3, 9, 8)).astype(np.uint8)
    pixels = pixels / 255 if form == "floats" else pixels
    if form == "bits of 16":
        pixels = rng.integers(0, 65536, (40, 9, 8)).astype(np.uint16)
    labels = np.arange(40) % 3
    np.savez_compressed(
        tmp_path / "a.npz", x_train=pixels[:30], y_train=labels[:30], x_test=pixels[30:], y_test=labels[30:, None]
    )
    name = trainers.add_data(tmp_path / "a.npz")
    report = trainers.data_report(name)
    assert (report.kind, report.rows, report.schema.classes) == ("images", 40, ("0", "1", "2"))
    assert report.schema.splitting.how == "given"
    arrays = dataset({"name": name}).load()
    assert sorted(np.asarray(arrays.targets).tolist()) == sorted(labels.tolist())
    first = np.asarray(arrays.inputs[0])
    brightest = sorted(round(float(each.astype(float).mean()), 1) for each in first)
    wanted = pixels / (65535 if form == "bits of 16" else 1 if form == "floats" else 255)
    scale = 255 if first.dtype == np.uint8 else 1
    np.testing.assert_allclose(brightest, sorted(wanted.mean(axis=(1, 2, 3)[: wanted.ndim - 1]) * scale), atol=1)


@pytest.mark.parametrize("case", ["objects", "no colours", "claims"])
def test_arrays_that_are_not_read_are_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.npy"
    if case == "objects":
        np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True)
    elif case == "no colours":
        np.save(path, np.random.default_rng(0).normal(size=(5, 9, 9)))
    else:  # a head that claims more than there is
        np.save(path, np.zeros((2, 9, 9), np.uint8))
        path.write_bytes(path.read_bytes().replace(b"(2, 9, 9), }        ", b"(99999999, 9, 9), } ", 1))
    with pytest.raises(
        DataError,
        match={"objects": "objects of Python", "no colours": "from 0 to 1", "claims": "more than the file"}[case],
    ):
        trainers.add_data(path)
    assert not library.names()
