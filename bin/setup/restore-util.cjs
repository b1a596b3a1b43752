// TensorFlow.js' binding calls two functions of `util` that newer Nodes have dropped, or complain about. Whatever may load
// it requires this file first: lib/engine, the notebooks' kernel, set-up.

const util = require('node:util');

util.isArray = Array.isArray;
util.isNullOrUndefined = (value) => value === null || value === undefined;
