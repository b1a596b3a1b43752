import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { findDatasets } from '../../lib/datasets/find.js';
import type { NativeKernels } from '../../lib/engine/index.js';
import { projectRoot } from '../../lib/runs/home.js';
import { textWidth, wrap } from './text.js';
import type * as machine from '../setup/machine.mjs' with { 'resolution-mode': 'import' };
import type * as main from '../setup/main.mjs' with { 'resolution-mode': 'import' };
import type * as plan from '../setup/plan.mjs' with { 'resolution-mode': 'import' };
import type * as steps from '../setup/steps.mjs' with { 'resolution-mode': 'import' };
import { gpuOperations, withoutGpuKernel } from './gpu-first-run.js';
import { jupyterEnvironment, venvPython } from './jupyter.js';

/** One thing that the project stands on. */
export interface Finding {
  readonly piece: string;
  readonly ok: boolean;
  /** Whether nothing works without it; a missing data set, for instance, is fetched when it is asked for. */
  readonly needed: boolean;
  /** What was found, in words. */
  readonly state: string;
  /** What to do where it is not right. */
  readonly advice?: string;
}

/** Set-up's modules are plain .mjs files outside dist, so that they run before anything is installed. */
async function setup() {
  const load = (name: string): Promise<unknown> =>
    import(pathToFileURL(join(projectRoot(), 'bin', 'setup', name)).href);
  return {
    ...((await load('machine.mjs')) as Pick<typeof machine, 'compiler' | 'nvidia' | 'pythons'>),
    ...((await load('main.mjs')) as typeof main),
    ...((await load('plan.mjs')) as typeof plan),
    ...((await load('steps.mjs')) as typeof steps),
  };
}

type Setup = Awaited<ReturnType<typeof setup>>;

const RUN_SETUP = 'Run: npm run setup';
const exec = promisify(execFile);

/** The text with the installation commands that follow its first line made one line. */
const oneLine = (paragraph: string): string => paragraph.replace(/\s*\n\s*/g, '; ').replace(/ {2,}/g, ' ');

function nodeFinding(): Finding {
  const { node, modules, napi } = process.versions;
  return { piece: 'Node', ok: true, needed: true, state: `${node} (ABI ${modules}, Node-API ${napi})` };
}

function pythonFinding({ pythons, missingPrerequisites }: Setup, { python }: plan.Choice): Finding {
  const found = pythons(python);
  const good = found.find(({ fits, venv }) => fits && venv);
  const asked = { npm: false, python: true, compiler: false };
  const [advice] = missingPrerequisites(asked, { npm: true, pythons: found, compiler: true }, python);
  const installed = existsSync(venvPython());
  return {
    piece: 'Python',
    ok: good !== undefined || installed,
    needed: true,
    state: good ? `${good.command} ${good.version}, with venv` : 'no usable one on this machine',
    ...(advice === undefined ? {} : { advice: oneLine(advice) }),
  };
}

function compilerFinding(tools: Setup, { python }: plan.Choice, addonBuilt: boolean): Finding {
  const compiler = tools.compiler();
  const asked = { npm: false, python: false, compiler: true };
  const found = { npm: true, pythons: [], compiler: compiler !== null };
  const [advice] = tools.missingPrerequisites(asked, found, python);
  return {
    piece: 'C++ compiler',
    ok: advice === undefined,
    needed: !addonBuilt,
    state: `${compiler?.join(' ') ?? 'none'}${addonBuilt ? ' (the addon is built already)' : ''}`,
    ...(advice === undefined ? {} : { advice: oneLine(advice) }),
  };
}

/** The state of one step of set-up. */
function stepFinding(piece: string, why: string | null, done: string): Finding {
  return why === null
    ? { piece, ok: true, needed: true, state: done }
    : { piece, ok: false, needed: true, state: why, advice: RUN_SETUP };
}

const VERSIONS = `
import json, sys
from importlib.metadata import version, PackageNotFoundError
def of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None
names = ["tensorflow", "jupyterlab", "nbclient", "nbconvert"]
print(json.dumps({"Python": sys.version.split()[0], **{name: of(name) for name in names}}))
`;

