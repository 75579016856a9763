"""Every data set of the catalogue: facts against what it loads, the printed code, options, and damaged files."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pooch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data import DATASETS, Arrays, DataError, DataSet, dataset, datasets
from trainers.data.augmentation import AUGMENTATIONS, source
from trainers.data.fetch import RemoteFile, fetch
from trainers.data.sets.images import read_idx
from trainers.home import home, mirror

REPOSITORY = Path(__file__).parents[2]
DOWNLOADED = [name for name, entry in DATASETS.items() if entry.downloaded]
POINTS = [name for name, entry in DATASETS.items() if entry.kind == "points"]
NAMED = ("classification", "multilabel", "segmentation")  # tasks whose answers are classes


def mirror_folder() -> Path | None:
    named = os.environ.get("NETLOOM_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if (folder / "mnist").is_dir() else None


MIRROR = mirror_folder()  # read before the fixture below hides the environment
needs_mirror = pytest.mark.skipif(MIRROR is None, reason="no mirror: set NETLOOM_DATA to a folder with mnist/")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NETLOOM_DATA", raising=False)
    return tmp_path / "home"


def run_source(data: DataSet) -> tuple[tuple[Any, ...], Any, dict[str, Any]]:
    """What the printed code loads, as arrays, and all its names."""
    names: dict[str, Any] = {}
    exec(compile(data.source(), data.name, "exec"), names)
    inputs, targets = names["load_data"]()
    return inputs if isinstance(inputs, tuple) else (inputs,), targets, names


def test_the_catalogue_is_complete_and_says_what_each_data_set_is() -> None:
    wanted = """digits iris wine breast_cancer diabetes moons circles spiral xor gaussians mnist_10k mnist fashion_mnist
        fashion_mnist_sprite cifar10 fsdd fsdd_waveform ett_h1 california_housing donkeycar sines lorenz random_walk
        symbol_memory adding shapes_to_segment shapes_present digit_pairs"""
    assert set(wanted.split()) <= set(DATASETS)
    for facts in datasets().values():
        assert all(facts[key] for key in ("title", "task", "origin", "licence", "summary", "kind", "samples"))
        assert facts["summary"].endswith((".", "?"))
        assert bool(facts["classes"]) == (facts["task"] in NAMED)
        assert facts["target_size"] >= 1 or facts["task"] == "language"


def test_reading_the_catalogue_imports_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys, trainers.data, trainers.data.splits, trainers.optim.optimizers, trainers.objectives.registry, "
        "trainers.optim.schedules, trainers.optim.initialisation, trainers.data.augmentation; trainers.data.datasets();"
        "sys.exit(', '.join({'torch', 'sklearn', 'pooch', 'torchmetrics'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def target_types(data: DataSet) -> tuple[Any, tuple[int, ...]]:
    """The type of a data set's targets, and the shape of each."""
    whole = data.task in ("classification", "segmentation", "language")
    return np.int64 if whole else np.float32, data.target_shape


def check_arrays(data: DataSet, arrays: Arrays) -> None:
    assert len(arrays.inputs) == len(data.signals) and data.signals[0].shape == data.input_shape
    for array, signal in zip(arrays.inputs, data.signals, strict=True):
        assert array.shape == (data.samples, *signal.shape)
        assert array.dtype == (np.int64 if signal.dtype == "int" else np.float32)
    assert arrays.feature_names == data.feature_names
    if data.kind in ("table", "points"):
        assert len(arrays.feature_names) == sum(signal.shape[0] for signal in data.signals)
    dtype, shape = target_types(data)
    assert arrays.targets.dtype == dtype and arrays.targets.shape == (data.samples, *shape)
    if data.task in ("classification", "segmentation"):
        assert set(np.unique(arrays.targets)) == set(range(len(data.classes)))
    elif data.task == "multilabel":
        assert set(np.unique(arrays.targets)) == {0, 1} and arrays.targets.any(axis=0).all()
    else:
        assert data.task == "language" or len(data.target_names) == data.target_shape[-1]
    assert (arrays.groups is not None) == data.grouped and arrays.gap == data.gap


VARIANTS: list[dict[str, Any]] = [
    *({"name": name} for name in DATASETS),
    {"name": "fsdd", "split": "speaker", "length": 4000, "mels": 20, "hop": 200},
    {"name": "ett_h1", "columns": "OT, HUFL", "targets": "HUFL,MULL", "window": 30, "horizon": 7, "stride": 11},
    {"name": "california_housing", "two_inputs": True},
    {"name": "donkeycar", "height": 30, "target": "both"},
    {"name": "lorenz", "samples": 300, "noise": 0.5, "stride": 5},
    {"name": "symbol_memory", "letters": 2, "length": 9},
    {"name": "shapes_to_segment", "colour": True, "size": 33, "samples": 60},
    {"name": "digit_pairs", "samples": 1001, "data_seed": 5},
    {"name": "digits", "keep_classes": ["7", "0", "3"]},
    {"name": "mnist_10k", "keep_classes": ["9", "1"]},
]


