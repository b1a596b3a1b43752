#!/bin/sh
# TensorFlow 2.21.0 (CPU wheel, x86-64): whether the operation DepthwiseConv2dNative knows dilation depends on oneDNN.
#
# A guess: an attribute that the operation has, "dilations", is either computed or refused on the CPU.
# Seen: with oneDNN's kernels, which are on by default on this wheel, it is computed. With TF_ENABLE_ONEDNN_OPTS=0, which
# is described as changing the order of sums, the same call raises InvalidArgument or Unimplemented: "Current kernel
# implementation does not support dilations". tf.nn.depthwise_conv2d does not show it: it cuts the image up beforehand.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 numpy==2.2.6
cat > "$folder/dilate.py" <<'PYTHON'
import sys
import tensorflow as tf

try:
    y = tf.raw_ops.DepthwiseConv2dNative(
        input=tf.ones([1, 5, 5, 1]), filter=tf.ones([3, 3, 1, 1]),
        strides=[1, 1, 1, 1], padding="VALID", dilations=[1, 2, 2, 1],
    )
    found = "computed, %g" % float(y)
except tf.errors.OpError as error:
    found = "refused: dilations" if "does not support dilations" in error.message else error.message
print("TensorFlow", tf.__version__, sys.argv[1] + ":", found)
sys.exit(0 if found == sys.argv[2] else 1)
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
"$folder/venv/bin/python" "$folder/dilate.py" "as it is" "computed, 9" 2> /dev/null
TF_ENABLE_ONEDNN_OPTS=0 "$folder/venv/bin/python" "$folder/dilate.py" "without oneDNN" "refused: dilations" 2> /dev/null
