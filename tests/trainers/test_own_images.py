"""Images of one's own from folders, tables and masks: found by looking, decoded, trained, exported, predicted."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.kind import kind_of
from trainers.data.own.kinds.images import preparing
from trainers.data.own.kinds.images.data_set import load_images
from trainers.data.own.kinds.images.decoding import read_image, read_mask
from trainers.data.own.kinds.images.listing import listing
from trainers.script.train_script import train_script
from trainers.stages import Cancelled, Stage, heard_by

COLOURS = {"red": (220, 30, 40), "green": (30, 200, 60), "blue": (40, 50, 210)}


def picture(colour: tuple[int, ...], seed: int, size: tuple[int, int] = (24, 18)) -> Image.Image:
    """A noisy image of one colour, (width, height) pixels."""
    noise = np.random.default_rng(seed).integers(-25, 26, (size[1], size[0], 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype("uint8"))


def folders(root: Path, count: int = 12, parts: tuple[str, ...] = ("",), inner: tuple[str, ...] = ("",)) -> Path:
    """Folders of colours, each with `count` images for each of the parts and inner folders."""
    seed = 0
    for part in parts:
        for name, colour in COLOURS.items():
            for deep in inner:
                for number in range(count):
                    seed += 1
                    path = root / part / name / deep / f"{number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    picture(colour, seed).save(path)
    return root


def added(path: Path, **options: Any) -> tuple[str, Any]:
    name = trainers.add_data(path, **options)
    return name, library.stored(name).schema


def script_arrays(name: str, folder: Path) -> dict[str, NDArray[Any]]:
    """What the functions of the exported script return, in an interpreter without Netloom."""
    code = dataset({"name": name}).source()
    calls = [each for each in ("load_data", "load_groups", "load_parts") if f"def {each}(" in code]
    code += "\nresult = {}\nresult['inputs'], result['targets'] = load_data()\n"
    code += "".join(f"result['{each[5:]}'] = {each}()\n" for each in calls[1:])
    script = folder / "reads.py"
    script.write_text(code + "np.savez('arrays.npz', **result)\n", encoding="utf-8")
    command = [sys.executable, "-W", "error", "-I", script.name]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return dict(np.load(folder / "arrays.npz"))


def check_script(name: str, folder: Path) -> None:
    """The script beside the folder gives the arrays that training gets."""
    found, arrays = script_arrays(name, folder), dataset({"name": name}).load()
    np.testing.assert_array_equal(found["inputs"], arrays.inputs[0].astype("float32") / 255)
    targets = found["targets"].astype(arrays.targets.dtype).reshape(arrays.targets.shape)
    np.testing.assert_array_equal(targets, arrays.targets)
    for key, given in (("groups", arrays.groups), ("parts", arrays.parts)):
        assert (key in found) == (given is not None)
        if given is not None:
            np.testing.assert_array_equal(found[key], given)


# -- what is found -----------------------------------------------------------------------------------------------------


def test_folders_are_classes_and_train(tmp_path: Path) -> None:
    name, schema = added(folders(tmp_path / "colours", 20))
    assert (schema.kind, schema.labels, schema.classes, schema.channels) == (
        "images",
        "folders",
        tuple(sorted(COLOURS)),
        3,
    )
    assert (schema.height, schema.width) == (18, 24) and schema.task == "classification"
    report = trainers.data_report(name)
    assert report.rows == 60 and not report.left_out and not report.warnings and "red: 20 images" in str(report)
    tiles = report.sections[0].tiles  # type: ignore[attr-defined]
    assert [tile.count for tile in tiles] == [20, 20, 20] and tiles[0].images.shape == (8, 3, 18, 24)
    document = trainers.recommend(name)
    assert not trainers.check(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=4, threads=1))
    run.wait()
    assert run.state == "finished" and run.scores()["accuracy"] == 1.0
    new = tmp_path / "new"
    new.mkdir()
    picture(COLOURS["blue"], 900, (60, 45)).save(new / "b.jpg")
    picture(COLOURS["red"], 901).save(new / "r.png")
    (new / "broken.png").write_bytes(b"none")
    found = run.predict(new)
    assert list(found["prediction"]) == ["blue", "red"] and list(found.index) == ["b.jpg", "r.png"]
    assert run.predict(new / "b.jpg")["probability of blue"].iloc[0] > 0.5
    with pytest.raises(DataError, match="no image to predict"):
        run.predict(new / "broken.png")
    check_script(name, tmp_path)
    compile(train_script(document), "train.py", "exec")


@pytest.mark.parametrize("split", ["random", "group"])
def test_folders_in_folders(tmp_path: Path, split: str) -> None:
    name, schema = added(folders(tmp_path / "deep", 4, inner=("one1", "two2", "three3")), split=split)
    assert schema.classes == tuple(sorted(COLOURS)) and schema.levels == 2
    assert ("D207" in {w.code for w in trainers.data_report(name).warnings}) == (split == "random")
    arrays = dataset({"name": name}).load()
    if split == "group":
        assert arrays.groups is not None and len(np.unique(arrays.groups)) == 9
    check_script(name, tmp_path)
    stored = library.stored(name)
    other = kind_of(stored).change(stored, "class_level", 1)
    assert other.classes == ("one1", "three3", "two2")  # type: ignore[attr-defined]
    library.change(name, other)
    assert set(dataset({"name": name}).load().targets.tolist()) == {0, 1, 2}
    with pytest.raises(DataError, match="levels 1 to 2"):
        kind_of(stored).change(stored, "class_level", 2)


def test_the_inner_folder_is_the_class_where_its_names_repeat(tmp_path: Path) -> None:
    root = tmp_path / "sites"
    for place in ("north", "south"):
        folders(root / place, 3)
    _, schema = added(root)
    assert schema.class_level == 1 and schema.classes == tuple(sorted(COLOURS))


def test_folders_that_name_the_parts(tmp_path: Path) -> None:
    root = folders(tmp_path / "given", 6, ("train", "val", "test"))
    shutil.copy(root / "train" / "red" / "0.png", root / "test" / "red" / "copy.png")
    name, schema = added(root)
    assert schema.parts_folder and schema.splitting.how == "given" and schema.classes == tuple(sorted(COLOURS))
    data = dataset({"name": name})
    assert data.given_parts == {"validation": 18, "test": 19}
    warning = next(w for w in trainers.data_report(name).warnings if w.code == "D203")
    assert "1 images are in more than one" in warning.message and not warning.fix.copies
    check_script(name, tmp_path)
    job = trainers.Job.from_document(trainers.recommend(name), epochs=1)
    prepared = job.prepare()
    assert [len(part) for part in (prepared.training, prepared.validation, prepared.test)] == [18, 18, 19]
    names = listing(library.stored(name)).names
    assert all(names[place].startswith("val/") for place in prepared.validation.indices)


def test_a_table_of_numbers_and_one_of_classes(tmp_path: Path) -> None:
    root = tmp_path / "frames"
    (root / "pictures").mkdir(parents=True)
    lines = ["time,file,steering,side"]
    for number in range(30):
        picture((8 * number, 90, 90), number).save(root / "pictures" / f"{number}.png")
        lines.append(f"{number},{number}.png,{number / 30:.3f},{'left' if number % 3 else 'right'}")
    lines.append("30,absent.png,0.5,left")
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    name, schema = added(root, target="steering")
    assert (schema.labels, schema.table, schema.file_column, schema.task) == (
        "table",
        "labels.csv",
        "file",
        "regression",
    )
    assert schema.splitting.how == "time"
    data: Any = dataset({"name": name})
    assert data.target_names == ("steering",) and len(data.load().targets) == 30 and data.order == "time"
    assert not trainers.check(trainers.recommend(name))
    check_script(name, tmp_path)
    name, schema = added(root, target="side", split="random")
    assert schema.classes == ("left", "right") and np.bincount(dataset({"name": name}).load().targets).tolist() == [
        20,
        10,
    ]
    check_script(name, tmp_path)


@pytest.mark.parametrize("form", ["folders", "suffix"])
def test_pairs_of_image_and_mask(tmp_path: Path, form: str) -> None:
    root = tmp_path / "pairs"
    for number in range(10):
        image = np.full((32, 32), 40, np.uint8)
        mask = np.zeros((32, 32), np.uint8)
        at = 2 * number
        image[at : at + 10, 4:14], mask[at : at + 10, 4:14] = 200, 255
        inner = ("images", "masks") if form == "folders" else ("", "")
        for kind, array, suffix in zip(inner, (image, mask), ("", "" if form == "folders" else "_mask"), strict=True):
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / kind / f"{number}{suffix}.png")
    name, schema = added(root)
    assert (schema.labels, schema.classes, schema.mask_values) == ("masks", ("background", "object"), (0, 255))
    arrays = dataset({"name": name}).load()
    assert arrays.targets.shape == (10, 32, 32) and set(np.unique(arrays.targets)) == {0, 1}
    assert ((np.asarray(arrays.inputs[0])[:, 0] > 100) == (arrays.targets == 1)).all()
    document = trainers.recommend(name)
    assert not trainers.check(document)
    run = trainers.start(trainers.Job.from_document(document, epochs=12, threads=1, data={"batch_size": 4}))
    run.wait()
    assert run.state == "finished" and run.scores()["iou"] > 0.6
    check_script(name, tmp_path)


def test_boxes_are_shown_and_not_learned(tmp_path: Path) -> None:
    root = folders(tmp_path / "boxes", 3) / "red"
    annotations = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 24, "height": 18} for n in range(3)],
        "categories": [{"id": 7, "name": "car"}],
        "annotations": [{"image_id": n, "category_id": 7, "bbox": [1, 2, 3, 4]} for n in range(3)],
    }
    (root / "instances.json").write_text(json.dumps(annotations), encoding="utf-8")
    name, schema = added(root)
    report = trainers.data_report(name)
    assert schema.labels == "boxes" and "COCO: 3 boxes" in report.found["boxes"]
    assert "D208" in {warning.code for warning in report.warnings}
    with pytest.raises(DataError, match="no task yet that learns"):
        trainers.recommend(name)
    (root / "instances.json").unlink()
    for number in range(3):
        (root / f"{number}.txt").write_text("0 0.5 0.5 0.2 0.1\n", encoding="utf-8")
    name, schema = added(root)
    report = trainers.data_report(name)
    assert schema.labels == "boxes" and "YOLO: 3 boxes" in report.found["boxes"]
    tile = report.sections[0].tiles[0]
    assert tile.images.shape == (3, 3, 96, 96) and tile.captions == ("1 class 0",) * 3
    border = tile.images[0][:, 48, round(0.4 * 96)]  # the left side of the box: drawn over what is there
    assert tuple(border) == (255, 140, 0)


def test_masks_are_no_images_of_another_kind_of_pixels(tmp_path: Path) -> None:
    for number in range(4):
        for kind, image in (
            ("images", picture((200, 30, 30), number)),
            ("masks", Image.new("L", (24, 18), number % 2)),
        ):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            image.save(tmp_path / "pairs" / kind / f"{number}.png")
    name, schema = added(tmp_path / "pairs")
    report = trainers.data_report(name)
    assert schema.labels == "masks" and report.rows == 4
    assert "D205" not in {warning.code for warning in report.warnings} and report.found["colours"] == "colour"


def test_images_without_a_value_to_predict_are_listed(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    lines = ["file,shape"]
    for number in range(24):
        picture((200, 30, 30), number).save(tmp_path / "named" / f"{number}.png")
        lines.append(f"{number}.png,{('', 'round', 'square')[number % 3]}")
    (tmp_path / "named" / "shapes.csv").write_text("\n".join(lines), encoding="utf-8")
    name, schema = added(tmp_path / "named")
    report = trainers.data_report(name)
    assert schema.labels == "table" and report.rows == library.stored(name).source.rows == 16
    assert len(report.left_out) == report.left_out_count == 8
    assert report.left_out[0].reason == "shapes.csv has no value of shape for it."
    assert "D206" in {warning.code for warning in report.warnings}


def test_images_without_labels_say_what_is_missing(tmp_path: Path) -> None:
    name, _ = added(folders(tmp_path / "x", 3) / "red")
    with pytest.raises(DataError, match="a folder for each class"):
        trainers.recommend(name)


# -- decoding ----------------------------------------------------------------------------------------------------------


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> io.BytesIO:
    held = io.BytesIO()
    image.save(held, format, **options)
    held.seek(0)
    return held


def test_every_kind_of_pixels_gives_the_same_colour() -> None:
    grey = Image.new("L", (8, 6), 100)
    values = np.full((6, 8), 100 * 257, np.uint16)
    rgb = Image.new("RGB", (8, 6), (100, 100, 100))
    clear = Image.new("RGBA", (8, 6), (10, 20, 30, 0))
    kinds = {
        "grey": saved(grey),
        "16 bit": saved(Image.fromarray(values)),
        "16 bit tiff": saved(Image.fromarray(values), "TIFF"),
        "32 bit": saved(Image.fromarray(values.astype(np.int32)), "TIFF"),
        "floats": saved(Image.fromarray(np.full((6, 8), 100 / 255, np.float32)), "TIFF"),
        "palette": saved(rgb.quantize(4)),
        "cmyk": saved(rgb.convert("CMYK"), "TIFF"),
        "colour": saved(rgb),
    }
    for kind, held in kinds.items():
        for channels in (1, 3):
            held.seek(0)
            found = read_image(held, 6, 8, channels, "stretch")
            assert found.shape == (channels, 6, 8) and abs(int(found.min()) - 100) <= 1 and np.ptp(found) == 0, kind
    assert read_image(saved(clear), 6, 8, 3, "stretch").min() == 255  # what is transparent is on white
    palette = rgb.quantize(4)
    assert read_image(saved(palette, transparency=0), 6, 8, 1, "stretch").min() == 255
    frames = [Image.new("RGB", (8, 6), (v, v, v)) for v in (0, 255)]
    moving = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_image(moving, 6, 8, 1, "stretch").max() == 0  # the first frame


def test_photographs_are_turned_upright() -> None:
    image = Image.new("L", (20, 10), 0)
    image.paste(255, (0, 0, 10, 10))  # left half white
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the left side is the top
    found = read_image(saved(image, "PNG", exif=exif), 20, 10, 1, "stretch")[0]
    assert found[:9].min() == 255 and found[11:].max() == 0


@pytest.mark.parametrize(("resize", "corner", "middle"), [("stretch", 200, 200), ("fit", 0, 200), ("crop", 200, 200)])
def test_how_images_are_resized(resize: str, corner: int, middle: int) -> None:
    found = read_image(saved(Image.new("L", (40, 10), 200)), 16, 16, 1, resize)[0]
    assert found.shape == (16, 16) and found[0, 0] == corner and found[8, 8] == middle


def test_masks_keep_their_values() -> None:
    image = Image.fromarray(np.array([[0, 0, 7, 7], [0, 0, 7, 7]], np.uint8).repeat(4, 0).repeat(4, 1))
    assert set(np.unique(read_mask(saved(image), 5, 9, (0, 7), "stretch"))) == {0, 1}
    colours = Image.new("RGB", (4, 4), (255, 0, 0))
    assert read_mask(saved(colours), 4, 4, (0, 255 * 65536), "stretch").min() == 1


def test_what_cannot_be_used_is_left_out_with_the_reason(tmp_path: Path) -> None:
    root = folders(tmp_path / "mixed", 6)
    whole = (root / "red" / "0.png").read_bytes()
    (root / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "red" / "zero.png").write_bytes(b"")
    (root / "red" / "words.jpg").write_text("not an image", encoding="utf-8")
    (root / "red" / "renamed.jpg").write_bytes(whole)
    (root / "red" / "no_ending").write_bytes(whole)
    (root / "red" / "note.txt").write_text("hello", encoding="utf-8")
    (root / "red" / ".hidden.png").write_bytes(whole)
    (root / "outside.png").write_bytes(whole)
    huge = saved(Image.new("1", (20_000, 5_000)))
    (root / "red" / "huge.png").write_bytes(huge.read())
    name, _ = added(root)
    report = trainers.data_report(name)
    reasons = {each.what.rpartition("/")[2]: each.reason for each in report.left_out}
    assert reasons.keys() == {"cut.png", "zero.png", "words.jpg", "note.txt", "outside.png", "huge.png"}
    assert "cut off" in reasons["cut.png"] and "no image" in reasons["words.jpg"] and "million" in reasons["huge.png"]
    assert report.rows == 20 and len(dataset({"name": name}).load().targets) == 20
    assert next(w for w in report.warnings if w.code == "D203").fix.copies is False
    check_script(name, tmp_path)
    library.change(name, library.stored(name).schema.with_fields(copies=False))
    assert len(dataset({"name": name}).load().targets) == 18
    check_script(name, tmp_path)


def test_nothing_that_can_be_used(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "x" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / "a" / f"{number}.png").write_bytes(b"")
    with pytest.raises(DataError, match="No image can be read"):
        trainers.add_data(tmp_path / "x")
    picture((1, 2, 3), 0).save(tmp_path / "one.png")
    with pytest.raises(DataError, match="one image"):
        trainers.add_data(tmp_path / "one.png")


def test_unequal_and_small_classes(tmp_path: Path) -> None:
    root = folders(tmp_path / "x", 4)
    for number in range(60):
        picture(COLOURS["red"], 1000 + number, (20, 20)).convert("L" if number % 2 else "RGB").save(
            root / "red" / f"more{number}.png"
        )
    name, _ = added(root)
    codes = {warning.code for warning in trainers.data_report(name).warnings}
    assert codes == {"D201", "D202", "D204", "D205"}
    assert trainers.recommend(name).training["paradigm"]["class_weights"] == "balanced"


# -- preparing ---------------------------------------------------------------------------------------------------------


def test_preparing_is_resumed_and_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "BLOCK", 4)
    name, _ = added(folders(tmp_path / "x", 10))
    data = library.stored(name)
    steps: list[tuple[int, int]] = []

    def cancel(stage: Stage) -> None:
        hear(stage)
        if stage.done >= 12:
            raise Cancelled

    def hear(stage: Stage) -> None:
        steps.append((stage.done, stage.total))

    with pytest.raises(Cancelled), heard_by(cancel):
        load_images(data)
    assert steps == [(0, 30), (4, 30), (8, 30), (12, 30)] and not (data.folder / "prepared").exists()
    root = data.data_file
    first = (root / "blue" / "0.png").read_bytes()
    stat = (root / "blue" / "0.png").stat()
    (root / "blue" / "0.png").write_bytes(b"x" * len(first))  # what is done is not read again
    os.utime(root / "blue" / "0.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    steps.clear()
    with heard_by(hear):
        arrays, _ = load_images(data)
    assert steps[0] == (12, 30) and steps[-1] == (30, 30) and len(arrays["targets"]) == 30
    steps.clear()
    with heard_by(hear):
        load_images(data)
    assert not steps


KILLED = """
import sys, time
from trainers.data.own import library
from trainers.data.own.kinds.images import preparing
from trainers.data.own.kinds.images.data_set import load_images
from trainers.stages import heard_by
preparing.BLOCK, preparing.FEW = 4, 0
with heard_by(lambda stage: (print(stage.done, flush=True), time.sleep(0.05))):
    load_images(library.stored(sys.argv[1]))
