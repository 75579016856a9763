"""Data sets in published files, some of them damaged: the sentence names the file, and what is whole stays usable."""

from __future__ import annotations

import io
import json
import os
import tarfile
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainers.data import DATASETS, Arrays, DataError, dataset

# read before the fixture below sets the environment
MIRROR = Path(os.environ.get("NETLOOM_DATA") or Path(__file__).parents[3] / "shared" / "data")


@pytest.fixture(autouse=True)
def own_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETLOOM_DATA", str(tmp_path / "mirror"))
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def read(name: str, path: Path, **options: Any) -> Arrays:
    """What a data set reads from a file that has not the published checksum."""
    result: Arrays = dataset({"name": name, **options}).read([path])  # type: ignore[attr-defined]
    return result


def wav(samples: int = 1000, rate: int = 8000, channels: int = 1) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        tone = 9000 * np.sin(np.arange(samples * channels) / 3)
        sound.writeframes(tone.astype("<i2").tobytes())
    return held.getvalue()


def recordings(folder: Path, **others: bytes) -> Path:
    """A folder with a good recording of each digit, and others."""
    place = folder / "fsdd" / "recordings"
    place.mkdir(parents=True)
    for digit in range(10):
        (place / f"{digit}_ada_0.wav").write_bytes(wav(1000 + digit))
    for name, content in others.items():
        (place / f"{name}.wav").write_bytes(content)
    return place


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (wav()[:-501], "3_bob_1.wav is cut off: of 1,000 samples, 749 are there"),
        (wav()[:20], "3_bob_1.wav is no recording"),
        (b"", "3_bob_1.wav is no recording"),
        (b"not a sound at all, but long enough to be one", "3_bob_1.wav is no recording"),
        (wav(0), "3_bob_1.wav is cut off"),
        (wav(rate=16_000), "3_bob_1.wav has 1 channels of 16 bits at 16000 Hz, expected 1, 16 and 8000"),
        (wav(channels=2), "3_bob_1.wav has 2 channels"),
    ],
)
def test_a_broken_recording_among_good_ones_is_named(own_mirror: Path, content: bytes, says: str) -> None:
    place = recordings(own_mirror, **{"3_bob_1": content})
    for name in ("fsdd", "fsdd_waveform"):
        with pytest.raises(DataError) as caught:
            dataset({"name": name}).load()
        assert says in str(caught.value) and "or remove it: the data set also works without it" in str(caught.value)
    (place / "3_bob_1.wav").unlink()
    arrays = dataset({"name": "fsdd_waveform"}).load()
    assert len(arrays.targets) == 10 and list(arrays.targets) == list(range(10))


def test_a_recording_that_is_not_the_listed_one_is_named(own_mirror: Path) -> None:
    recordings(own_mirror)
    listed = own_mirror / "fsdd" / "SHA256SUMS"
    listed.write_text(f"{'0' * 64}  ./recordings/4_ada_0.wav\n")
    with pytest.raises(DataError, match=r"4_ada_0\.wav: its SHA-256 is not the one in .*SHA256SUMS"):
        dataset({"name": "fsdd"}).load()


def test_recordings_are_read_from_the_published_archive_too(tmp_path: Path) -> None:
    path = tmp_path / "sounds.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fsdd-1.0.10/recordings/7_ada_0.wav", wav())
        archive.writestr("fsdd-1.0.10/recordings/2_bob_11.wav", wav())
        archive.writestr("__MACOSX/recordings/._2_bob_11.wav", b"not a sound")
        archive.writestr("fsdd-1.0.10/README.md", b"text")
    arrays = read("fsdd", path, split="speaker")
    assert list(arrays.targets) == [2, 7] and arrays.groups is not None and list(arrays.groups) == [1, 0]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="fsdd cannot be read"):
        read("fsdd", path)


def test_without_recordings_it_says_what_they_are_called(own_mirror: Path) -> None:
    (own_mirror / "fsdd" / "recordings").mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds no recording with a name like 0_george_0\.wav"):
        dataset({"name": "fsdd"}).load()


def image() -> bytes:
    held = io.BytesIO()
    Image.effect_noise((160, 120), 60).convert("RGB").save(held, "JPEG")
    return held.getvalue()


def drive(path: Path, images: dict[str, bytes], **record: Any) -> Path:
    """An archive of a drive with the frames 0 and 1, as the published one is laid out."""
    rows = [
        {"_index": n, "cam/image_array": f"{n}_cam.jpg", "user/angle": 0.5 - n, "user/throttle": 0.1, **record}
        for n in (1, 0)
    ]
    files = {
        "tub/catalog_0.catalog": "\n".join(map(json.dumps, rows)).encode(),
        "tub/._catalog_0.catalog": b"\x00\x05\x16\x07 of macOS",
        "tub/images/._0_cam.jpg": b"\x00\x05\x16\x07 of macOS",
        **{f"tub/images/{name}": content for name, content in images.items()},
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_drive_is_in_order_and_without_the_files_of_macos(tmp_path: Path) -> None:
    path = drive(tmp_path / "tub.tar.gz", {"1_cam.jpg": image(), "0_cam.jpg": image()})
    arrays = read("donkeycar", path, height=15, target="both")
    assert arrays.inputs[0].shape == (2, 3, 15, 20) and arrays.gap == 10
    np.testing.assert_allclose(arrays.targets, [[0.5, 0.1], [-0.5, 0.1]], rtol=1e-6)


@pytest.mark.parametrize("broken", [image()[:700], b"", b"no image"])
def test_a_broken_image_among_good_ones_is_named(tmp_path: Path, broken: bytes) -> None:
    with pytest.raises(DataError, match=r"the image 1_cam\.jpg in .* is missing, broken or cut off"):
        read("donkeycar", drive(tmp_path / "tub.tar.gz", {"0_cam.jpg": image(), "1_cam.jpg": broken}))
    with pytest.raises(DataError, match=r"the image 1_cam\.jpg"):
        read("donkeycar", drive(tmp_path / "tub.tar.gz", {"0_cam.jpg": image()}))


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b cut", b"text that is no archive", b"a,b\n1,2\n"])
@pytest.mark.parametrize("name", ["donkeycar", "cifar10", "california_housing", "ett_h1", "fashion_mnist_sprite"])
def test_a_file_of_another_kind_ends_in_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"The data set {name} cannot be read: .*{tmp_path}"):
        read(name, path)