async function environmentFinding(why: string | null): Promise<Finding> {
  if (why !== null) return stepFinding('.venv', why, '');
  try {
    const { stdout } = await exec(venvPython(), ['-c', VERSIONS], { env: jupyterEnvironment() });
    const versions = JSON.parse(stdout) as Record<string, string | null>;
    const present = Object.entries(versions).filter(([, version]) => version !== null);
    return stepFinding('.venv', null, present.map(([name, version]) => `${name} ${version}`).join(', '));
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1);
    const advice = 'Delete .venv and run: npm run setup';
    return { piece: '.venv', ok: false, needed: true, state: `its Python does not run: ${reason}`, advice };
  }
}

/** The addon, loaded in a process of its own because a broken one can end the process; and whether it uses a GPU. */
async function engineFindings(choice: plan.Choice, why: string | null, setup: Setup): Promise<Finding[]> {
  const gpu = setup.judgeGpu(setup.nvidia());
  const name = `${choice.package} (engine ${choice.engine}, because ${choice.reason})`;
  const gpuFinding = (used: boolean, state: string): Finding => ({
    piece: 'GPU',
    ok: used || !(gpu.usable || choice.engine === 'gpu'),
    needed: false,
    state,
    ...(gpu.usable && choice.engine === 'cpu' ? { advice: 'ZARTS_ENGINE=gpu npm run setup uses it' } : {}),
  });
  if (why !== null) {
    return [stepFinding('TensorFlow addon', `${name}: ${why}`, ''), gpuFinding(false, gpu.reason)];
  }
  try {
    const loaded = await setup.tryAddon(choice);
    const built = `${name} loads, TensorFlow ${loaded.tensorflow}, Node-API ${process.versions.napi}`;
    const used = loaded.gpu ? 'TensorFlow computes on it' : 'not used, TensorFlow computes on the CPU';
    return [stepFinding('TensorFlow addon', null, built), gpuFinding(loaded.gpu, `${gpu.reason}; ${used}`)];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason =
      error.message.split('\n').find((line) => line.includes('Error')) ?? error.message.split('\n')[0];
    const advice = 'Delete node_modules/.zarts and run: npm run setup';
    return [
      {
        piece: 'TensorFlow addon',
        ok: false,
        needed: true,
        state: `${name} does not load: ${reason}`,
        advice,
      },
      gpuFinding(false, gpu.reason),
    ];
  }
}

/** The fused kernels, as a process of its own loads them. */
async function nativeFinding(): Promise<Finding> {
  const piece = 'Fused kernels';
  const module = join(projectRoot(), 'dist', 'lib', 'engine', 'native.js');
  const script = 'console.log(JSON.stringify(require(process.argv[1]).nativeKernels))';
  try {
    const { stdout } = await exec(process.execPath, ['-e', script, module]);
    const { level, reason } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as NativeKernels;
    const state = reason === undefined ? `used, instructions of ${level}` : `not used: ${reason}`;
    return { piece, ok: reason === undefined, needed: false, state };
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1);
    return { piece, ok: false, needed: false, state: `not used: ${reason}` };
  }
}

/** Whether TensorFlow has a kernel on a GPU for all that this project records; asked only where it computes on one. */
function gpuKernelFindings({ engine }: plan.Choice): Finding[] {
  if (engine !== 'gpu') return [];
  const piece = 'GPU kernels';
  const missing = withoutGpuKernel(gpuOperations());
  if (missing === null) {
    return [
      {
        piece,
        ok: false,
        needed: false,
        state: 'TensorFlow in .venv was built without CUDA',
        advice: RUN_SETUP,
      },
    ];
  }
  const state =
    missing.length === 0
      ? 'every operation of this project has one'
      : `none for ${missing.join(', ')}, which the processor computes`;
  return [{ piece, ok: missing.length === 0, needed: false, state }];
}

