"""PyTorch's tensors and state dicts as safetensors files, mapped when loaded.

The format is 8 bytes with the length of a JSON header, the header, and the tensors as they lie in memory.
It is written and read here, so that nothing but PyTorch is needed and no tensor is copied; any library
that knows safetensors opens the files.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Mapping
from math import prod
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, MissingExtraError, UnserializableError
from aqueduct_core.serializers import tagged
from aqueduct_core.serializers._jsontext import has_utf8

__all__ = ["StateDictSerializer", "TensorSerializer"]

_ALIGN = 64
_LONGEST_HEADER = 100 << 20  # what the format allows
_DTYPES: Mapping[str, str] = {  # names in the format, and in PyTorch
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_NAMES = {name: code for code, name in _DTYPES.items()}


class TensorSerializer:
    """`torch.Tensor` and `torch.nn.Parameter` on the CPU, as a safetensors file with one tensor.

    What comes back has the same class, dtype, shape, bits and `requires_grad`, and the order of
    dimensions in memory, such as `channels_last`; a slice comes back contiguous. Tensors on other
    devices, sparse, quantized and nested ones, those that are part of a gradient's graph, and
    subclasses are left to pickle, which keeps what it can.
    """

    name = "torch.tensor"
    version = 1
    plain = True
    types: tuple[type | str, ...] = ("torch.Tensor", "torch.nn.parameter.Parameter")
    artifact = "array"
    suffix = ".safetensors"

    def accepts(self, obj: Any, /) -> bool:
        return _is_plain(obj)

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        _write({"tensor": obj}, sink)
        return {"tensors": [_meta(obj)]}

    def load(self, source: Source, /) -> Any:
        found = _read(source)
        [meta] = source.meta["tensors"]
        if set(found) != {"tensor"}:
            raise CorruptArtifactError("the file does not hold one tensor")
        return _finished(found["tensor"], meta)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Shape and dtype."""
        return {"shape": list(obj.shape), "dtype": str(obj.dtype).removeprefix("torch.")}


class StateDictSerializer:
    """What `module.state_dict()` gives: an `OrderedDict` of tensors, as one safetensors file.

    Names that stand for one tensor, as tied weights do, still do when it is loaded. The versions
    of modules that PyTorch notes in `_metadata` are kept.
    """

    name = "torch.state_dict"
    version = 1
    plain = True
    types: tuple[type | str, ...] = (OrderedDict,)
    artifact = "collection"
    suffix = ".safetensors"

    def accepts(self, obj: Any, /) -> bool:
        if "torch" not in sys.modules or type(obj) is not OrderedDict or not obj:
            return False
        if not all(type(name) is str and name != "__metadata__" and has_utf8(name) for name in obj):
            return False
        if not all(_is_plain(tensor) for tensor in obj.values()):
            return False
        try:
            tagged.to_json(vars(obj))
        except UnserializableError:
            return False
        return not _overlap([*obj.values()])

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        first: dict[int, str] = {}
        alias = {name: first.setdefault(id(tensor), name) for name, tensor in obj.items()}
        own = {name: tensor for name, tensor in obj.items() if alias[name] == name}
        _write(own, sink)
        return {
            "names": [[name, alias[name]] for name in obj],
            "tensors": [_meta(tensor) for tensor in own.values()],
            "attributes": tagged.to_json(vars(obj)),
        }

    def load(self, source: Source, /) -> Any:
        meta, found = source.meta, _read(source)
        own = [name for name, alias in meta["names"] if name == alias]
        if sorted(own) != sorted(found):
            raise CorruptArtifactError("the file does not hold the tensors that it should")
        tensors = {
            name: _finished(found[name], known)
            for name, known in zip(own, meta["tensors"], strict=True)
        }
        made = OrderedDict((name, tensors[alias]) for name, alias in meta["names"])
        attributes = tagged.from_json(meta["attributes"], trusted=source.trusted)
        for name, value in attributes.items():
            setattr(made, name, value)
        return made

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """The names, shapes and dtypes of the tensors."""
        shown: list[JSON] = [
            {"name": name[:200], "type": f"{_dtype_name(tensor)} {list(tensor.shape)}"}
            for name, tensor in [*obj.items()][: budget.rows]
        ]
        return {"schema": shown, "length": len(obj)}


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("torch", "torch", "a tensor") from error
    return torch


