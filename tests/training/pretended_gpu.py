"""A GPU that is pretended on the CPU: mixing devices raises, and waiting is counted.

Torch's device "meta", which every build has, stands for the GPU: tensors made there are
wrapped CPU tensors, with values, that say they lie there. Every operation is
looked at: one on tensors of both places is an error, as on a real GPU; one that makes
Python wait for the device (a value asked for, a search, a blocking copy) is written down.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

COPIES = ("aten::_to_copy", "aten::copy_")
CPU_INDEX = ("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_")
SEARCHES = ("aten::_local_scalar_dense", "aten::nonzero", "aten::repeat_interleave", "aten::equal")


class OnGpu(torch.Tensor):
    """A CPU tensor that says it lies on the GPU."""

    @staticmethod
    def __new__(cls, inside):
        return torch.Tensor._make_wrapper_subclass(
            cls, inside.size(), strides=inside.stride(), dtype=inside.dtype, device="meta",
            storage_offset=inside.storage_offset(), requires_grad=False,
        )  # fmt: skip

    def __init__(self, inside):
        self.inside = inside

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return PretendedGpu.current.run(func, args, kwargs or {})


class Functions(TorchFunctionMode):
    """Copies what Python has before torch drops it, as it does on "meta"."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if func is torch.Tensor.tolist and isinstance(args[0], OnGpu):
            return args[0].cpu().tolist()
        return func(*args, **kwargs)


class PretendedGpu(TorchDispatchMode):
    """While it is on, "meta" is the pretended GPU."""

    current = None

    def __init__(self):
        super().__init__()
        self.waits = []

    def __enter__(self):
        PretendedGpu.current = self
        self.functions = Functions()
        self.functions.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.functions.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})

    def run(self, func, args, kwargs):
        name = func._schema.name
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        ours = [x for x in tensors if isinstance(x, OnGpu)]
        others = [x for x in tensors if not isinstance(x, OnGpu) and x.ndim]
        if ours and others and name not in COPIES:
            indexed = name in CPU_INDEX and isinstance(args[0], OnGpu)
            if not indexed:
                raise RuntimeError(f"{name}: tensors on the GPU and on the CPU")
            self.waits.append(f"{name} by the CPU")
        to = kwargs.get("device")
        target = torch.device(to).type if to is not None else None
        if ours and name in SEARCHES:
            self.waits.append(name)
        elif (
            ours
            and name in CPU_INDEX
            and any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1])
        ):
            self.waits.append(f"{name} by a mask")
        elif name == "aten::_to_copy" and target and (target == "meta") != bool(ours):
            if target == "cpu" or not kwargs.get("non_blocking"):
                self.waits.append(f"copy to {target}")
        elif name == "aten::copy_" and ours and others and not (args[2:] and args[2]):
            self.waits.append("copy_")
        if target == "meta":
            kwargs = {**kwargs, "device": torch.device("cpu")}
        wrapped = {id(x.inside): x for x in ours}
        args, kwargs = tree_map(lambda x: x.inside if isinstance(x, OnGpu) else x, (args, kwargs))
        out = func(*args, **kwargs)
        on_gpu = bool(ours) and target != "cpu" and name != "aten::_local_scalar_dense"
        if name == "aten::copy_":
            on_gpu = id(out) in wrapped
        if target == "meta" or on_gpu:

            def wrap(x):
                if not isinstance(x, torch.Tensor):
                    return x
                return wrapped.get(id(x)) if id(x) in wrapped else OnGpu(x)

            return tree_map(wrap, out)
        return out