async function dataFindings(): Promise<Finding[]> {
  const root = projectRoot();
  const shown = (folder: string): string => {
    const inside = relative(root, folder);
    return inside.startsWith('..') ? folder : inside;
  };
  const sets = await findDatasets({ digest: true });
  return sets.map(({ name, folder, status, train, test, digest = '', problem }): Finding => {
    const piece = `data: ${name}`;
    const place = shown(folder);
    if (status === 'absent') {
      const whence = name === 'imagenet' ? 'Registered users get it at image-net.org' : 'A run downloads it';
      const advice = `${whence}, or name its folder with --data DIR or ZARTS_DATA; offline: --data synthetic`;
      return { piece, ok: false, needed: false, state: `not in ${place}`, advice };
    }
    // What is wrong with a damaged one is said with what to do about it.
    if (status === 'damaged') {
      return { piece, ok: false, needed: false, state: problem ?? `${place} is damaged` };
    }
    const images = `${train} train, ${test} test images`;
    const official = name === 'imagenet' ? `list of files ${digest.slice(0, 12)}` : 'digests as published';
    return {
      piece,
      ok: true,
      needed: false,
      state:
        status === 'official'
          ? `the official set in ${place}: ${images}, ${official}`
          : `a subset in ${place}: ${images}, digest ${digest.slice(0, 12)}`,
    };
  });
}

/** Looks at every piece: Node, Python, compiler, packages, addon, GPU, fused kernels, kernel, compiled sources, data sets. */
export async function examine(): Promise<Finding[]> {
  const tools = await setup();
  const choice = tools.engineHere();
  const steps = tools.inspect(choice);
  const why = (id: main.Step['id']): string | null => steps.find(({ step }) => step.id === id)?.why ?? null;
  return [
    nodeFinding(),
    stepFinding('npm packages', why('npm'), 'as package-lock.json says'),
    pythonFinding(tools, choice),
    compilerFinding(tools, choice, why('addon') === null),
    await environmentFinding(why('python')),
    ...(choice.libraries === null
      ? []
      : [
          stepFinding(
            'TensorFlow',
            why('tensorflow'),
            `${choice.tensorflow}'s libraries in .zarts/tensorflow`,
          ),
        ]),
    ...(await engineFindings(choice, why('addon'), tools)),
    ...gpuKernelFindings(choice),
    await nativeFinding(),
    stepFinding('TypeScript kernel', why('kernel'), 'registered in .venv'),
    stepFinding('node_modules/zarts', why('link'), 'links to dist, for notebooks'),
    stepFinding('dist', why('build'), 'compiled from the present sources'),
    ...(await dataFindings()),
  ];
}

/** The findings as lines, a mark and a piece each, with what to do below what is wrong. */
export function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ piece }) => piece.length));
  const lines = findings.flatMap(({ piece, ok, needed, state, advice }) => {
    const mark = ok ? 'ok' : needed ? 'PROBLEM' : 'note';
    const indent = ' '.repeat(width + 10);
    const paragraph = (head: string, text: string): string[] =>
      wrap(text, Math.max(40, textWidth() - head.length)).map((each, i) => (i === 0 ? head : indent) + each);
    const line = paragraph(`${mark.padEnd(8)}${piece.padEnd(width + 2)}`, state);
    return ok || advice === undefined ? line : [...line, ...paragraph(indent, `→ ${advice}`)];
  });
  const problems = findings.filter(({ ok, needed }) => needed && !ok).length;
  const verdict =
    problems === 0
      ? 'Everything needed works.'
      : `${problems} needed ${problems === 1 ? 'piece does' : 'pieces do'} not work.`;
  return [...lines, verdict].join('\n');
}

/**
 * Prints the state of each piece of the installation and what to do about what is wrong.
 *
 * @param options  `json`: one JSON document `{ok, findings}` instead of lines.
 * @returns        Exit code: 0 if every needed piece works, 1 otherwise.
 */
export async function doctor({ json }: { json: boolean }): Promise<number> {
  const findings = await examine();
  const ok = findings.every((finding) => finding.ok || !finding.needed);
  console.log(json ? JSON.stringify({ ok, findings }, null, 2) : describeFindings(findings));
  return ok ? 0 : 1;
}
