// The TypeScript kernel: tslab, started by Jupyter as `node bin/kernel.mjs CONNECTION_FILE`. What is added to it:
// - cells always run in the project folder, whichever program opened the notebook and wherever that was started;
// - what bin/cells.mjs adds to the running of a cell;
// - the kernel ends when the program that started it is gone.

import { createRequire } from 'node:module';
import { setInterval } from 'node:timers';
import { createCells, describeThrown } from './cells.mjs';
import { ROOT } from './setup/project.mjs';

process.chdir(ROOT);

const require = createRequire(import.meta.url);
const { JupyterHandlerImpl, ZmqServer } = require('tslab/dist/jupyter.js');

const executor = createCells();

process.on('SIGINT', () => executor.interrupt());
process.on('uncaughtException', (error) => console.error('Uncaught:', describeThrown(error)));
process.on('unhandledRejection', (reason) => console.error('Unhandled rejection:', describeThrown(reason)));

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(0);
}, 2000).unref();

new ZmqServer(new JupyterHandlerImpl(executor, false), process.argv[2]).init();
