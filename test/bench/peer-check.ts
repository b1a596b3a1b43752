import path from 'node:path';
import { loadFixtures } from '../parity/fixtures.js';
import type { FixtureCase } from '../parity/fixtures.js';
import { auxiliaryWeight, caseNetwork } from '../parity/cases-evaluation.js';
import { alphasOf, byCell, caseSupernet, pieceNorms, pieces } from '../parity/cases-supernet.js';
import { arrayOf, compare, hostArray, norm, numberOf } from '../parity/network-case.js';
import type { ArrayError, Computed } from '../parity/network-case.js';
import { reductionCells } from '../../lib/spaces/spaces.js';
import type { Supernet } from '../../lib/supernet/supernet.js';
import { PeerProcess } from './processes.js';
import type { PeerLayout } from './processes.js';
import { peerDerivedNetwork, peerParameters, peerSupernet } from './program.js';
import { fromWire, toWire } from './wire.js';
import type { WireArray } from './wire.js';

/** Whether the peer does the same work as the supernet: it is held against the same reference numbers. */

/** The error of one array of one case, next to its tolerance. */
export interface PeerError extends Omit<ArrayError, 'form'> {
  readonly id: string;
  readonly layout: PeerLayout;
  readonly ok: boolean;
}

const LAYOUTS = ['nchw', 'channels_last'] as const satisfies readonly PeerLayout[];

type Runner = (peer: PeerProcess, layout: PeerLayout, c: FixtureCase) => Promise<Computed>;

/** The groups of cases that the peer can run: one pass of a supernet, steps of SGD on it, one pass of a derived network. */
const RUNNERS: Readonly<Record<string, Runner>> = {
  '4': passOf,
  '5': passOf,
  '6': stepsOf,
  '12': derivedPassOf,
};

/** Whether a case is of what the peer has not: Nesterov's steps and running statistics in a supernet, networks of stages. */
function isBeyondPeer({ constants }: FixtureCase): boolean {
  return constants.nesterov === true || constants.form === 'stages';
}

/**
 * Runs the supernet cases of a fixture folder through the peer, in both layouts.
 *
 * @param dir     The folder of fixtures, with a `manifest.json` and, in nb201/, another.
 * @param python  Python of an environment that has PyTorch.
 * @throws {ZartsError} if the folder or the peer cannot be used.
 */
export function checkPeer(dir: string, python?: string): Promise<PeerError[]> {
  return new PeerProcess(python).during(async (peer) => {
    const errors: PeerError[] = [];
    for (const c of [dir, path.join(dir, 'nb201')].flatMap((each) => loadFixtures(each).cases)) {
      const group = c.group.split(' ')[0];
      if (!Object.hasOwn(RUNNERS, group) || isBeyondPeer(c)) continue;
      for (const layout of LAYOUTS) {
        for (const each of compare(c, 'plain', await RUNNERS[group](peer, layout, c))) {
          const { array, error, tolerance } = each;
          errors.push({ id: c.id, layout, array, error, tolerance, ok: error <= tolerance });
        }
      }
    }
    return errors;
  });
}

const wire = (c: FixtureCase, name: string): WireArray => toWire(hostArray(c, name));

/** Network, weights and alphas of a case, as the peer takes them. */
function workOf(c: FixtureCase, net: Supernet) {
  return {
    network: peerSupernet(net),
    parameters: peerParameters(net.layout),
    weights: wire(c, 'weights'),
    alphas: toWire(alphasOf(c, net)),
  };
}

/** The recorded draws of the noise primitive by the operation's name. */
function noiseOf(c: FixtureCase, { space, shape }: Supernet): Record<string, WireArray> {
  const reductions = reductionCells(shape.cells);
  return Object.fromEntries(
    Object.keys(c.info).flatMap((name) => {
      const [, cell, edge] = /^noise\.(\d+)\.(\d+)$/.exec(name) ?? [];
      if (cell === undefined) return [];
      const kind = reductions.includes(Number(cell)) ? 'reduce' : 'normal';
      const op = space.edges[kind][Number(edge)].indexOf('noise');
      return [[`cells.${cell}._ops.${edge}._ops.${op}`, wire(c, name)]];
    }),
  );
}

/** For passes without an update. */
const NO_SGD = { lr: 0, momentum: 0, weightDecay: 0, clip: 1 };

/** One pass forward and backward of a derived network. */
async function derivedPassOf(...[peer, layout, c]: Parameters<Runner>): Promise<Computed> {
  const net = caseNetwork(c);
  await peer.ask('open', {
    network: peerDerivedNetwork(net, auxiliaryWeight(c)),
    parameters: peerParameters(net.layout),
    weights: wire(c, 'weights'),
    sgd: NO_SGD,
    images: wire(c, 'x'),
    labels: wire(c, 'target'),
  });
  const { logits, loss, gradient } = await peer.ask('gradients', { layout });
  const norms = pieceNorms(fromWire(gradient).data, net.layout.parameters);
  return { logits: fromWire(logits).data, loss: [loss], grad_norms: norms };
}

/** One pass forward and backward. */
async function passOf(...[peer, layout, c]: Parameters<Runner>): Promise<Computed> {
  const net = caseSupernet(c);
  await peer.ask('open', { ...workOf(c, net), sgd: NO_SGD, images: wire(c, 'x'), labels: wire(c, 'target') });
  const { logits, loss, alphaGradient, gradient } = await peer.ask('gradients', {
    layout,
    noise: noiseOf(c, net),
  });
  const flat = fromWire(gradient).data;
  return {
    logits: fromWire(logits).data,
    loss: [loss],
    ...byCell('g_alpha', net, fromWire(alphaGradient).data),
    grad_norms: pieceNorms(flat, net.layout.parameters),
    global_grad_norm: [norm(flat)],
    ...pieces('gw', flat, net.layout.parameters),
  };
}

/** Several steps of SGD. */
async function stepsOf(...[peer, layout, c]: Parameters<Runner>): Promise<Computed> {
  const net = caseSupernet(c);
  const sgd = {
    lr: numberOf(c, 'lr'),
    momentum: numberOf(c, 'momentum'),
    weightDecay: numberOf(c, 'weight_decay'),
    clip: numberOf(c, 'grad_clip_norm'),
  };
  await peer.ask('open', { ...workOf(c, net), sgd });
  const [losses, gradientNorms]: number[][] = [[], []];
  for (let i = 0; i < arrayOf(c, 'losses').data.length; i++) {
    const batch = { images: wire(c, `x${i}`), labels: wire(c, `target${i}`) };
    const { loss, gradientNorm } = await peer.ask('step', { layout, threads: 1, ...batch });
    losses.push(loss);
    gradientNorms.push(gradientNorm);
  }
  const final = await peer.ask('state', { layout });
  const [weights, momentum] = [final.weights, final.momentum].map((each) => fromWire(each).data);
  const { parameters } = net.layout;
  return {
    losses,
    grad_norms_before_clip: gradientNorms,
    final_param_norms: pieceNorms(weights, parameters),
    final_momentum_norms: pieceNorms(momentum, parameters),
    ...pieces('final', weights, parameters),
  };
}
