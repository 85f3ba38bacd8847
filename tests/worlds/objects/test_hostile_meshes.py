"""A mesh file is read correctly or refused in one line with a remedy, before it takes memory for what it declares."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smcrep.worlds.objects import mesh_checks
from smcrep.worlds.objects.meshes import load_folder, load_mesh
from tests.worlds.mesh_files import (
    BLUE,
    CORNERS,
    FACES,
    MIXED,
    RED,
    TRIANGLES,
    ply,
    refused,
    write_obj,
    write_off,
    written,
)

SUFFIXES = ("off", "ply", "obj", "stl", "glb")


# ---- OFF


OFF_ROWS = "0 0 0\n1 0 0\n0 2 0\n0 0 3\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "OFF\n4 4 6\n" + OFF_ROWS,
        ("OFF\n4 4 6\n" + OFF_ROWS).replace("\n", "\r\n"),
        "OFF 4 4 6\n" + OFF_ROWS,
        "OFF4 4 0\n" + OFF_ROWS,  # as ModelNet writes some
        "# made by hand\n\nOFF\n\n4 4 6 # counts\n# corners\n" + OFF_ROWS.replace("3 0 2 1\n", "\n3 0 2 1\n"),
        "OFF\n4 4 6\n" + OFF_ROWS.replace("3 1 2 3\n", "3 1 2 3 255 0 0\n"),
        "COFF\n4 4 6\n" + re.sub(r"(?m)^(\d \d \d)$", r"\1 255 0 0 255", OFF_ROWS),
        "OFF\n4 3 6\n0 0 0\n1 0 0\n0 2 0\n0 0 3\n3 0 1 3\n4 0 3 2 1\n3 1 2 3\n",  # a polygon of four corners
    ],
    ids=["plain", "CRLF", "counts on the first line", "glued", "comments", "face colours", "COFF", "quad"],
)
def test_all_variants_of_off_give_the_same_body(tmp_path, text):
    body = load_mesh(written(tmp_path / "a.off", text))
    np.testing.assert_allclose(body.half_extents, [0.5, 1, 1.5])
    assert len(body.vertices) == 4
    assert len(body.faces) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("OFF\n1000000000000 1000000000000 0\n" + OFF_ROWS, "declares 1000000000000 vertices .* in 8 lines; it is cut"),
        ("OFF\n4 9 0\n" + OFF_ROWS, "declares 4 vertices and 9 faces in 8 lines; it is cut short"),
        ("OFF\n-4 4 0\n" + OFF_ROWS, "no numbers of vertices and faces"),
        ("OFF\n", "no numbers of vertices and faces"),
        ("OFF BINARY\n4 4 0\n", "a binary OFF; export it as text"),
        ("PLY\n4 4 0\n" + OFF_ROWS, "does not begin with OFF"),
        (
            "OFF\n4 4 0\n" + OFF_ROWS.replace("3 1 2 3", "3 1 2 7"),
            "has a face that names vertex 7 of 4; it is cut short",
        ),
        (
            "OFF\n4 4 0\n" + OFF_ROWS.replace("3 1 2 3", "3 1 2 -1"),
            "has a face that names vertex -1 of 4; it is cut short",
        ),
    ],
)
def test_off_with_false_counts_is_refused(tmp_path, text, words):
    refused(written(tmp_path / "a.off", text), words)


# ---- PLY


EVEN = [(3, 2, 1, 0), (0, 1, 4), (0, 1, 2, 3, 4)]  # as many corners in all as if every face had the first one's


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("second_list", [False, True])
def test_ply_with_lists_of_any_length_loads(tmp_path, kind, second_list):
    body = load_mesh(written(tmp_path / "a.ply", ply(kind, TRIANGLES, second_list)))
    np.testing.assert_allclose(body.half_extents, 0.5)
    assert trimesh.Trimesh(body.vertices, body.faces).volume == pytest.approx(1 / 3)
    for faces in (MIXED, EVEN):
        read = load_mesh(written(tmp_path / "a.ply", ply(kind, faces, second_list)))
        assert len(read.faces) == 6
        if faces is MIXED:
            assert trimesh.Trimesh(read.vertices, read.faces).volume == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
def test_ply_with_false_declarations_is_refused(tmp_path, kind):
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES, num_vertices=10**12)), "declares 1000000000000 of vertex")
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES, num_vertices=-1)), "element whose number is none")
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES)[:-20]), "declares .* it is cut short")
    whole = ply(kind, TRIANGLES)
    refused(written(tmp_path / "a.ply", whole.replace(b"vertex 5", b"vertex")), "element whose number is none")
    if kind != "ascii":
        for wrong in (b"property \n", b"property list list list x\n", b"property float\n", b"property half x\n"):
            damaged = whole.replace(b"property float x\n", wrong)
            refused(written(tmp_path / "a.ply", damaged), "declares a property .* cut short")
    refused(written(tmp_path / "a.ply", b"ply\n"), "no PLY header from 'ply' to 'end_header'")


# ---- STL, OBJ


def test_stl_cut_short_or_with_an_absurd_count_is_refused(tmp_path):
    trimesh.Trimesh(CORNERS, FACES).export(tmp_path / "a.stl")
    whole = (tmp_path / "a.stl").read_bytes()
    refused(written(tmp_path / "a.stl", whole[:-30]), r"declares 4 triangles \(284 bytes\) in 254; it is cut short")
    absurd = whole[:80] + struct.pack("<I", 2**32 - 1) + whole[84:]
    refused(written(tmp_path / "a.stl", absurd), "declares 4294967295 triangles")
    text = trimesh.Trimesh(CORNERS, FACES).export(file_type="stl_ascii")
    assert len(load_mesh(written(tmp_path / "b.stl", text)).faces) == 4
    refused(written(tmp_path / "b.stl", text[: len(text) // 2]), "has no endsolid; it is cut short")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not of three numbers|could not be read"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 999999999999\n", "could not be read|names vertex"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 -9 1\n", "could not be read|names vertex"),
    ],
)
def test_obj_with_malformed_rows_is_refused(tmp_path, lines, words):
    refused(written(tmp_path / "a.obj", lines), words)


# ---- numbers


def test_mesh_too_far_from_the_origin_for_its_precision_is_refused(tmp_path):
    body = load_mesh(write_off(tmp_path / "a.off", CORNERS + 4096))  # single numbers hold 0.5 mm there
    np.testing.assert_allclose(body.half_extents, [0.05, 0.1, 0.15], atol=5e-4)
    trimesh.Trimesh(CORNERS + 1e6, FACES, process=False).export(tmp_path / "a.stl")
    refused(tmp_path / "a.stl", r"lies 1e\+06 from the origin, .* 0.06 apart and it is 0.3.* large; centre it")
    refused(write_off(tmp_path / "a.off", CORNERS + 1e15), "from the origin")
    refused(
        write_off(tmp_path / "a.off", CORNERS * 1e300), r"coordinates up to 3.0e\+299; repair", scale_to_diameter_m=1
    )
    refused(write_off(tmp_path / "a.off", CORNERS * 1e-300), "degenerate", scale_to_diameter_m=1)


def test_mesh_above_the_size_limit_is_refused(tmp_path, monkeypatch):
    with (tmp_path / "a.off").open("wb") as file:
        file.truncate(5 << 30)  # takes no space on the disk
    refused(tmp_path / "a.off", r"has 5368709120 bytes \(limit 1073741824\); simplify it first")
    monkeypatch.setattr(mesh_checks, "MAX_LINES", 9)
    for suffix in ("off", "obj"):
        trimesh.Trimesh(CORNERS, FACES, process=False).export(tmp_path / f"b.{suffix}")
        refused(
            written(tmp_path / f"b.{suffix}", b"\n" * 10 + (tmp_path / f"b.{suffix}").read_bytes()), "lines .limit 9"
        )


# ---- anything at all


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch")
    for suffix in SUFFIXES:
        trimesh.Trimesh(CORNERS, FACES, process=False, vertex_colors=[RED, RED, RED, BLUE]).export(
            folder / f"whole.{suffix}"
        )
    (folder / "text.ply").write_bytes(ply("ascii", MIXED))
    (folder / "text.stl").write_text(trimesh.Trimesh(CORNERS, FACES).export(file_type="stl_ascii"))
    return folder


EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 9),
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b"nan", b"inf", b"1e308", b"-1", b" 999999999999 ", b"\n", b"\xff\xff\xff\xff", b"[[", b"{}"]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(whole: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Each edit replaces so many bytes at a place in (0, 1) of the file."""
    for place, length, new in edits:
        at = int(place * len(whole))
        whole = whole[:at] + new + whole[at + length :]
    return whole


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*(f"whole.{suffix}" for suffix in SUFFIXES), "text.ply", "text.stl"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_damaged_file_loads_or_is_refused_in_one_line(scratch, name, edits):
    path = scratch / f"damaged.{name[-3:]}"
    path.write_bytes(mutated((scratch / name).read_bytes(), edits))
    try:
        found = load_mesh(path, scale_to_diameter_m=0.1)
    except ValueError as error:
        message = str(error)
        assert message.startswith(f"load_mesh: {path} ")
        assert len(message.splitlines()) == 1
        assert ";" in message
    else:
        assert np.isfinite(found.vertices).all()
        assert np.isfinite(found.uv).all()
        assert 0 <= found.faces.min() <= found.faces.max() < len(found.vertices)
        assert found.diameter == pytest.approx(0.1, rel=1e-4)


def test_folder_of_damaged_files_reports_one_line_each(tmp_path, capfd):
    """The logs of the libraries below must not reach the user either."""
    write_off(tmp_path / "good.off")
    written(tmp_path / "bad1.ply", ply("binary_little_endian", MIXED)[:-3])
    written(tmp_path / "bad2.stl", "vertex vertex solid")
    written(tmp_path / "bad3.ply", ply("ascii", TRIANGLES).replace(b"0.5 0.5 1", b"here 0.5 1"))
    write_obj(tmp_path, material="map_Kd gone.png", name="bad4.obj")
    objects, problems = load_folder(tmp_path)
    assert len(objects) == 1
    assert [Path(line.split()[1]).name for line in problems] == ["bad1.ply", "bad2.stl", "bad3.ply", "bad4.obj"]
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError, match=r"bad1\.ply"):
        load_folder(tmp_path, on_bad="refuse")