def test_a_forecast_needs_columns_rows_and_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ETTh1.csv"
    head = "date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT\n"
    rows = [f"2016-07-01 {n:02}:00:00,1,2,3,4,5,6,{n}" for n in range(20)]
    path.write_text(head + "\n".join(rows))
    arrays = read("ett_h1", path, window=3, horizon=2, columns="OT")
    assert list(arrays.inputs[0][1, :, 0]) == [1, 2, 3] and list(arrays.targets[1, :, 0]) == [4, 5]
    counted = read("ett_h1", path, window=3, horizon=2, columns="OT", relative=True)
    assert list(counted.inputs[0][1, :, 0]) == [-2, -1, 0] and list(counted.targets[1, :, 0]) == [1, 2]
    with pytest.raises(DataError, match="has 20 rows, fewer than 120 for one sample"):
        read("ett_h1", path)
    path.write_text(head + "\n".join([*rows[:5], "2016-07-01 05:00:00,1,2,3,4,5,6,", *rows[6:]]))
    with pytest.raises(DataError, match="has no number in row 7"):
        read("ett_h1", path, window=3, horizon=2)
    for wrong in ("OT, HUFF", "", "OT, OT", "OT,,HUFL,"):
        if wrong.startswith("OT,,"):
            assert dataset({"name": "ett_h1", "columns": wrong}).input_shape == (96, 2)
            continue
        with pytest.raises(DataError, match="the columns are HUFL, HULL"):
            dataset({"name": "ett_h1", "columns": wrong})


def test_missing_bedrooms_are_filled_in_from_the_same_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "housing.csv"
    head = "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,median_income,"
    head += "median_house_value,ocean_proximity\n"
    path.write_text(f"{head}-122,37,41,880,129,322,126,8.3,452600,NEAR BAY\n-121,36,20,500,,300,100,4,200000,ISLAND\n")
    arrays = read("california_housing", path)
    assert arrays.inputs[0].shape == (2, 13) and arrays.inputs[0][1, 9] == 100
    assert list(arrays.inputs[0][0, 2:7]) == [0, 0, 0, 1, 0] and list(arrays.targets[:, 0]) == [452600, 200000]
    place, figures = read("california_housing", path, two_inputs=True).inputs
    np.testing.assert_array_equal(np.concatenate([place, figures], axis=1), arrays.inputs[0])
    path.write_text(path.read_text().replace("ISLAND", "ON MARS"))
    with pytest.raises(DataError, match="has the place 'ON MARS', expected one of"):
        read("california_housing", path)


def test_cifar_is_read_from_its_binary_files_and_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "cifar.tar.gz"
    rows = np.random.default_rng(0).integers(0, 10, (2, 3073)).astype(np.uint8).tobytes()

    def pack(**changed: bytes) -> None:
        names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                content = changed.get(name.partition(".")[0], rows)
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    pack()
    arrays = read("cifar10", path)
    assert arrays.inputs[0].shape == (12, 3, 32, 32) and arrays.targets.max() <= 9
    pack(data_batch_3=rows[:-1])
    with pytest.raises(DataError, match=r"data_batch_3\.bin in .* holds 6,145 bytes"):
        read("cifar10", path)
    pack(test_batch=b"\xff" * 3073)
    with pytest.raises(DataError, match="holds the label 255; expected 0 to 9"):
        read("cifar10", path)
    assert "pickle" not in DATASETS["cifar10"]().source()


def test_the_sprite_is_read_as_image_or_as_idx_files(own_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (MIRROR / "fashion_mnist_sprite").is_dir():
        pytest.skip("no mirror: set NETLOOM_DATA to a folder with fashion_mnist_sprite/")
    data = dataset({"name": "fashion_mnist_sprite"})
    assert not data.ready()
    (own_mirror / data.name).mkdir()
    for name in ("sprite900-images-idx3-ubyte.gz", "sprite900-labels-idx1-ubyte.gz"):
        (own_mirror / data.name / name).write_bytes((MIRROR / data.name / name).read_bytes())
    assert data.ready()
    of_idx = data.load()
    monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
    of_image = data.load()
    np.testing.assert_array_equal(of_idx.inputs[0], of_image.inputs[0])
    np.testing.assert_array_equal(of_idx.targets, of_image.targets)
    assert list(np.bincount(of_idx.targets)) == [90] * 10
