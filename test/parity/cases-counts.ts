import { countNetwork } from '../../lib/evaluation/count.js';
import type { Counts } from '../../lib/evaluation/count.js';
import { NETWORK_FORMS } from '../../lib/evaluation/plan.js';
import { parseGenotype } from '../../lib/spaces/genotype.js';
import { spaceById } from '../../lib/spaces/spaces.js';
import { supernet } from '../../lib/supernet/supernet.js';
import { SPACE_OF_REFERENCE, multiplyAdds } from './cases-supernet.js';
import type { FixtureCase } from './fixtures.js';
import { NotCovered } from './network-case.js';
import type { ArrayError, CaseRunner } from './network-case.js';

/** Runners of the cases that count parameters and multiply-adds, exact: 9. */
export const countCases: Readonly<Record<string, CaseRunner>> = { '9': countsCase };

/** Multiply-adds as the reference lists them. */
interface CountedMultiplyAdds {
  readonly conv: number;
  readonly linear: number;
}

/** One supernet whose parameters and multiply-adds the reference counted. */
interface CountedSupernet {
  /** `cifar supernet`, or one with another stem. */
  readonly network?: string;
  readonly space: string;
  readonly init_channels: number;
  readonly layers: number;
  readonly classes: number;
  readonly params: number;
  readonly alphas_each?: readonly [number, number];
  readonly n_weight_tensors?: number;
}

/** One derived network whose parameters and multiply-adds the reference counted. */
interface CountedNetwork {
  readonly network: string;
  /** One of the case's `genotypes`. */
  readonly genotype: string;
  readonly layers: number;
  readonly init_channels: number;
  readonly classes: number;
  readonly input: readonly [height: number, width: number, channels: number];
  readonly params_without_auxiliary: number;
  readonly params_with_auxiliary: number;
  readonly macs: CountedMultiplyAdds;
  readonly macs_with_auxiliary_head: CountedMultiplyAdds;
}

/** What a case of counts lists. */
interface CountedValues {
  readonly genotypes?: Readonly<Record<string, unknown>>;
  readonly evaluation?: readonly CountedNetwork[];
  readonly supernet?: readonly CountedSupernet[];
}

function countsCase(c: FixtureCase): ArrayError[] {
  const { genotypes = {}, evaluation = [], supernet = [] } = (c.values ?? {}) as CountedValues;
  if (evaluation.length + supernet.length === 0)
    throw new NotCovered('it counts neither a supernet nor a derived network');
  return [
    ...supernet.filter(isKnownSupernet).flatMap(supernetCounts),
    ...evaluation.flatMap((entry) => networkCounts(entry, genotypes)),
  ];
}

/** Supernets by the reference's names, and whether their stem is the one for large images. */
const SUPERNETS: Readonly<Record<string, boolean>> = { 'cifar supernet': false, 'imagenet supernet': true };

/** Whether a counted supernet is one of ours. */
export function isKnownSupernet({ network = 'cifar supernet' }: { readonly network?: string }): boolean {
  return network in SUPERNETS;
}

function difference(array: string, ours: number, theirs: number): ArrayError {
  return { array, form: 'plain', error: Math.abs(ours - theirs), tolerance: 0 };
}

function supernetCounts(entry: CountedSupernet): ArrayError[] {
  const known = SPACE_OF_REFERENCE[entry.space];
  if (known === undefined) throw new NotCovered(`its space "${entry.space}" is none here`);
  const largeImages = SUPERNETS[entry.network ?? 'cifar supernet'];
  const shape = {
    cells: entry.layers,
    channels: entry.init_channels,
    classes: entry.classes,
    ...(largeImages ? { largeImages } : {}),
  };
  const net = supernet(spaceById(known), shape);
  const name = `${entry.network ?? 'cifar supernet'} ${entry.space} C=${entry.init_channels} layers=${entry.layers} classes=${entry.classes}`;
  const { alphas_each: alphas, n_weight_tensors: tensors } = entry;
  const macs = Object.entries(entry).flatMap(([key, value]) => {
    const [, height, width] = /^macs_(\d+)x(\d+)$/.exec(key) ?? [];
    if (height === undefined) return [];
    if (largeImages)
      throw new NotCovered('multiply-adds of a supernet for large images are not counted here');
    const ours = multiplyAdds(net, Number(height), Number(width));
    const theirs = value as CountedMultiplyAdds;
    return [
      difference(`${name}: ${key} convolutions`, ours.convolutions, theirs.conv),
      difference(`${name}: ${key} linear`, ours.linear, theirs.linear),
    ];
  });
  return [
    difference(`${name}: parameters`, net.layout.size, entry.params),
    ...(alphas ? [difference(`${name}: alphas`, net.alphas, 2 * alphas[0] * alphas[1])] : []),
    ...(tensors === undefined
      ? []
      : [difference(`${name}: weight tensors`, net.layout.parameters.length, tensors)]),
    ...macs,
  ];
}

function networkCounts(entry: CountedNetwork, genotypes: Readonly<Record<string, unknown>>): ArrayError[] {
  const form = NETWORK_FORMS.find((each) => each === entry.network);
  if (form === undefined) throw new NotCovered(`its network "${entry.network}" is none here`);
  if (!(entry.genotype in genotypes))
    throw new NotCovered(`it counts the genotype "${entry.genotype}" and does not list it`);
  const genotype = parseGenotype(JSON.stringify(genotypes[entry.genotype]));
  const { layers: cells, init_channels: channels, classes } = entry;
  const [height, width] = entry.input;
  const { network, auxiliary } = countNetwork(
    genotype,
    { form, cells, channels, classes },
    { height, width },
  );
  const name = `${entry.genotype} ${form} C=${channels} layers=${cells} classes=${classes}`;
  const compare = (
    what: string,
    ours: Counts,
    parameters: number,
    macs: CountedMultiplyAdds,
  ): ArrayError[] => [
    difference(`${name}: parameters${what}`, ours.parameters, parameters),
    difference(`${name}: convolutions${what}`, ours.convolutions, macs.conv),
    difference(`${name}: linear${what}`, ours.linear, macs.linear),
  ];
  const head = {
    parameters: entry.params_with_auxiliary - entry.params_without_auxiliary,
    conv: entry.macs_with_auxiliary_head.conv - entry.macs.conv,
    linear: entry.macs_with_auxiliary_head.linear - entry.macs.linear,
  };
  return [
    ...compare('', network, entry.params_without_auxiliary, entry.macs),
    ...(auxiliary
      ? compare(' of the auxiliary head', auxiliary, head.parameters, head)
      : [difference(`${name}: auxiliary head`, 0, 1)]),
  ];
}
