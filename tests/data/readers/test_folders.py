"""Every file of a folder is a picture of its class, or counted under why it is none; numbers come from names."""

import re
from pathlib import Path

import numpy as np
import pytest

from smcrep.data.readers.folders import EXTENSIONS, open_folder
from tests.data.readers.pictures import shows, write

pytestmark = pytest.mark.situation


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat/0.png", "cat/1.png", "dog/2.png")):
        write(tmp_path / "set" / name, number)
    return tmp_path / "set"


def counted(report: tuple[str, ...]) -> int:
    """Files in the first line of a report: pictures and all that is skipped."""
    kept = int(re.findall(r": (\d+) pictures", report[0])[0])
    skipped = report[0].partition("; skipped: ")[2]
    return kept + sum(int(part.split()[0]) for part in skipped.split(", ") if part)


def test_every_file_is_kept_or_counted(root: Path) -> None:
    for name in ("cat/.hidden.png", ".git/objects/1.png", "__MACOSX/cat/._0.png", ".DS_Store", "dog/.thumbs/2.png"):
        write(root / name, 9)
    for name in ("cat/notes.txt", "labels.csv", "dog/2.json"):
        write(root / name, 9)
    for name in ("cat/3.heic", "cat/4.HEIC", "dog/5.svg"):
        write(root / name, 9)
    write(root / "beside.png", 9)
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    found = open_folder(root)
    assert found.names == ("cat/0.png", "cat/1.png", "dog/2.png")
    assert found.classes == ("cat", "dog")
    assert counted(found.report) == sum(1 for path in root.rglob("*") if not path.is_dir())
    for words in ("5 hidden", "3 other files", "2 .heic (a format", "1 .svg", "1 in no class's folder", "1 broken"):
        assert words in found.report[0]
    assert all(shows(found.decode(i, 4), i) for i in range(3))


def test_empty_class_keeps_its_number_and_is_said(root: Path) -> None:
    for number, name in enumerate(("ant", "cow")):
        (root / name).mkdir()
        write(root / name / "notes.txt", number)
    found = open_folder(root)
    assert found.classes == ("ant", "cat", "cow", "dog")
    assert found.labels.tolist() == [1, 1, 3]
    assert [line.split(": ", 1)[1] for line in found.report[1:]] == [
        "class 'ant' has no picture; it keeps its number 0",
        "class 'cow' has no picture; it keeps its number 2",
    ]


def test_test_set_without_a_class_has_the_numbers_of_its_training_set(root: Path, tmp_path: Path) -> None:
    write(root / "ant/9.png", 9)
    train = open_folder(root)
    write(tmp_path / "other/dog/7.png", 7)
    alone = open_folder(tmp_path / "other")
    assert alone.labels.tolist() == [0]
    test = alone.with_classes(train.classes)
    assert (test.classes, test.labels.tolist()) == (("ant", "cat", "dog"), [2])
    assert shows(test.decode(0, 4), 7)
    with pytest.raises(
        ValueError, match=r"class 'ant' is not among the 1 .*; leave it out, or number by other classes"
    ):
        train.with_classes(alone.classes)


def test_nested_pictures_are_of_the_first_folder_and_are_said(root: Path) -> None:
    write(root / "cat/house/3.png", 3)
    write(root / "cat/house/tabby/4.png", 4)
    found = open_folder(root)
    by_name = dict(zip(found.names, found.labels.tolist(), strict=True))
    assert by_name["cat/house/3.png"] == by_name["cat/house/tabby/4.png"] == found.classes.index("cat")
    assert f"2 of them lie deeper; the first folder below {root} is their class" in found.report[1]


def test_folder_of_splits_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    root.rename(tmp_path / "all/train")
    with pytest.raises(ValueError, match=r"its folders are splits, not classes; give one of them, such as .*train"):
        open_folder(tmp_path / "all")


@pytest.mark.parametrize(("ending", "form"), [("jfif", "jpeg"), ("avif", "avif"), ("jp2", "jpeg2000"), ("JPG", "jpeg")])
def test_less_usual_endings_are_read(tmp_path: Path, ending: str, form: str) -> None:
    write(tmp_path / f"set/cat/0.{ending}", 3, form)
    found = open_folder(tmp_path / "set")
    assert found.names == (f"cat/0.{ending}",)
    assert shows(found.decode(0, 4), 3, tolerance=6)


def test_every_ending_is_one_that_the_decoder_knows() -> None:
    from PIL import Image

    Image.init()
    assert set(EXTENSIONS) <= set(Image.registered_extensions())


def test_linked_folders_are_followed_once(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/5.png", 5)
    (root / "eel").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "loop").symlink_to(root)
    found = open_folder(root)
    assert found.names == ("cat/0.png", "cat/1.png", "dog/2.png", "eel/5.png")
    assert "1 folders linked twice" in found.report[0]


def test_nothing_but_skipped_files_says_which(tmp_path: Path) -> None:
    write(tmp_path / "set/cat/0.heic", 0)
    with pytest.raises(ValueError, match=r"set: no images in it; expected set/<class>/<name>.jpg .*1 .heic \(a format"):
        open_folder(tmp_path / "set")


def test_accents_of_another_file_system_are_the_same_class(tmp_path: Path) -> None:
    found = [open_folder(write(tmp_path / f"{i}/{name}/0.png", 0).parents[1]) for i, name in enumerate(NAMES)]
    assert found[0].classes == found[1].classes


NAMES = ("caf\u00e9", "cafe\u0301")


def test_content_changes_with_any_byte_and_any_name(root: Path) -> None:
    before = open_folder(root).content(3)
    assert open_folder(root).content(3) == before
    assert open_folder(root).content(2) != before
    first, second = root / "cat/0.png", root / "cat/1.png"
    whole = first.read_bytes(), second.read_bytes()
    first.write_bytes(whole[1])
    second.write_bytes(whole[0])
    assert open_folder(root).content(3) != before
    first.write_bytes(whole[0])
    second.write_bytes(whole[1])
    assert open_folder(root).content(3) == before
    second.rename(root / "cat/3.png")
    assert open_folder(root).content(3) != before


def test_selected_pictures_keep_their_names_labels_and_pixels(root: Path) -> None:
    found = open_folder(root).select([2, 0])
    assert (found.names, found.labels.tolist(), len(found)) == (("dog/2.png", "cat/0.png"), [1, 0], 2)
    assert shows(found.decode(0, 4), 2)
    assert shows(found.decode(1, 4), 0)
    np.testing.assert_array_equal(found.select([1]).labels, [0])
