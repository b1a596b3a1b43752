"""Prints the class scores that other programs compute from exported networks, as one JSON document.

Arguments: a file of images as float32, their side, and the networks' folders. ONNX Runtime reads network.onnx, which ONNX's
own checker must accept, TensorFlow the saved model.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import tensorflow  # noqa: E402

file, side, *folders = sys.argv[1:]
images = numpy.fromfile(file, dtype="<f4").reshape(-1, int(side), int(side), 3)


def by_onnx(folder):
    path = f"{folder}/network.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"images": images})[0]


def by_tensorflow(folder):
    model = tensorflow.saved_model.load(f"{folder}/saved_model")
    return model.signatures["serving_default"](images=tensorflow.constant(images))["logits"].numpy()


print(json.dumps({folder: [by_onnx(folder).tolist(), by_tensorflow(folder).tolist()] for folder in folders}))
