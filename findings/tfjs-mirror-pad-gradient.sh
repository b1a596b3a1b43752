#!/bin/sh
# TensorFlow.js 4.22.0, Node 20: the gradient of a mirrored border leaves the border out.
#
# A guess: a pixel that tf.mirrorPad shows twice is worth twice as much, and tf.grad says so, as TensorFlow's MirrorPadGrad does.
# Seen: the forward pass is right, and the gradient is the inner part of what comes back, as of a border of zeros: of 4 numbers
# with one mirrored at each end, which are worth 2 1 1 2 in the sum ("symmetric") or 1 2 2 1 ("reflect"), the gradient is
# 1 1 1 1 both times. Nothing is said. The formula stands in tfjs-core, before any backend.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs@4.22.0 > /dev/null 2>&1
cat > run.cjs <<'JS'
console.warn = () => {};
const tf = require('@tensorflow/tfjs');
function seen(sum) {
  const one = (i) => tf.oneHot(tf.scalar(i, 'int32'), 4).toFloat();
  const worth = [0, 1, 2, 3].map((i) => sum(one(i)).dataSync()[0]);
  return { worth: worth.join(' '), gradient: [...tf.grad(sum)(tf.zeros([4])).dataSync()].join(' ') };
}
(async () => {
  await tf.setBackend('cpu');
  console.log('@tensorflow/tfjs', tf.version.tfjs, tf.getBackend());
  const all = {
    symmetric: seen((x) => tf.mirrorPad(x, [[1, 1]], 'symmetric').sum()),
    reflect: seen((x) => tf.mirrorPad(x, [[1, 1]], 'reflect').sum()),
    'zeros (tf.pad)': seen((x) => tf.pad(x, [[1, 1]]).sum()),
  };
  for (const [border, found] of Object.entries(all)) console.log(border.padEnd(14), JSON.stringify(found));
  const expected = [['2 1 1 2', '1 1 1 1'], ['1 2 2 1', '1 1 1 1'], ['1 1 1 1', '1 1 1 1']];
  const asSeen = JSON.stringify(Object.values(all).map(Object.values)) === JSON.stringify(expected);
  if (!asSeen) console.log('this has changed');
  process.exit(asSeen ? 0 : 1);
})();
JS
node run.cjs 2> /dev/null