@pytest.mark.parametrize("options", VARIANTS, ids=lambda options: "-".join(map(str, options.values())))
def test_loads_what_it_says_and_so_does_the_code_it_prints(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_home: Path
) -> None:
    data = dataset({**options, "batch_size": 7, "validation": 0.5, "test": 0.1, "augmentation": []})
    if data.downloaded:
        monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
        if not data.ready():
            pytest.skip(f"the files of {data.name} are not in the mirror")
    arrays = data.load()
    check_arrays(data, arrays)
    monkeypatch.chdir(tmp_path)
    inputs, targets, names = run_source(data)
    for mine, printed in zip(arrays.inputs, inputs, strict=True):
        np.testing.assert_array_equal(printed, mine)
    np.testing.assert_array_equal(np.reshape(targets, arrays.targets.shape), arrays.targets)
    if data.grouped:
        np.testing.assert_array_equal(names["load_groups"](), arrays.groups)
    printed_code = data.source()
    assert "trainers" not in printed_code and "type: ignore" not in printed_code
    assert not (own_home / "data").exists() and not (tmp_path / "data").exists()  # nothing was downloaded


def test_printed_code_needs_no_formatter(tmp_path: Path) -> None:
    for number, options in enumerate(VARIANTS):
        (tmp_path / f"data_{number}.py").write_text(dataset(options).source(), encoding="utf-8")
    entries = [entry() for entry in AUGMENTATIONS.values()]
    for number, (masks, inputs) in enumerate([(True, 1), (False, 1), (False, 2)]):
        (tmp_path / f"augmentation_{number}.py").write_text(source(entries, masks, inputs), encoding="utf-8")
    # the order of the imports is the script's, into which they go together with its own
    for command in (["format", "--line-length", "120", "--diff"], ["check", "--ignore", "I001"]):
        line = [sys.executable, "-m", "ruff", *command, "--isolated", "."]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_column_and_class_names_are_those_of_scikit_learn(name: str) -> None:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    assert DATASETS[name]().feature_names == tuple(bunch.feature_names)
    assert DATASETS[name]().classes == tuple(getattr(bunch, "target_names", ()))


@pytest.mark.parametrize("name", POINTS)
@given(samples=st.integers(10, 300), noise=st.floats(0, 2), data_seed=st.integers(0, 2**32 - 1))
def test_points_obey_their_options(name: str, samples: int, noise: float, data_seed: int) -> None:
    data = dataset({"name": name, "samples": samples, "noise": noise, "data_seed": data_seed})
    arrays = data.load()
    check_arrays(data, arrays)
    counts = np.bincount(arrays.targets)
    assert counts.max() - counts.min() <= 2
    np.testing.assert_array_equal(run_source(data)[0][0], arrays.inputs[0])
    other = dataset({"name": name, "samples": samples, "noise": noise, "data_seed": data_seed ^ 1}).load()
    assert not np.array_equal(other.inputs[0], arrays.inputs[0]) or (name == "gaussians" and noise < 1e-6)


