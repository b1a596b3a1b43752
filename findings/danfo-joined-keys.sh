#!/bin/sh
# danfojs-node 1.2.0, Node 20: groupby and merge on two columns take rows for alike whose columns differ.
#
# A guess: rows are of one group, or belong together, where both columns are equal, as in pandas: ("sep", "conv-3x3") and
# ("sep-conv", "3x3") are two groups, ("sep", "conv_3x3") and ("sep_conv", "3x3") have no partner in each other.
# Seen: the values of the columns are joined into one string first, by "-" in groupby and by "_" in merge. Groups of which the
# joined names are the same become one, which has the first one's names and the mean of all; merge pairs such rows, so that
# an inner join has one row too many, with a number that is another row's. Nothing is said. With names that have neither sign
# both are right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# In JavaScript alone, and nothing from outside the registry: frames use neither TensorFlow's addon nor spreadsheets here.
cat > package.json <<'JSON'
{
  "private": true,
  "dependencies": { "danfojs-node": "1.2.0" },
  "overrides": {
    "@tensorflow/tfjs-node": "npm:@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-node-gpu": "npm:@tensorflow/tfjs@4.22.0",
    "xlsx": "npm:@e965/xlsx@0.20.3"
  }
}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts > /dev/null 2>&1
cat > run.cjs <<'JS'
const { DataFrame, merge } = require('danfojs-node');
const frame = (sign, error) =>
  new DataFrame([
    { op: 'sep', size: `conv${sign}3x3`, error },
    { op: `sep${sign}conv`, size: '3x3', error: error + 20 },
  ]);
const means = (sign) => frame(sign, 10).groupby(['op', 'size']).col(['error']).mean().values;
const joined = (sign) => {
  const right = new DataFrame([{ op: 'sep', size: `conv${sign}3x3`, seconds: 5 }]);
  return merge({ left: frame(sign, 10), right, on: ['op', 'size'], how: 'inner' }).values;
};
console.log('danfojs-node', require('danfojs-node/package.json').version);
const seen = { 'mean, "-"': means('-'), 'mean, "."': means('.'), 'merge, "_"': joined('_'), 'merge, "."': joined('.') };
for (const [what, values] of Object.entries(seen)) console.log(what.padEnd(10), JSON.stringify(values));
const expected = [
  [['sep', 'conv-3x3', 20]],
  [['sep', 'conv.3x3', 10], ['sep.conv', '3x3', 30]],
  [['sep', 'conv_3x3', 10, 5], ['sep', 'conv_3x3', 30, 5]],
  [['sep', 'conv.3x3', 10, 5]],
];
const asSeen = JSON.stringify(Object.values(seen)) === JSON.stringify(expected);
if (!asSeen) console.log('this has changed');
process.exit(asSeen ? 0 : 1);
JS
node run.cjs
