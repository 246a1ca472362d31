"""JPEG files that are all different and decode to few pictures."""

from pathlib import Path

from benchmarks.jpegs import CLASSES, SIZE, write_jpegs
from mixupe.data.class_folders import find_files
from mixupe.data.images.decode import read_image
from mixupe.data.images.image_folder import IMAGES


def test_files_are_images_that_differ(tmp_path: Path) -> None:
    write_jpegs(tmp_path / "jpegs", 75)
    files = find_files(tmp_path / "jpegs", IMAGES).files
    assert len(files) == 75
    assert len({path.parent for path in files}) == CLASSES
    assert len({path.read_bytes() for path in files}) == 75
    by_number = {int(path.stem): path for path in files}
    first, again, other = (read_image(by_number[number], 3) for number in (0, 64, 1))
    assert first.size == SIZE
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert 10_000 < by_number[0].stat().st_size < 100_000