def test_spiral_and_gaussians_take_a_number_of_classes() -> None:
    assert set(dataset({"name": "spiral", "arms": 5}).load().targets) == set(range(5))
    assert dataset({"name": "gaussians", "clouds": 4}).classes == ("class 0", "class 1", "class 2", "class 3")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "spirl"}, "no data set called 'spirl'. Did you mean spiral"),
        ({}, "data set has no name"),
        ({"name": 3}, "no data set called 3"),
        ({"name": "moons", "noize": 0.1}, "The data set moons: There is no 'noize' here. Did you mean noise?"),
        ({"name": "moons", "samples": "many"}, "samples must be a whole number, got 'many'."),
        ({"name": "moons", "samples": "100"}, "samples must be a whole number, got '100'."),
        ({"name": "moons", "noise": -1}, "noise must be at least 0.0, got -1."),
        ({"name": "moons", "noise": float("nan")}, "noise must be a finite number, got nan."),
        ({"name": "iris", "samples": 3}, "The data set iris: There is no 'samples' here. Its options: none."),
    ],
)
def test_wrong_options_end_in_a_sentence(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        dataset(options)


def test_chosen_classes_are_numbered_in_the_order_they_are_named_in() -> None:
    every, some = dataset({"name": "digits"}).load(), dataset({"name": "digits", "keep_classes": ["7", "0", "3"]})
    arrays = some.load()
    kept = np.isin(every.targets, (7, 0, 3))
    assert some.classes == ("7", "0", "3") and some.samples == kept.sum()
    np.testing.assert_array_equal(np.array((7, 0, 3))[arrays.targets], every.targets[kept])
    assert dataset({"name": "mnist", "keep_classes": ["2", "4"]}).test_samples == 2014
    for names, says in ((["7", "x"], "There is no class 'x'"), (["7"], "two classes or more"), (["7", "7"], "once")):
        with pytest.raises(DataError, match=says):
            dataset({"name": "digits", "keep_classes": names})


def test_options_survive_a_document() -> None:
    data = dataset({"name": "spiral", "samples": 300, "turns": 2.0})
    assert data.options() == {"name": "spiral", "samples": 300, "turns": 2.0}
    assert dataset(data.options()) == data


@needs_mirror
def test_a_mirror_makes_a_data_set_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset({"name": "mnist_10k"})
    assert not data.ready()
    monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
    assert data.ready()
    arrays = data.load()
    assert arrays.inputs[0].min() == 0 and arrays.inputs[0].max() == 1
    assert list(arrays.targets[:5]) == [7, 2, 1, 0, 4]


@needs_mirror
def test_a_cut_off_file_in_the_mirror_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MIRROR is not None
    (tmp_path / "mnist").mkdir()
    for file in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / "mnist" / file).write_bytes((MIRROR / "mnist" / file).read_bytes()[:4000])
    monkeypatch.setenv("NETLOOM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"mnist_10k cannot use .*t10k-images-idx3-ubyte.gz: its SHA-256 .* cut off"):
        dataset({"name": "mnist_10k"}).load()


@pytest.mark.parametrize("name", DOWNLOADED)
def test_without_a_network_it_says_which_url_and_what_to_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", no_network)
    with pytest.raises(DataError) as caught:
        dataset({"name": name}).load()
    text = str(caught.value)
    for part in (name, "https://", "no connection", "Connect to the network", str(home()), "NETLOOM_DATA"):
        assert part in text
    assert "\n" not in text


def idx(array: np.ndarray[Any, Any]) -> bytes:
    head = b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00",
        b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00",
        b"\x00\x00\x08\x03\x00\x00",
        idx(np.zeros((3, 4)))[:-1],
        idx(np.zeros((3, 4))) + b"\x00",
        b"\x00\x00\x08\x03" + b"\xff" * 12,
    ],
)
def test_a_wrong_idx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=r"wrong\.gz"):
        read_idx(path)


@given(st.binary(max_size=80))
def test_any_bytes_end_in_images_or_a_data_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for packed in (content, gzip.compress(content), gzip.compress(idx(np.zeros((1, 28, 28))))[: len(content)]):
            path = Path(folder) / "images.gz"
            path.write_bytes(packed)
            with pytest.raises(DataError, match="mnist_10k cannot be read"):
                DATASETS["mnist_10k"]().read([path, path])  # type: ignore[attr-defined]


def test_images_and_labels_have_the_same_number(tmp_path: Path) -> None:
    def read(images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Arrays:
        paths = [tmp_path / "images.gz", tmp_path / "labels.gz"]
        for path, array in zip(paths, (images, labels), strict=True):
            path.write_bytes(gzip.compress(idx(array)))
        result: Arrays = DATASETS["mnist_10k"]().read(paths)  # type: ignore[attr-defined]
        return result

    assert read(np.full((3, 28, 28), 255), np.arange(3)).inputs[0].max() == 1
    for images, labels in (((3, 28, 28), np.arange(2)), ((3, 27, 28), np.arange(3)), ((3, 28, 28), np.full(3, 10))):
        with pytest.raises(DataError, match="mnist_10k"):
            read(np.zeros(images), labels)


def test_a_download_lands_at_home_and_is_checked(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    content = b"the published file"
    arrived = SimpleNamespace(content=content)

    def download(self: Any, url: str, output_file: str, pooch: Any, **_: Any) -> None:
        Path(output_file).write_bytes(arrived.content)

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", download)
    file = RemoteFile("file.bin", "https://example.org/file.bin", hashlib.sha256(content).hexdigest())
    assert fetch("things", "things", [file]) == [own_home / "data" / "things" / "file.bin"]

    arrived.content = b"something else"  # it is not asked for again
    assert fetch("things", "things", [file])[0].read_bytes() == content

    (own_home / "data" / "things" / "file.bin").write_bytes(content[:5])  # a cut-off download is fetched again
    with pytest.raises(DataError, match="checksum differs"):
        fetch("things", "things", [file])
    arrived.content = content
    assert fetch("things", "things", [file])[0].read_bytes() == content


def test_home_and_mirror_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home() == tmp_path / "home" and home().is_dir() and mirror() is None
    monkeypatch.setenv("NETLOOM_DATA", str(tmp_path))
    assert mirror() == tmp_path
    monkeypatch.setenv("NETLOOM_DATA", str(tmp_path / "nowhere"))
    assert mirror() is None
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="Set NETLOOM_HOME"):
        home()
