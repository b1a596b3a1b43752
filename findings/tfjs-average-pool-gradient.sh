#!/bin/sh
# TensorFlow.js 4.22.0, Node 20, backend "cpu": average pooling with padding has a gradient of another pooling at the border.
#
# A guess: tf.grad of tf.avgPool is the gradient of what tf.avgPool computes, as in TensorFlow and PyTorch, at the border too.
# Seen: with padding the forward pass divides by the pixels that a window really has (4 in a corner, for 3×3), and the gradient
# by all of the window (9). What a corner pixel is worth in the sum of a pooled 4×4 image, counted by the forward pass, is 0.694,
# its gradient 0.444; those of the inner ones are 1.361 and 1. Without padding both are the same. avgPool3d has the same; the
# sources of the WebGL backend divide so too. Of the operations of an architecture search it is avg_pool_3x3: its gradient
# carries less to the weights before it than it should, in small images by a quarter and more.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs@4.22.0 > /dev/null 2>&1
cat > run.cjs <<'JS'
console.warn = () => {};
const tf = require('@tensorflow/tfjs');
const round = (values) => [...values].map((value) => Number(value.toFixed(3)));
// The sum is linear in the pixels: what one is worth is what the sum becomes when it is 1 and the others are 0.
function seen(sum, shape) {
  const n = shape.reduce((a, b) => a * b);
  const pixel = (i) => tf.oneHot(tf.scalar(i, 'int32'), n).toFloat().reshape(shape);
  const worth = Array.from({ length: n }, (_, i) => sum(pixel(i)).dataSync()[0]);
  return { worth: round(worth), gradient: round(tf.grad(sum)(tf.zeros(shape)).dataSync()) };
}
(async () => {
  await tf.setBackend('cpu');
  console.log('@tensorflow/tfjs', tf.version.tfjs, tf.getBackend());
  const image = [1, 4, 4, 1];
  const all = {
    same: seen((x) => tf.avgPool(x, 3, 1, 'same').sum(), image),
    valid: seen((x) => tf.avgPool(x, 3, 1, 'valid').sum(), image),
    'same, 3d': seen((x) => tf.avgPool3d(x, 3, 1, 'same').sum(), [1, 2, 2, 2, 1]),
  };
  for (const [padding, { worth, gradient }] of Object.entries(all)) {
    console.log(padding.padEnd(9), 'worth   ', worth.join(' '));
    console.log(padding.padEnd(9), 'gradient', gradient.join(' '));
  }
  const isAlike = ({ worth, gradient }) => worth.join() === gradient.join();
  const { same, valid } = all;
  const asSeen =
    [same.worth[0], same.gradient[0], same.worth[5], same.gradient[5]].join() === '0.694,0.444,1.361,1' &&
    isAlike(valid) &&
    !isAlike(all['same, 3d']);
  if (!asSeen) console.log('this has changed');
  process.exit(asSeen ? 0 : 1);
})();
JS
node run.cjs 2> /dev/null
