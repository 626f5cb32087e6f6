"""Tensors and state dicts; run by `test_torch.py` in an environment that has PyTorch."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.science.torch import StateDictSerializer, TensorSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests, tamper
from tests.golden import tensors as golden

DTYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "float8_e4m3fn", "float8_e5m2"),
)


def bits(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def of(name: str) -> torch.Tensor:
    data = torch.tensor([0, 1, 1, 0] if name == "bool" else range(48), dtype=torch.uint8)
    return data.view(getattr(torch, name)).clone()


def same(loaded: torch.Tensor, value: torch.Tensor) -> None:
    assert type(loaded) is type(value)
    assert (loaded.dtype, loaded.shape, loaded.device) == (value.dtype, value.shape, value.device)
    assert loaded.requires_grad is value.requires_grad
    assert bits(loaded) == bits(value)


class TestTensorSerializer(SerializerTests):
    serializer = TensorSerializer()
    values: ClassVar = [
        *(of(name) for name in DTYPES),
        torch.tensor(1.5),
        torch.empty(0, 3),
        torch.tensor([float("nan"), -0.0, float("inf")]),
        torch.arange(24.0).reshape(2, 3, 4),
        torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
        torch.arange(24.0)[::3],
        torch.ones(3).expand(2, 3),
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.ones(3, requires_grad=True),
        nn.Parameter(torch.ones(2, 2)),
        nn.Parameter(torch.ones(2), requires_grad=False),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        same(loaded, value)
        if value.is_contiguous(memory_format=torch.channels_last) if value.dim() == 4 else False:
            assert loaded.stride() == value.stride()
        loaded.detach().zero_()  # writable memory of its own


def tied() -> OrderedDict[str, torch.Tensor]:
    weight = torch.ones(2, 3)
    return OrderedDict({"in.weight": weight, "é": torch.arange(3), "out.weight": weight})


class TestStateDictSerializer(SerializerTests):
    serializer = StateDictSerializer()
    values: ClassVar = [
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Embedding(5, 2)).state_dict(),
        nn.LSTM(3, 4, num_layers=2).half().state_dict(),
        tied(),
        OrderedDict(a=nn.Parameter(torch.ones(1)), b=torch.empty(0)),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is OrderedDict
        assert list(loaded) == list(value)
        assert vars(loaded) == vars(value)
        for name, tensor in value.items():
            same(loaded[name], tensor)


def test_tied_weights_are_one_tensor(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    ref = store.put(tied(), "k")
    assert (ref.serializer, ref.type) == ("torch.state_dict", "collection")
    loaded = store.get("k")
    assert loaded["in.weight"] is loaded["out.weight"]


def test_modules_load_what_comes_back(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    model, other = nn.Linear(3, 4), nn.Linear(3, 4)
    store.put(model.state_dict(), "k")
    other.load_state_dict(store.get("k"))
    given = torch.randn(5, 3)
    assert bits(other(given)) == bits(model(given))


def test_what_is_written_is_safetensors(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    state = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()
    store.put(state, "k")
    with store.open("k") as file:
        found = load_safetensors(file.read())
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        same(found[name], tensor)
    # and the other way round: their writer aligns nothing
    theirs = save_safetensors({"tensor": torch.arange(3.0)}, {"note": "x"})
    store.put(torch.arange(3.0), "t")
    tamper(store, "t", lambda _, data: theirs)
    assert store.get("t").tolist() == [0, 1, 2]


def test_others_are_left_to_other_serializers(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    base = torch.arange(4.0)
    for value, name in (
        (torch.eye(2).to_sparse(), "pickle"),
        (OrderedDict(a=base, b=base[1:]), "json"),
        (OrderedDict({"\ud83d\ude00": base}), "json"),
        (OrderedDict(a=1), "json"),
        (OrderedDict(), "json"),
        ({"a": torch.ones(2)}, "json"),
    ):
        assert store.put(value, "k").serializer == name, value
    refused = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(UnserializableError):
        ArtifactStore(tmp_path).put(refused, "k")


def test_loaded_tensors_are_mapped_and_changing_them_changes_nothing(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, policy="fast")
    store.put(torch.zeros(1 << 20), "k")
    store.get("k").fill_(1)
    assert store.get("k").sum() == 0


def test_tensors_that_lie_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    for header in (
        b'{"tensor":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}',
        b'{"tensor":{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}}',
        b'{"tensor":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
        b'{"other":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b"[]",
    ):
        store.put(torch.ones(1), "k")
        forged = len(header).to_bytes(8, "little") + header + bytes(4)
        tamper(store, "k", lambda _, data, forged=forged: forged)
        with pytest.raises(CorruptArtifactError, match="'k'"):
            store.get("k")


def test_ordered_dicts_do_not_import_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from collections import OrderedDict; from aqueduct_core import ArtifactStore\n"
        f"ArtifactStore({str(tmp_path)!r}).put(OrderedDict(a=1), 'k'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("policy", ["fast", "small"])
@pytest.mark.parametrize("name", golden.VALUES)
def test_what_the_first_version_stored_is_read(name: str, policy: str) -> None:
    store = ArtifactStore(Path(golden.__file__).parent / "tensors-1", signing_key=golden.KEY)
    loaded, value = store.get(f"{policy}/{name}"), golden.VALUES[name]()
    if name == "state":
        TestStateDictSerializer().assert_identical(loaded, value)
        assert loaded["in.weight"] is loaded["out.weight"]
    else:
        same(loaded, value)
