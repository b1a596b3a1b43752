#!/bin/sh
# danfojs-node 1.2.0, Node 20: a missing value is left out of a column's mean, and is a 0 in the mean of a group.
#
# A guess: what isNa() calls missing is missing for groupby too, as in pandas: of 40, null and 50 the mean is 45, by column
# and by group, and two values count.
# Seen: the column's mean is 45, of two; the group's mean is 30, of three, and its smallest value is null. With NaN in place of
# null, which isNa() calls missing as well, the group's mean is NaN and its smallest value 50. After dropNa() both means are 45.
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
const { DataFrame } = require('danfojs-node');
const seen = (missing) => {
  const frame = new DataFrame([40, missing, 50].map((error) => ({ method: 'a', error })));
  const column = frame.column('error');
  const of = (rows) => rows.groupby(['method']).col(['error']);
  const [group, rest] = [of(frame), of(frame.dropNa())];
  const only = ({ values: [[, value]] }) => String(value);
  return {
    missing: column.isNa().values.filter(Boolean).length,
    'mean of the column': column.mean(),
    'mean of the group': only(group.mean()),
    'counted in the group': only(group.count()),
    'smallest in the group': only(group.min()),
    'mean of the group after dropNa': only(rest.mean()),
  };
};
const [ofNull, ofNaN] = [seen(null), seen(NaN)];
console.log('danfojs-node', require('danfojs-node/package.json').version);
console.log('40, null, 50:', ofNull);
console.log('40, NaN, 50: ', ofNaN);
const expected = [
  [1, 45, '30', '3', 'null', '45'],
  [1, 45, 'NaN', '3', '50', '45'],
];
const asSeen = JSON.stringify([ofNull, ofNaN].map(Object.values)) === JSON.stringify(expected);
if (!asSeen) console.log('this has changed');
process.exit(asSeen ? 0 : 1);
JS
node run.cjs
