"""Files written here load in torch and the reverse; what is no such file is refused in torch's words."""

import io
import os
import pickle
import re
import stat
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict, defaultdict
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare

LIBS = [torch, jtorch]
TYPED = (
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)
UNTYPED = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2")


class Plain:
    """A class of the user's."""

    def __init__(self) -> None:
        self.value = 1


def saved(lib: ModuleType, obj: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    lib.save(obj, file, **options)
    return file.getvalue()


def loaded(lib: ModuleType, data: bytes, **options: Any) -> Any:
    return lib.load(io.BytesIO(data), **options)


def record(data: bytes, name: str) -> bytes:
    return zipfile.ZipFile(io.BytesIO(data)).read(f"archive/{name}")


def crafted(pickled: bytes, **records: bytes) -> bytes:
    """A file with this pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        for name, content in records.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


def outcome(lib: ModuleType, data: bytes, **options: Any) -> str:
    """What loading gives, as text."""
    try:
        return repr(loaded(lib, data, **options))
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the answer
        return f"{type(error).__name__}: {error}"


def objects(lib: ModuleType) -> dict[str, Any]:
    """One object of each kind, made with either library."""
    x = lib.tensor(np.arange(12, dtype=np.float32).reshape(3, 4))
    tagged, frozen = lib.tensor([5.0]), lib.nn.Parameter(lib.tensor([3.0]), requires_grad=False)
    tagged.tag, frozen.tag = "of a tensor", "of a parameter"
    state = OrderedDict(weight=x)
    state._metadata = OrderedDict({"": {"version": 1}})
    leaf = lib.tensor([1.0], requires_grad=True)
    return {
        "tensor": x,
        "views": [x[1:, ::2], x.t(), x[2], x[:0], x.expand(2, 3, 4), x[0, 0]],
        "the same": x,
        "scalar": lib.tensor(1.5),
        "empty": [lib.zeros(0), lib.zeros(0, 3, dtype=lib.int8)],
        "parameters": [lib.nn.Parameter(lib.tensor([1.0, 2.0])), frozen],
        "leaf": leaf,
        "result": leaf * 2,
        "tagged": tagged,
        "typed": {name: lib.tensor([0.0, 1.0, 1.0]).to(getattr(lib, name)) for name in TYPED},
        "untyped": {name: lib.tensor([0.0, 1.0, 1.0]).to(getattr(lib, name)) for name in UNTYPED},
        "plain values": [lib.float16, lib.Size([1, 2]), lib.device("cuda", 1), lib.strided],
        "state": state,
        "python": [
            1,
            2.5,
            "ü",
            b"\xff\x00",
            None,
            True,
            {1, 2},
            (1,),
            1j,
            10**30,
            -5,
            bytearray(b"ab"),
            Counter("aab"),
        ],
        "nested": {"a": [{"b": (x, [x])}]},
    }


NAMES = list(objects(torch))


@pytest.mark.parametrize("name", NAMES)
def test_the_pickle_is_the_one_torch_writes(name):
    assert record(saved(jtorch, objects(jtorch)[name]), "data.pkl") == record(
        saved(torch, objects(torch)[name]), "data.pkl"
    )


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("writer", LIBS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_either_library_loads_in_both(name, writer, weights_only):
    data = saved(writer, objects(writer)[name])
    ours, torchs = (loaded(lib, data, weights_only=weights_only) for lib in (jtorch, torch))
    if name != "untyped":  # NumPy, through which values are compared, has no 8-bit floats
        compare(ours, torchs, rtol=0, atol=0)
    assert repr(ours).replace("jtorch", "torch") == repr(torchs)


@pytest.mark.parametrize("writer", LIBS)
def test_what_a_repr_does_not_show(writer):
    data = saved(writer, objects(writer))
    ours, torchs = (loaded(lib, data) for lib in (jtorch, torch))
    for lib, got in ((jtorch, ours), (torch, torchs)):
        assert got["the same"] is got["tensor"]
        assert got["tagged"].tag == "of a tensor"
        assert got["parameters"][1].tag == "of a parameter"
        assert got["state"]._metadata == {"": {"version": 1}}
        assert isinstance(got["parameters"][0], lib.nn.Parameter)
        assert got["result"].is_leaf
    for ours_view, torchs_view in zip(ours["views"], torchs["views"], strict=True):
        assert ours_view.storage_offset() == torchs_view.storage_offset()
        assert tuple(ours_view.stride()) == torchs_view.stride()


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("writer", LIBS)
def test_shared_storages_stay_shared(writer, lib):
    x = writer.zeros(4)
    got = loaded(lib, saved(writer, {"part": x[1:3], "all": x, "transposed": x.view(2, 2).t()}))
    got["part"].fill_(7.0)
    assert got["all"].tolist() == [0, 7, 7, 0]
    assert got["transposed"].tolist() == [[0, 7], [7, 0]]


def test_a_view_saves_its_whole_storage():
    for lib in LIBS:
        assert len(record(saved(lib, lib.zeros(100)[:2]), "data/0")) == 400


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols(protocol):
    data = saved(jtorch, objects(jtorch), pickle_protocol=protocol)
    expected = repr(loaded(torch, data, weights_only=False))
    for weights_only in (True, False):
        assert repr(loaded(jtorch, data, weights_only=weights_only)) == expected


def test_the_archive_is_laid_out_as_torchs():
    archives = [zipfile.ZipFile(io.BytesIO(saved(lib, objects(lib)))) for lib in (torch, jtorch)]
    torchs, ours = ([info.filename for info in archive.infolist()] for archive in archives)
    assert ours == [name for name in torchs if not name.endswith("serialization_id")]
    for name in ours:
        assert archives[1].read(name) == archives[0].read(name)
    raw = saved(jtorch, objects(jtorch))
    for info in zipfile.ZipFile(io.BytesIO(raw)).infolist():
        name_length, extra_length = np.frombuffer(raw, "<u2", 2, info.header_offset + 26)
        assert (info.header_offset + 30 + name_length + extra_length) % 64 == 0
        assert info.compress_type == zipfile.ZIP_STORED


def test_records_past_four_gigabytes_are_aligned_too(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    raw = saved(jtorch, jtorch.arange(100.0))
    info = zipfile.ZipFile(io.BytesIO(raw)).getinfo("archive/data/0")
    name_length, extra_length = np.frombuffer(raw, "<u2", 2, info.header_offset + 26)
    assert (info.header_offset + 30 + name_length + extra_length) % 64 == 0
    monkeypatch.undo()
    assert loaded(torch, raw).tolist() == list(range(100))


def test_a_file_behind_other_bytes():
    file = io.BytesIO(b"0123456789")
    file.seek(10)
    jtorch.save(jtorch.ones(2), file)
    for lib in LIBS:
        file.seek(10)
        assert lib.load(file).tolist() == [1, 1]


def test_a_file_that_can_only_be_written():
    class Sink:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    sink = Sink()
    jtorch.save({"x": jtorch.ones(3)}, sink)
    assert loaded(torch, sink.data)["x"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["model.pt", "a.b.pt", "none", "ü.pt"])
def test_paths(tmp_path, name):
    (tmp_path / "torch").mkdir()
    jtorch.save({"x": jtorch.ones(2)}, tmp_path / name)
    torch.save({"x": torch.ones(2)}, tmp_path / "torch" / name)
    first = [zipfile.ZipFile(path).namelist()[0] for path in (tmp_path / name, tmp_path / "torch" / name)]
    assert first[0] == first[1]
    for lib in LIBS:
        for path in (tmp_path / name, str(tmp_path / "torch" / name)):
            assert lib.load(path)["x"].tolist() == [1, 1]
            assert lib.load(path, mmap=True)["x"].tolist() == [1, 1]


# Legacy files


@pytest.mark.parametrize("weights_only", [True, False])
def test_legacy_files(weights_only):
    made = objects(torch)
    del made["untyped"]
    data = saved(torch, made, _use_new_zipfile_serialization=False)
    ours, torchs = (loaded(lib, data, weights_only=weights_only) for lib in (jtorch, torch))
    compare(ours, torchs, rtol=0, atol=0)
    ours["views"][2].fill_(7.0)
    torchs["views"][2].fill_(7.0)
    compare(ours, torchs, rtol=0, atol=0)


def test_legacy_files_in_a_row():
    file = io.BytesIO()
    for i in range(3):
        torch.save(torch.full((2,), i), file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert [jtorch.load(file).tolist() for _ in range(3)] == [[0, 0], [1, 1], [2, 2]]


def test_saving_legacy_files_is_refused():
    with pytest.raises(NotImplementedError, match="_use_new_zipfile_serialization"):
        jtorch.save(1, io.BytesIO(), _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("cut", [3, 200])
def test_truncated_legacy_files(cut):
    data = saved(torch, {"x": torch.ones(4)}, _use_new_zipfile_serialization=False)[:-cut]
    ours, torchs = outcome(jtorch, data), outcome(torch, data)
    assert ours.split(":")[0] == torchs.split(":")[0]
    if "unexpected EOF" in torchs:
        assert ours == torchs


# What a file may hold

REFUSED = {
    "a class of the user's": Plain(),
    "a builtin": {"f": len},
    "a frozen set": frozenset([1]),
    "a default dict": defaultdict(list, {1: [2]}),
    "a numpy array": np.ones(2),
    "a blocked module": os.system,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_by_default(name):
    data = saved(torch, REFUSED[name])
    assert record(saved(jtorch, REFUSED[name]), "data.pkl") == record(data, "data.pkl")
    assert outcome(jtorch, data) == outcome(torch, data)
    assert outcome(jtorch, data).startswith("UnpicklingError: Weights only load failed")


CRAFTED = {
    "an opcode": b"\x80\x02I5\n.",
    "a call of a number": b"\x80\x02K\x01)R.",
    "the state of a number": b"\x80\x02K\x01}b.",
    "a new number": b"\x80\x02K\x01)\x81.",
    "a name of torch": b"\x80\x02ctorch\nNope\n.",
    "a blocked module": b"\x80\x02cos\nsystem\n.",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_pickles(name):
    data = crafted(CRAFTED[name])
    assert outcome(jtorch, data) == outcome(torch, data)


ATTACKS = {
    "a call of what was loaded": b"\x80\x02ctorch\nTensor\n)Rcbuiltins\nset\nR.",
    "a class's attributes": b"\x80\x02ctorch\nTensor\nN}X\x03\x00\x00\x00addK\x01s\x86b.",
    "a function's attributes": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x03\x00\x00\x00addK\x01s\x86b.",
    "something of jtorch": b"\x80\x02cjtorch.serialization\nload\n.",
    "something of jtorch under torch's name": b"\x80\x02ctorch.serialization\nload\n.",
    "a module through a name": b"\x80\x02ctorch.serialization\nos.system\n.",
    "bytes of another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
    "too few arguments": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nK\x01\x85R.",
    "an empty stack": b"\x80\x02R.",
    "a storage that is no tuple": b"\x80\x02K\x01Q.",
    "an unknown memo": b"\x80\x02h\x05.",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused(name):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        loaded(jtorch, crafted(ATTACKS[name]))


def test_a_tensor_outside_its_storage_is_refused():
    data = saved(jtorch, jtorch.ones(4))
    pickled = record(data, "data.pkl")
    assert pickled.count(b"K\x04\x85") == 1
    bad = crafted(pickled.replace(b"K\x04\x85", b"K\x05\x85"), **{"data/0": b"\0" * 16})
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 16"):
        loaded(jtorch, bad)


def test_safe_globals():
    data = saved(torch, Plain())
    for lib in LIBS:
        with lib.serialization.safe_globals([Plain]):
            assert loaded(lib, data).value == 1
        with pytest.raises(pickle.UnpicklingError):
            loaded(lib, data)
        named = f"{Plain.__module__}.Plain"
        before = lib.serialization.get_safe_globals()
        lib.serialization.add_safe_globals([(Plain, named)])
        assert (Plain, named) in lib.serialization.get_safe_globals()
        assert loaded(lib, data).value == 1
        lib.serialization.clear_safe_globals()
        assert lib.serialization.get_safe_globals() == []
        lib.serialization.add_safe_globals(before)


@pytest.mark.parametrize("writer", LIBS)
def test_a_module_is_trusted_like_any_class(writer):
    data = saved(writer, writer.nn.Identity)
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\..*Identity"):
        loaded(jtorch, data)
    with jtorch.serialization.safe_globals([jtorch.nn.Identity]):
        assert loaded(jtorch, data) is jtorch.nn.Identity


def test_without_weights_only_any_object_loads():
    data = saved(jtorch, [Plain(), np.arange(3), jtorch.float32])
    for lib in LIBS:
        plain, array, dtype = loaded(lib, data, weights_only=False)
        assert plain.value == 1
        assert array.tolist() == [0, 1, 2]
        assert dtype is lib.float32


@pytest.mark.parametrize("writer", LIBS)
def test_whole_modules(writer):
    model = writer.nn.Sequential(writer.nn.Linear(3, 2), writer.nn.ReLU())
    data = saved(writer, model)
    got = loaded(jtorch, data, weights_only=False)
    assert repr(got) == repr(model)
    x = np.ones((1, 3), np.float32)
    expected = model(writer.tensor(x)).detach().numpy()
    np.testing.assert_allclose(got(jtorch.tensor(x)).detach().numpy(), expected, rtol=1e-6)


def test_a_name_that_jtorch_does_not_have():
    with pytest.raises(AttributeError, match="Can't get attribute 'Nope'"):
        loaded(jtorch, crafted(b"\x80\x02ctorch\nNope\n."), weights_only=False)


@pytest.mark.parametrize("kind", ["Linear", "BatchNorm2d"])
@pytest.mark.parametrize("writer", LIBS)
def test_state_dicts(writer, kind):
    reader = torch if writer is jtorch else jtorch
    models = {lib: getattr(lib.nn, kind)(*((3, 2) if kind == "Linear" else (3,))) for lib in LIBS}
    models[reader].load_state_dict(loaded(reader, saved(writer, models[writer].state_dict())))
    compare(models[jtorch].state_dict(), models[torch].state_dict(), rtol=0, atol=0)


# Where tensors go


def test_map_location():
    data = saved(jtorch, {"x": jtorch.ones(2)})
    seen = []

    def place(storage: Any, location: str) -> Any:
        seen.append((location, str(storage.device), storage.nbytes()))
        return storage.cpu()

    for location in ("cpu", jtorch.device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"}, place, lambda storage, _: None):
        assert loaded(jtorch, data, map_location=location)["x"].tolist() == [1, 1]
    assert seen == [("cpu", "cpu", 8)]
    with pytest.raises(KeyError, match="the user's own"):
        loaded(jtorch, data, map_location=lambda *_: {}["the user's own"])
    for location in ("bogus", "cuda:0", 3):
        assert outcome(jtorch, data, map_location=location) == outcome(torch, data, map_location=location)


# Files that are not what they should be

WHOLE = saved(torch, {"x": torch.arange(100.0)})


@pytest.mark.parametrize("length", [10, 200, 600, len(WHOLE) - 30, len(WHOLE) - 5])
@pytest.mark.parametrize("weights_only", [True, False])
def test_truncated_files(tmp_path, length, weights_only):
    path = tmp_path / "x.pt"
    path.write_bytes(WHOLE[:length])
    for lib in LIBS:
        with pytest.raises(RuntimeError, match="PytorchStreamReader failed reading zip archive"):
            lib.load(path, weights_only=weights_only)
    assert path.read_bytes() == WHOLE[:length]


def test_an_empty_file():
    for weights_only in (True, False):
        assert outcome(jtorch, b"", weights_only=weights_only) == "EOFError: Ran out of input"
        assert outcome(torch, b"", weights_only=weights_only).startswith("EOFError")


FOREIGN = {
    "text": b"hello world, this is no checkpoint",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "zeros": bytes(100),
    "a safetensors file": (64).to_bytes(8, "little")
    + b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    + bytes(20),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files(name):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        loaded(jtorch, FOREIGN[name])


@pytest.mark.parametrize("weights_only", [True, False])
def test_other_pickles(weights_only):
    for data in (pickle.dumps([1, 2], 2), pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1000, 2)):
        ours, torchs = (outcome(lib, data, weights_only=weights_only) for lib in (jtorch, torch))
        assert ours == torchs


def test_other_archives():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hi")
    with pytest.raises(RuntimeError, match=r"file in archive is not in a subdirectory: hello\.txt"):
        loaded(jtorch, file.getvalue())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/hello.txt", "hi")
    with pytest.raises(RuntimeError, match=re.escape('Expected hasRecord("version") to be true, but got false.')):
        loaded(jtorch, file.getvalue())


def test_damaged_storages():
    pickled = record(WHOLE, "data.pkl")
    with pytest.raises(RuntimeError, match="failed locating file data/0: file not found"):
        loaded(jtorch, crafted(pickled))
    with pytest.raises(RuntimeError, match=r"record size \(8 bytes\) does not match expected size \(400 bytes"):
        loaded(jtorch, crafted(pickled, **{"data/0": bytes(8)}))
    start = WHOLE.index(np.arange(100, dtype=np.float32).tobytes())
    damaged = WHOLE[: start + 8] + b"\x07" + WHOLE[start + 9 :]
    with pytest.raises(RuntimeError, match="failed reading file data/0: Bad CRC-32"):
        loaded(jtorch, damaged)


def test_big_endian_files():
    pickled = record(WHOLE, "data.pkl")
    swapped = np.arange(100, dtype=">f4").tobytes()
    data = crafted(pickled, **{"data/0": swapped, "byteorder": b"big"})
    compare(loaded(jtorch, data), loaded(torch, data), rtol=0, atol=0)


def test_wrong_arguments(tmp_path):
    calls = [
        lambda lib: lib.load(tmp_path / "none.pt"),
        lambda lib: lib.load(3),
        lambda lib: lib.save(1, 3),
        lambda lib: lib.save(1),
        lambda lib: lib.save(1, tmp_path / "no" / "folder" / "x.pt"),
        lambda lib: lib.load(io.BytesIO(WHOLE), weights_only=True, pickle_module=pickle),
        lambda lib: lib.load(io.BytesIO(WHOLE), mmap=True),
        lambda lib: lib.load(io.BytesIO(b"no archive"), mmap=True),
        lambda lib: lib.save([lib.zeros(2), (x := lib.zeros(2)), x.view(lib.int32)], io.BytesIO()),
    ]
    for call in calls:
        errors = []
        for lib in LIBS:
            with pytest.raises(Exception) as caught:
                call(lib)
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]


# Writing is atomic


class Unpicklable:
    def __reduce__(self) -> Any:
        raise ValueError("cannot be pickled")


def test_a_failed_save_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    jtorch.save({"x": jtorch.ones(2)}, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="cannot be pickled"):
        jtorch.save({"x": jtorch.zeros(2), "y": Unpicklable()}, path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        jtorch.save({"x": jtorch.zeros(2)}, path)
    with pytest.raises(OSError, match="No space left"):
        jtorch.save({"x": jtorch.zeros(2)}, tmp_path / "new.pt")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.pt"]


def test_a_file_keeps_its_mode_and_its_links(tmp_path):
    path, link = tmp_path / "x.pt", tmp_path / "link.pt"
    jtorch.save(1, path)
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    path.chmod(0o600)
    link.symlink_to(path)
    jtorch.save(2, link)
    assert link.is_symlink()
    assert jtorch.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    jtorch.save(3, os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_saving_does_not_disturb_what_is_saved():
    x = jtorch.arange(4.0)
    y = x[1:3]
    data = saved(jtorch, [x, y])
    x.mul_(2)
    assert loaded(jtorch, data)[0].tolist() == [0, 1, 2, 3]
    assert y.tolist() == [2, 4]
    got = loaded(jtorch, data)
    got[0].mul_(3)
    assert got[1].tolist() == [3, 6]


def test_without_torch(tmp_path):
    path = tmp_path / "x.pt"
    code = f"""
import sys
sys.modules["torch"] = None
import jtorch
jtorch.save({{"x": jtorch.nn.Parameter(jtorch.ones(2)), "y": [jtorch.float32, jtorch.Size([1])]}}, {str(path)!r})
for weights_only in (True, False):
    assert jtorch.load({str(path)!r}, weights_only=weights_only)["x"].tolist() == [1, 1]
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=os.getcwd())
    assert torch.load(path)["y"] == [torch.float32, torch.Size([1])]
