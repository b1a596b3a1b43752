#!/bin/sh
# TensorFlow.js 4.22.0, Node 20, backend "cpu": the gradient of a resized image is that of another resizing.
#
# A guess: tf.grad of tf.image.resizeBilinear and resizeNearestNeighbor is the gradient of what was computed, with
# halfPixelCenters as without it, of images of any shape.
# Seen: with halfPixelCenters the forward pass places pixels by their centres, as asked, and the gradient by their corners, as
# if it had not been asked, without a word: what columns of pixels are worth in a sum, counted by the forward pass, and their
# gradient differ, by a third and more. Without it both are the same. (The backend of tfjs-node 4.22.0 reads alignCorners alone
# for the gradient, too.) Of images that are not square there is no bilinear gradient at all: its height and width are exchanged,
# and an error says that the shapes do not match.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs@4.22.0 > /dev/null 2>&1
cat > run.cjs <<'JS'
console.warn = () => {};
const tf = require('@tensorflow/tfjs');
const round = (values) => values.map((value) => Number(value.toFixed(2)));
// The sum is linear in the pixels: what a column is worth is what the sum becomes when its pixels are 1 and the others are 0.
function seen(resize, from, to, halfPixelCenters) {
  const weights = tf.range(1, to + 1).reshape([1, 1, to, 1]);
  const sum = (x) => resize(x, [to, to], false, halfPixelCenters).mul(weights).sum();
  const column = (i) => tf.oneHot(tf.scalar(i, 'int32'), from).toFloat().reshape([1, 1, from, 1]).tile([1, from, 1, 1]);
  return {
    worth: round(Array.from({ length: from }, (_, i) => sum(column(i)).dataSync()[0])),
    gradient: round([...tf.grad(sum)(tf.zeros([1, from, from, 1])).sum([0, 1, 3]).dataSync()]),
  };
}
(async () => {
  await tf.setBackend('cpu');
  console.log('@tensorflow/tfjs', tf.version.tfjs, tf.getBackend());
  let asSeen = true;
  for (const name of ['resizeBilinear', 'resizeNearestNeighbor'])
    for (const half of [false, true]) {
      const found = seen(tf.image[name], 5, 3, half);
      console.log(`${name}, 5 to 3, halfPixelCenters ${half}:`.padEnd(53), JSON.stringify(found));
      asSeen &&= (JSON.stringify(found.worth) === JSON.stringify(found.gradient)) === !half;
    }
  let said = '';
  try {
    tf.grad((x) => tf.image.resizeBilinear(x, [4, 8]).sum())(tf.zeros([1, 2, 4, 1]));
  } catch (error) {
    said = error.message;
  }
  console.log('resizeBilinear, 2×4 to 4×8:', said || 'has a gradient');
  asSeen &&= /has shape '1,4,2,1', which does not match the shape of the input '1,2,4,1'/.test(said);
  if (!asSeen) console.log('this has changed');
  process.exit(asSeen ? 0 : 1);
})();
JS
node run.cjs 2> /dev/null
