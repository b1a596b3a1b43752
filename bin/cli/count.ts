import { UsageError, unknownName } from '../../lib/errors.js';
import { countNetwork, multiplyAdds, sumCounts } from '../../lib/evaluation/count.js';
import type { Counts } from '../../lib/evaluation/count.js';
import { NETWORK_FORMS } from '../../lib/evaluation/plan.js';
import type { NetworkForm, NetworkShape } from '../../lib/evaluation/plan.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype } from '../../lib/spaces/genotype.js';
import { readGenotype } from './genotype.js';
import { wholeNumber } from './options.js';
import { print, printJson, tableOf } from './text.js';

/** The options of `zarts count`. */
export interface CountCommandOptions {
  readonly form?: string;
  readonly cells?: string;
  readonly channels?: string;
  readonly image?: string;
  readonly classes?: string;
  readonly aux?: boolean;
  readonly json?: boolean;
}

/** A network size to count. */
interface Size extends NetworkShape {
  /** Side of the square images in pixels. */
  readonly image: number;
}

/** The sizes that the paper trains derived networks at; the first of each form completes what options leave out. */
const PAPER_SIZES: readonly Size[] = [
  { form: 'cifar', cells: 20, channels: 36, image: 32, classes: 10 },
  { form: 'cifar', cells: 20, channels: 16, image: 32, classes: 10 },
  { form: 'cifar', cells: 8, channels: 16, image: 32, classes: 10 },
  { form: 'imagenet', cells: 14, channels: 48, image: 224, classes: 1000 },
];

/** The size that NAS-Bench-201's architectures were trained at, on CIFAR-10. */
const NB201_SIZE: Size = { form: 'stages', cells: 15, channels: 16, image: 32, classes: 10 };

/** What `--json` prints of one size. */
interface CountRow extends Size {
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** The same with the auxiliary head that training adds; null where the images do not fit it. */
  readonly withAuxiliary: { readonly parameters: number; readonly multiplyAdds: number } | null;
  readonly cellCounts: readonly Counts[];
}

/** Runs `zarts count`. @returns the exit code. */
export function countCommand(argument: string, options: CountCommandOptions): number {
  const { genotype, name } = readGenotype(argument);
  const rows = sizes(genotype, options).map((size): CountRow => {
    const { network, auxiliary, cells } = countNetwork(genotype, size, {
      height: size.image,
      width: size.image,
    });
    if (options.aux && size.form === 'stages') {
      throw new UsageError('The network of form stages has no auxiliary head; leave --aux out.');
    }
    if (options.aux && !auxiliary) {
      throw new UsageError(
        `The auxiliary head of the ${size.form} form does not fit images of ${size.image}×${size.image} pixels; it is made for ${size.form === 'cifar' ? 32 : 224}×${size.form === 'cifar' ? 32 : 224}.`,
      );
    }
    const whole = auxiliary && sumCounts(network, auxiliary);
    return {
      ...size,
      parameters: network.parameters,
      multiplyAdds: multiplyAdds(network),
      withAuxiliary: whole && { parameters: whole.parameters, multiplyAdds: multiplyAdds(whole) },
      cellCounts: cells,
    };
  });
  if (options.json) printJson({ name, genotype, text: printGenotype(genotype), counts: rows });
  else print([printGenotype(genotype), '', describeCounts(name, rows, options.aux ?? false)]);
  return 0;
}

/** The one size that the options describe, or those that the genotype's network is usually trained at. */
function sizes({ skeleton }: Genotype, options: CountCommandOptions): readonly Size[] {
  const { form, cells, channels, image, classes } = options;
  const all = skeleton === 'stages' ? [NB201_SIZE] : PAPER_SIZES;
  if ([form, cells, channels, image, classes].every((each) => each === undefined)) return all;
  const chosen = form === undefined ? all[0].form : knownForm(form);
  const usual = [...PAPER_SIZES, NB201_SIZE].find((each) => each.form === chosen)!;
  const number = (name: string, given: string | undefined, otherwise: number, most: number): number =>
    given === undefined ? otherwise : wholeNumber(`--${name}`, given, 1, most);
  return [
    {
      form: chosen,
      cells: number('cells', cells, usual.cells, 1000),
      channels: number('channels', channels, usual.channels, 100_000),
      image: number('image', image, usual.image, 100_000),
      classes: number('classes', classes, usual.classes, 1_000_000),
    },
  ];
}

function knownForm(name: string): NetworkForm {
  const known = NETWORK_FORMS.find((each) => each === name);
  if (!known) throw unknownName('network form', name, NETWORK_FORMS);
  return known;
}

function describeCounts(name: string, rows: readonly CountRow[], auxiliary: boolean): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const withAuxiliary = (row: CountRow, what: 'parameters' | 'multiplyAdds') =>
    auxiliary && row.withAuxiliary ? number(row.withAuxiliary[what]) : null;
  return tableOf(
    `${name}: exact counts, computed without running the network`,
    rows,
    {
      form: ({ form }) => form,
      cells: ({ cells }) => cells,
      channels: ({ channels }) => channels,
      image: ({ image }) => `${image}×${image}`,
      classes: ({ classes }) => classes,
      parameters: ({ parameters }) => number(parameters),
      'multiply-adds': (row) => number(row.multiplyAdds),
      'with auxiliary head': (row) => withAuxiliary(row, 'parameters'),
      'multiply-adds with it': (row) => withAuxiliary(row, 'multiplyAdds'),
    },
    {
      left: ['form'],
      notes: [
        'Parameters include the scales and offsets of batch norms; without the auxiliary head, which only training uses, unless said.',
        'Multiply-adds are those of convolutions and linear layers in one image’s forward pass.',
      ],
    },
  );
}
