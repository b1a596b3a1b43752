#!/bin/sh
# TensorFlow 2.21.0 (CPU wheel, x86-64): a sum of three tensors by AddN depends on what else of the graph is fetched.
#
# A guess: AddN(x, y, z) adds x, y, z in that order, or in another one that is always the same.
# Seen: it accumulates in the memory of the first input that nothing else reads any more, and that input then takes the
# first place. With x, y, z = 1e8, -1e8, 1: the sum alone is (x + y) + z = 1; the sum fetched together with x and y, which
# have another reader then, is (z + y) + x = 0. Where several inputs are read by operations that run at once, as gradients
# of one value are, which of them is free is a matter of timing, and the last bits change from session to session.
# TensorFlow's graph optimizer makes AddN of chains of plain additions by itself.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 numpy==2.2.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import tensorflow as tf

tf1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default():
    # Values of operations: an input or a constant is never overwritten.
    fed = tf1.placeholder(tf.float32, [3])
    x, y, z = (tf.math.negative(tf.fill([1024], fed[i])) for i in range(3))
    total = tf.add_n([x, y, z])
with tf1.Session(graph=graph) as session:
    values = {fed: [-1e8, 1e8, -1.0]}
    alone = float(session.run(total, values)[0])
    beside = float(session.run([total, x, y], values)[0][0])
print("TensorFlow", tf.__version__)
print("fetched alone:          ", alone)
print("fetched beside x and y: ", beside)
assert (alone, beside) == (1.0, 0.0), "this has changed"
PYTHON