def _is_plain(obj: Any) -> bool:
    torch = _torch()
    if type(obj) not in (torch.Tensor, torch.nn.Parameter) or vars(obj):
        return False
    # Asked in this order: some kinds of tensors have no answer to the later questions.
    return (
        obj.layout is torch.strided
        and obj.device.type == "cpu"
        and not obj.is_quantized
        and not obj.is_nested
        and obj.is_leaf
        and obj.grad is None
        and not obj.is_conj()
        and not obj.is_neg()
        and not obj._backward_hooks
        and _dtype_name(obj) in _NAMES
    )


def _dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _overlap(tensors: list[Any]) -> bool:
    """Whether different tensors share memory, so that changing one would change another."""
    ranges = {
        id(tensor): (tensor.data_ptr(), tensor.data_ptr() + _extent(tensor))
        for tensor in tensors
        if tensor.numel()
    }
    end = 0
    for start, stop in sorted(ranges.values()):
        if start < end:
            return True
        end = max(end, stop)
    return False


def _extent(tensor: Any) -> int:
    """The bytes from the first element of a tensor to after its last one."""
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    return int((last + 1) * tensor.element_size())


def _meta(tensor: Any) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    if type(tensor) is not _torch().Tensor:
        found["parameter"] = True
    if tensor.requires_grad:
        found["requires_grad"] = True
    order = _order(tensor)
    if order is not None:
        found["order"] = list(order)
    return found


def _order(tensor: Any) -> list[int] | None:
    """The order of dimensions in which it lies in memory, if it isn't the usual one."""
    if tensor.is_contiguous():
        return None
    order = sorted(range(tensor.dim()), key=lambda axis: -tensor.stride(axis))
    return order if tensor.permute(order).is_contiguous() else None


def _bytes_of(tensor: Any) -> memoryview:
    """The bytes of a tensor as they lie in memory; of a copy, if they don't lie together."""
    torch = _torch()
    order = _order(tensor)
    flat = tensor.detach() if order is None else tensor.detach().permute(order)
    flat = flat.contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")


def _write(tensors: Mapping[str, Any], sink: Sink) -> None:
    header: dict[str, Any] = {}
    buffers, end = [], 0
    # The format wants no gaps; the largest elements first keeps every tensor aligned.
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name]
        order = _order(tensor)
        shape = tensor.shape if order is None else tensor.permute(order).shape
        data = _bytes_of(tensor)
        header[name] = {
            "dtype": _NAMES[_dtype_name(tensor)],
            "shape": list(shape),
            "data_offsets": [end, end + data.nbytes],
        }
        buffers.append(data)
        end += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGN)
    sink.write(len(text).to_bytes(8, "little"), text, *buffers)


def _read(source: Source) -> dict[str, Any]:
    """The tensors of a file, on top of its bytes."""
    torch = _torch()
    view = source.view()
    length = int.from_bytes(view[:8], "little")
    if view.nbytes < 8 or length > min(_LONGEST_HEADER, view.nbytes - 8):
        raise CorruptArtifactError("this is no safetensors file: it is shorter than it says")
    header = json.loads(bytes(view[8 : 8 + length]))
    data = view[8 + length :]
    found = {}
    for name, known in header.items():
        if name == "__metadata__":
            continue
        dtype, shape = getattr(torch, _DTYPES[known["dtype"]]), known["shape"]
        start, stop = known["data_offsets"]
        sizes = all(type(item) is int and item >= 0 for item in (*shape, start, stop))
        if not sizes or prod(shape) * dtype.itemsize != stop - start or stop > data.nbytes:
            raise CorruptArtifactError(f"the tensor {name!r:.60} is not where the file says")
        if start == stop:
            found[name] = torch.empty(shape, dtype=dtype)
            continue
        piece = data[start:stop]
        if (8 + length + start) % dtype.itemsize:
            piece = memoryview(bytearray(piece))  # of another writer: not aligned
        found[name] = torch.frombuffer(piece, dtype=torch.uint8).view(dtype).reshape(shape)
    return found


def _finished(tensor: Any, meta: Mapping[str, Any]) -> Any:
    torch = _torch()
    order = meta.get("order")
    if order is not None:
        if sorted(order) != list(range(tensor.dim())):
            raise CorruptArtifactError("a tensor has other dimensions than it should")
        tensor = tensor.permute([order.index(axis) for axis in range(tensor.dim())])
    needs = meta.get("requires_grad") is True
    if meta.get("parameter") is True:
        return torch.nn.Parameter(tensor, requires_grad=needs)
    return tensor.requires_grad_() if needs else tensor
