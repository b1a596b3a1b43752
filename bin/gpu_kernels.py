"""Prints, of the TensorFlow operations named on stdin, one a line, those that have no kernel for float32 on a GPU.

Asks the registry of kernels of the TensorFlow that is installed beside this Python. A wheel with CUDA lists its GPU kernels
on a machine without a GPU as well; one for CPUs has none, which is an error.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

from tensorflow.core.framework.types_pb2 import DT_FLOAT  # noqa: E402
from tensorflow.python.framework import kernels  # noqa: E402


def takes_float(kernel):
    """Whether a kernel is not bound to other types than float32: many bind only the type of their indices."""
    bound = [set(each.allowed_values.list.type) for each in kernel.constraint if each.name in ("T", "dtype")]
    return all(DT_FLOAT in types for types in bound)


def on_gpu(operation):
    found = kernels.get_registered_kernels_for_op(operation).kernel
    return any(kernel.device_type in ("GPU", "DEFAULT") and takes_float(kernel) for kernel in found)


if not on_gpu("MatMul"):
    sys.exit("this TensorFlow was built without CUDA")
for name in sys.stdin.read().split():
    if not on_gpu(name):
        print(name)
