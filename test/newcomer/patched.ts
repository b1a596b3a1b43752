/** A process whose indexes have a made-up solver and a made-up space; prints what follows from them, and the help. */
import Module from 'node:module';
import { edited } from './index-lines.js';

const compiling = Module.prototype as unknown as { _compile: (text: string, file: string) => unknown };
const compile = compiling._compile;
compiling._compile = function (text, file) {
  return compile.call(this, edited(file, text), file);
};

async function print(): Promise<void> {
  const [{ main }, presets, protocol, registry, { QUADRATIC, descend }, { key }] = await Promise.all([
    import('../../bin/cli/main.js'),
    import('../../lib/search/presets.js'),
    import('../../lib/search/protocol.js'),
    import('../../lib/solvers/registry.js'),
    import('../solvers/reach.js'),
    import('../../lib/math/random.js'),
  ]);
  const refusal = (make: () => unknown): string => {
    try {
      make();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const full = presets.fullSearch('tiny', 'better-half');
  const solver = registry.createSolver(full.solver as never);
  const states = descend(solver, QUADRATIC, 400, { key: key(1) });
  const result = {
    solver: full.solver,
    space: full.space,
    sigma: (presets.fullSearch('tiny', 'mgs').solver as { sigma: number }).sigma,
    released: presets.fullSearch('s2', 'better-half', 'released').solver,
    deviations: presets.deviations(protocol.applySet(full, 'solver.stride=0.5')),
    open: presets.openSettings(full).map(({ path, source }) => `${path}: ${source}`),
    outOfRange: refusal(() => protocol.applySet(full, 'solver.stride=0')),
    unknown: refusal(() => presets.fullSearch('s2', 'better-hlaf')),
    toy: QUADRATIC.loss(states[400].alpha) / QUADRATIC.loss(QUADRATIC.start),
  };
  await main(['search', '--help']);
  console.log(JSON.stringify(result));
}

void print();
