#!/bin/sh
# TensorFlow 2.21.0 (CPU wheel, x86-64): the operation Round gives zeros for integers.
#
# A guess: rounding an integer leaves it as it is, or is refused, as Rint and Floor refuse it and Round itself does for int8.
# Seen: Round takes int32 and int64 by its definition, and answers 0 for each value, without a word. tf.round does not show it:
# in Python it returns integers before any operation is called. Who calls the operation itself, as bindings of the C interface
# do, gets zeros.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 numpy==2.2.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2> /dev/null <<'PYTHON'
import tensorflow as tf

def found(operation, values):
    try:
        return operation(x=values).numpy().tolist()
    except (tf.errors.OpError, ValueError, TypeError):
        return "refused"

print("TensorFlow", tf.__version__)
asked = {
    "Round of int32": found(tf.raw_ops.Round, tf.constant([1, -7, 30], tf.int32)),
    "Round of int64": found(tf.raw_ops.Round, tf.constant([1, -7, 30], tf.int64)),
    "Round of float32": found(tf.raw_ops.Round, tf.constant([1, -7, 30], tf.float32)),
    "Round of int8": found(tf.raw_ops.Round, tf.constant([1, -7, 30], tf.int8)),
    "Floor of int32": found(tf.raw_ops.Floor, tf.constant([1, -7, 30], tf.int32)),
    "tf.round of int32": found(tf.round, tf.constant([1, -7, 30], tf.int32)),
}
for name, value in asked.items():
    print(f"{name + ':':18} {value}")
expected = [[0, 0, 0], [0, 0, 0], [1, -7, 30], "refused", "refused", [1, -7, 30]]
assert list(asked.values()) == expected, "this has changed"
PYTHON
