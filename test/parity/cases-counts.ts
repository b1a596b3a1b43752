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

/** The size of a network, as the reference names it. */
interface CountedSize {
  readonly init_channels: number;
  readonly layers: number;
  readonly classes: number;
}

/** One supernet whose parameters and multiply-adds (`macs_32x32`, …) the reference counted. */
interface CountedSupernet extends CountedSize {
  /** `cifar supernet`, or one with another stem. */
  readonly network?: string;
  readonly space: string;
  readonly params: number;
  readonly alphas_each?: readonly [number, number];
  readonly n_weight_tensors?: number;
}

/** One derived network whose parameters and multiply-adds the reference counted. */
interface CountedNetwork extends CountedSize {
  readonly network: string;
  /** One of the case's `genotypes`. */
  readonly genotype: string;
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

/** Exact differences of counts, named by what is counted. */
function differences(
  name: string,
  counts: Readonly<Record<string, readonly [number, number]>>,
): ArrayError[] {
  return Object.entries(counts).map(([what, [ours, theirs]]) => ({
    array: `${name}: ${what}`,
    form: 'plain',
    error: Math.abs(ours - theirs),
    tolerance: 0,
  }));
}

function supernetCounts(entry: CountedSupernet): ArrayError[] {
  const { network = 'cifar supernet', space, init_channels: channels, layers: cells, classes } = entry;
  const known = SPACE_OF_REFERENCE[space];
  if (known === undefined) throw new NotCovered(`its space "${space}" is none here`);
  const largeImages = SUPERNETS[network];
  const shape = { cells, channels, classes, ...(largeImages ? { largeImages } : {}) };
  const net = supernet(spaceById(known), shape);
  const { alphas_each: alphas, n_weight_tensors: tensors } = entry;
  const macs = Object.entries(entry).flatMap(([key, value]) => {
    const [, height, width] = /^macs_(\d+)x(\d+)$/.exec(key) ?? [];
    if (height === undefined) return [];
    if (largeImages)
      throw new NotCovered('multiply-adds of a supernet for large images are not counted here');
    const ours = multiplyAdds(net, Number(height), Number(width));
    const theirs = value as CountedMultiplyAdds;
    return [
      [`${key} convolutions`, [ours.convolutions, theirs.conv]] as const,
      [`${key} linear`, [ours.linear, theirs.linear]] as const,
    ];
  });
  return differences(`${network} ${space} C=${channels} layers=${cells} classes=${classes}`, {
    parameters: [net.layout.size, entry.params],
    ...(alphas && { alphas: [net.alphas, 2 * alphas[0] * alphas[1]] }),
    ...(tensors !== undefined && { 'weight tensors': [net.layout.parameters.length, tensors] }),
    ...Object.fromEntries(macs),
  });
}

function networkCounts(entry: CountedNetwork, genotypes: Readonly<Record<string, unknown>>): ArrayError[] {
  const form = NETWORK_FORMS.find((each) => each === entry.network);
  if (form === undefined) throw new NotCovered(`its network "${entry.network}" is none here`);
  if (!(entry.genotype in genotypes))
    throw new NotCovered(`it counts the genotype "${entry.genotype}" and does not list it`);
  const genotype = parseGenotype(JSON.stringify(genotypes[entry.genotype]));
  const { layers: cells, init_channels: channels, classes } = entry;
  const [height, width] = entry.input;
  const size = { form, cells, channels, classes };
  const { network, auxiliary } = countNetwork(genotype, size, { height, width });
  const name = `${entry.genotype} ${form} C=${channels} layers=${cells} classes=${classes}`;
  const compared = (of: string, ours: Counts, parameters: number, macs: CountedMultiplyAdds): ArrayError[] =>
    differences(name, {
      [`parameters${of}`]: [ours.parameters, parameters],
      [`convolutions${of}`]: [ours.convolutions, macs.conv],
      [`linear${of}`]: [ours.linear, macs.linear],
    });
  const head = {
    conv: entry.macs_with_auxiliary_head.conv - entry.macs.conv,
    linear: entry.macs_with_auxiliary_head.linear - entry.macs.linear,
  };
  const headParameters = entry.params_with_auxiliary - entry.params_without_auxiliary;
  return [
    ...compared('', network, entry.params_without_auxiliary, entry.macs),
    ...(auxiliary
      ? compared(' of the auxiliary head', auxiliary, headParameters, head)
      : differences(name, { 'auxiliary head': [0, 1] })),
  ];
}