"""


def test_preparing_goes_on_after_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "BLOCK", 4)
    root = folders(tmp_path / "x", 20)
    (root / "blue" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    straight, _ = load_images(library.stored(added(root, name="straight")[0]))
    data = library.stored(added(root, name="killed")[0])
    with subprocess.Popen([sys.executable, "-c", KILLED, "killed"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 12:
            pass
        process.kill()
    with (data.folder / "prepared.part" / "failed.jsonl").open("a") as half:
        half.write('\n[3, "it is da')  # a line that was cut off by the kill
    heard: list[Stage] = []
    with heard_by(heard.append):
        again, found = load_images(data)
    assert 12 <= heard[0].done < 60 and heard[-1].done == 60
    np.testing.assert_array_equal(again["inputs"][0], straight["inputs"][0])
    np.testing.assert_array_equal(again["targets"], straight["targets"])
    assert [each.what for each in found.left_out] == ["blue/1.png"]
    assert not [path for path in data.folder.iterdir() if path.name.startswith("prepared.") and path.is_dir()]


def test_a_kill_while_gaps_are_closed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folders(tmp_path / "x", 4)
    (root / "blue" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    straight, _ = load_images(library.stored(added(root, name="straight")[0]))
    data = library.stored(added(root, name="killed")[0])

    def killed(source: Path, target: Path, *_: Any) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(preparing, "copy_samples", killed)
        load_images(data)
    again, _ = load_images(data)
    np.testing.assert_array_equal(again["inputs"][0], straight["inputs"][0])


def test_images_without_copies_stay_in_a_file(tmp_path: Path) -> None:
    root = folders(tmp_path / "x", 4)
    (root / "red" / "again.png").write_bytes((root / "red" / "0.png").read_bytes())
    whole, _ = load_images(library.stored(added(root, name="whole")[0]))
    for _ in range(2):  # made, and read
        name, _ = added(root, name=f"once{_}", settings={"copies": False})
        once, _ = load_images(library.stored(name))
        assert isinstance(once["inputs"][0], np.memmap) and len(once["inputs"][0]) == len(once["targets"]) == 12
        assert {image.tobytes() for image in once["inputs"][0]} == {image.tobytes() for image in whole["inputs"][0]}


def test_processes_give_what_threads_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folders(tmp_path / "x", 8)
    (root / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    one, _ = added(root, name="one")
    two, _ = added(root, name="two")
    in_threads, _ = load_images(library.stored(one))
    monkeypatch.setattr(preparing, "FEW", 0)
    monkeypatch.setattr(preparing, "BLOCK", 5)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    in_processes, found = load_images(library.stored(two))
    np.testing.assert_array_equal(in_threads["inputs"][0], in_processes["inputs"][0])
    assert [each.what for each in found.left_out] == ["red/broken.png"]


def test_settings_change_what_the_network_gets(tmp_path: Path) -> None:
    name, _ = added(folders(tmp_path / "x", 4))
    stored = library.stored(name)
    keys = [setting.key for setting in trainers.data_report(name).settings]
    assert {"width", "height", "channels", "resize", "mirrored", "copies"} == set(keys)
    changed = kind_of(stored).change(stored, "width", 10)
    changed = kind_of(library.change(name, changed)).change(library.stored(name), "channels", 1)
    library.change(name, changed)
    assert dataset({"name": name}).load().inputs[0].shape == (12, 1, 18, 10)
    assert dataset({"name": f"{name}@1"}).load().inputs[0].shape == (12, 3, 18, 24)
    with pytest.raises(DataError, match="width"):
        kind_of(stored).change(stored, "width", 100_000)


OMNIGLOT = Path(os.environ.get("NETLOOM_DATA") or "/nowhere") / "own" / "pictures" / "images_background_small1.zip"


@pytest.mark.slow
@pytest.mark.skipif(not OMNIGLOT.is_file(), reason="real images are read from $NETLOOM_DATA/own, which is absent")
def test_alphabets_of_characters_that_training_never_saw() -> None:
    """Five alphabets, whole characters held out: five seeds gave accuracies from 0.58 to 0.69, 0.63 in the mean."""
    name = trainers.add_data(OMNIGLOT, split="group")
    run = trainers.start(trainers.Job.from_document(trainers.recommend(name), data={"test": 0.2}))
    run.wait()
    assert run.scores()["accuracy"] >= 0.52
