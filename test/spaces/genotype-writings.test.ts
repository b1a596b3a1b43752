import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../lib/errors.js';
import { countNetwork } from '../../lib/evaluation/count.js';
import { genotypesIn } from '../../lib/spaces/genotype-writings.js';
import type { Choice } from '../../lib/spaces/genotype-writings.js';
import { KNOWN_GENOTYPES, parseGenotype, printGenotype } from '../../lib/spaces/genotype.js';
import type { Genotype, KnownGenotype } from '../../lib/spaces/genotype.js';
import { LITERATURE } from '../../lib/spaces/literature.js';
import type { Published } from '../../lib/spaces/literature.js';
import { anyGenotype } from '../support/genotypes.js';

const { DARTS_V1, DARTS_V2, PC_DARTS_cifar } = KNOWN_GENOTYPES;
const V1 = printGenotype(DARTS_V1);
const V2 = printGenotype(DARTS_V2);

/** Ways in which a genotype of two nodes or more is written elsewhere, all of which mean the same. */
const WRITINGS: Readonly<Record<string, (genotype: Genotype) => string>> = {
  'assigned to a name': (genotype) => `NAME = ${printGenotype(genotype)}\n`,
  'of a module': (genotype) => `genotypes.${printGenotype(genotype)}`,
  'with comments': (genotype) =>
    `# found today\n${printGenotype(genotype).replaceAll('), (', '), # a step\n  (')}`,
  'as lists': (genotype) => printGenotype(genotype).replaceAll(/\(('\w+', \d+)\)/g, '[$1]'),
  'as tuples': (genotype) => printGenotype(genotype).replaceAll('[', '(').replaceAll(']', ',)'),
  'list(range())': (genotype) => printGenotype(genotype).replaceAll(/range\(\d+, \d+\)/g, 'list($&)'),
  'numbers of NumPy': (genotype) => printGenotype(genotype).replaceAll(/\d+(?=\)|, |\])/g, 'np.int64($&)'),
  'by place': (genotype) => printGenotype(genotype).replaceAll(/\w+=/g, ''),
  'with weights': (genotype) => printGenotype(genotype).replaceAll(/('\w+', \d+)\)/g, '$1, 0.131)'),
  'with fields that say nothing': (genotype) =>
    `${printGenotype(genotype).slice(0, -1)}, connectN=None, connects=None, aux=[], normal_bottleneck='')`,
  'by node': ({ normal, normalConcat, reduce, reduceConcat }) =>
    `Genotype(normal=[${byNode(normal)}], normal_concat=[${normalConcat.join()}], reduce=[${byNode(reduce)}], reduce_concat=[${reduceConcat.join()}])`,
  'with the node as second field': ({ normal, normalConcat, reduce, reduceConcat }) =>
    `Genotype(normal=[${withNode(normal)}], normal_concat=[${normalConcat.join()}], reduce=[${withNode(reduce)}], reduce_concat=[${reduceConcat.join()}])`,
  'as a dictionary': ({ normal, normalConcat, reduce, reduceConcat }) =>
    `{'name': 'x', 'normal': ${python(normal)}, 'normal_concat': [${normalConcat.join()}], 'reduce': ${python(reduce)}, 'reduce_concat': [${reduceConcat.join()}]}`.replace(
      "'name': 'x', ",
      '',
    ),
  'as JSON': (genotype) => JSON.stringify(genotype),
  'as JSON within other fields': (genotype) => JSON.stringify({ valid_acc: 97.2, genotype }),
  'as text within JSON': (genotype) => JSON.stringify({ genotype: printGenotype(genotype), seed: 3 }),
  'as text within JSON lines': (genotype) =>
    `{"epoch": 0, "genotype": "none yet"}\n${JSON.stringify({ epoch: 1, genotype: printGenotype(genotype) })}\n`,
  'as YAML': ({ normal, normalConcat, reduce, reduceConcat }) =>
    `genotype:\n  normal: ${JSON.stringify(normal)}\n  normal_concat: range(${normalConcat[0]}, ${normalConcat[0] + 1})\n  reduce: ${JSON.stringify(reduce)}\n  reduce_concat: ${JSON.stringify(reduceConcat)}\n`.replace(
      `range(${normalConcat[0]}, ${normalConcat[0] + 1})`,
      JSON.stringify(normalConcat),
    ),
  'as text within YAML, folded': (genotype) =>
    `best: ${printGenotype(genotype).replaceAll(', (', ',\n    (')}\n`,
  'with a byte order mark and CRLF': (genotype) =>
    `\uFEFF${printGenotype(genotype).replaceAll('), (', '),\r\n(')}\r\n`,
};

const python = (edges: Genotype['normal']): string =>
  `[${edges.map(([op, input]) => `('${op}', ${input})`).join()}]`;

function byNode(edges: Genotype['normal']): string {
  const groups = Array.from({ length: edges.length / 2 }, (_, i) => edges.slice(2 * i, 2 * i + 2));
  return groups.map((group) => `(${group.map(([op, input]) => `('${op}', ${input})`).join()})`).join();
}

const withNode = (edges: Genotype['normal']): string =>
  edges.map(([op, input], i) => `('${op}', ${Math.floor(i / 2) + 2}, ${input})`).join();

/** NAS-Bench-201's operations. */
const NB201 = ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'];

/** The text of a cell of its, with six operations. */
const nb201Cell = ([a, b, c, d, e, f]: readonly string[]): string =>
  `|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`;

const SKIPS = nb201Cell(new Array<string>(6).fill('skip_connect'));

/** Choosing in it fails with that. */
function refused(text: string, ...says: readonly RegExp[]): void {
  for (const each of says) expect(() => parseGenotype(text), text.slice(0, 200)).to.throw(UsageError, each);
}

describe('writings of genotypes', () => {
  for (const [title, write] of Object.entries(WRITINGS)) {
    it(`reads one ${title}`, () => {
      fc.assert(
        fc.property(anyGenotype, (genotype) => {
          expect(parseGenotype(write(genotype))).to.deep.equal(genotype);
        }),
        { numRuns: 20 },
      );
    });
  }

  it('reads NAS-Bench-201’s cells wherever they stand', () => {
    const writings: ((cell: string) => string)[] = [
      (cell) => `BEST = '${cell}'\n`,
      (cell) => `Structure(4 nodes with ${cell})`,
      (cell) => `10:43:00 PM Architecture = NB201Genotype(arch_str='${cell}')`,
      (cell) => `config = {'name': 'infer.tiny', 'C': 16, 'N': 5, 'arch_str': '${cell}', 'num_classes': 10}`,
      (cell) => JSON.stringify({ best: { arch: cell, accuracy: 94.37 } }),
      (cell) => `accuracy: 94.37\narch: '${cell}'\n`,
      (cell) => `arch,accuracy\n${cell},94.37\n`,
      (cell) => `| cell | accuracy |\n|---|---|\n| ${cell} | 94.37 |\n`,
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...NB201), { minLength: 6, maxLength: 6 }), (ops) => {
        const cell = nb201Cell(ops);
        for (const write of writings) {
          const text = write(cell);
          const name = genotypesIn(text)[0]?.name;
          expect(printGenotype(parseGenotype(text, { name })), text).to.equal(cell);
        }
      }),
      { numRuns: 20 },
    );
    expect(genotypesIn(writings[0](SKIPS))[0].name).to.equal('BEST');
    expect(genotypesIn(writings[3](SKIPS))[0].name).to.equal('arch_str');
    expect(genotypesIn(writings[4](SKIPS))[0].name).to.equal('best.arch');
  });

  it('takes from a log of NAS-Bench-201’s code an epoch’s cell, though each stands there twice', () => {
    const cells = NB201.map((op) => nb201Cell(new Array<string>(6).fill(op)));
    const log = cells
      .map(
        (cell, i) =>
          `[Search the 00${i}-005-th epoch] Time Left: [00:01:00], LR=0.02\n` +
          `<<<--->>> The 00${i}-005-th epoch : Structure(4 nodes with ${cell})\n${cell}\ncifar10-valid FLOP= 15 M\n`,
      )
      .join('');
    expect(genotypesIn(log).map(({ epoch, value }) => [epoch, value])).to.deep.equal([...cells.entries()]);
    expect(printGenotype(parseGenotype(log))).to.equal(cells[4]);
    expect(printGenotype(parseGenotype(log, { epoch: 1 }))).to.equal(cells[1]);
    // Under each other, without epochs, each is one.
    expect(genotypesIn(`${SKIPS}\n${SKIPS}\n`).map(({ epoch }) => epoch)).to.deep.equal([0, 1]);
  });

  it('names the place of a mistake in a cell among other things', () => {
    refused(
      `first line\nbest: Structure(4 nodes with |none~0|+|none~0|max_pool~1|)`,
      /line 2, column 47: expected a known primitive, found "max_pool~1\|"/,
    );
    // Cut off, as a line of a log may be.
    refused(`x = '|none~0|+|none~0|`, /line 1, column 23: expected an edge into node 2, found the end/);
  });

  it('reads NNI’s exports of both generations, which concatenate every node', () => {
    const operations = { max_pool_3x3: 'maxpool', skip_connect: 'skipconnect', sep_conv_3x3: 'sepconv3x3' };
    const [first, second]: Record<string, unknown>[] = [{}, {}];
    const expected = parseGenotype(
      V2.replaceAll('dil_conv_3x3', 'sep_conv_3x3').replaceAll(
        /\(('\w+'), (\d)\), \(('\w+'), (\d)\)/g,
        (pair, a, i, b, j) => (Number(i) < Number(j) ? pair : `(${b}, ${j}), (${a}, ${i})`),
      ),
    );
    for (const cell of ['normal', 'reduce'] as const) {
      expected[cell].forEach(([op, input], i) => {
        const node = Math.floor(i / 2) + 2;
        first[`${cell}_n${node}_p${input}`] = operations[op as keyof typeof operations];
        first[`${cell}_n${node}_switch`] ??= [];
        (first[`${cell}_n${node}_switch`] as string[]).push(`${cell}_n${node}_p${input}`);
        second[`${cell}/op_${node}_${i % 2}`] = op;
        second[`${cell}/input_${node}_${i % 2}`] = cell === 'normal' ? input : [input];
      });
      for (let node = 3; node < 6; node++) {
        for (let input = 0; input < node; input++) first[`${cell}_n${node}_p${input}`] ??= [];
      }
    }
    expect(parseGenotype(JSON.stringify(first))).to.deep.equal(expected);
    expect(parseGenotype(JSON.stringify(second))).to.deep.equal(expected);
    expect(parseGenotype(JSON.stringify({ arch: second }).replaceAll('"', "'"))).to.deep.equal(expected);
    delete first.normal_n4_switch;
    first.normal_n4_p2 = 'maxpool';
    refused(JSON.stringify(first), /Node 4 of the normal cell has 3 entries/);
  });

  describe('with several in one text', () => {
    const MODULE = [
      'from collections import namedtuple',
      "Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')",
      "PRIMITIVES = ['none', 'skip_connect']",
      `OLD = ${V1}`,
      `# DROPPED = ${V1}`,
      `NEW: Genotype = ${V2}`,
      'BEST = NEW  # for now',
      'class Genotype(tuple): pass',
    ].join('\n');

    it('takes the one that is named, also by another name for it', () => {
      expect(parseGenotype(MODULE, { name: 'OLD' })).to.deep.equal(DARTS_V1);
      for (const name of ['NEW', 'BEST']) expect(parseGenotype(MODULE, { name })).to.deep.equal(DARTS_V2);
      expect(() => parseGenotype(MODULE, { name: 'NEWER' })).to.throw(
        UsageError,
        /OLD, NEW, BEST.*Did you mean "NEW"/,
      );
    });

    it('lists the names where none is said, and says how to choose', () => {
      refused(MODULE, /3 genotypes are there: OLD, NEW, BEST; .*FILE:OLD/);
      expect(() => parseGenotype(MODULE, { file: 'mine.py' })).to.throw(UsageError, /mine\.py:OLD/);
      const yaml = `s1:\n  0.0_0.0003:\n    1: ${V1}\n    2: ${V2}\n`;
      refused(yaml, /2 genotypes are there: s1\.0\.0_0\.0003\.1, s1\.0\.0_0\.0003\.2/);
      expect(parseGenotype(yaml, { name: 's1.0.0_0.0003.2' })).to.deep.equal(DARTS_V2);
      // One seed of many may be all that is in the file.
      refused(yaml.replace(/ {4}2.*\n/, ''), /One genotype is there, under s1\.0\.0_0\.0003\.1/);
    });

    const LOG = [
      '2026-01-05 13:28:39,383 epoch 0 lr 2.500000e-02',
      `2026-01-05 13:39:20,853 genotype = ${V1}`,
      'tensor([[0.12, 0.13]], device=cuda:0)',
      `2026-01-05 13:48:03,640 genotype = ${V2}`,
      '2026-01-05 13:48:03,643 valid_acc 65.500000',
      '2026-01-05 13:49:00,000 Epoch: [7] lr 1e-2',
      `2026-01-05 13:58:03,640 genotype = ${printGenotype(PC_DARTS_cifar)}`,
    ].join('\n');

    it('takes the last of a search’s log, or that of an epoch', () => {
      const at = (choice: Choice) => parseGenotype(LOG, choice);
      expect(parseGenotype(LOG)).to.deep.equal(PC_DARTS_cifar);
      expect([0, 1, 7].map((epoch) => at({ epoch }))).to.deep.equal([DARTS_V1, DARTS_V2, PC_DARTS_cifar]);
      expect(() => at({ epoch: 2 })).to.throw(
        UsageError,
        /No genotype is of epoch 2; there are 3 genotypes, of epochs 0 to 7/,
      );
      const lines = [V1, V2].map((genotype, epoch) => JSON.stringify({ epoch, genotype })).join('\n');
      expect(parseGenotype(lines, { epoch: 0 })).to.deep.equal(DARTS_V1);
      const list = JSON.stringify({ epochs: [{ genotype: DARTS_V1 }, { genotype: DARTS_V2 }] });
      expect(parseGenotype(list, { epoch: 0 })).to.deep.equal(DARTS_V1);
      expect(parseGenotype(list)).to.deep.equal(DARTS_V2);
    });

    it('takes what comes before a place where a log breaks off', () => {
      const broken = LOG.slice(0, -100);
      refused(broken, /line 7, column \d+: expected/);
      expect(parseGenotype(broken, { epoch: 1 })).to.deep.equal(DARTS_V2);
      const inside = LOG.replace(V1, V1.slice(0, 80));
      expect(parseGenotype(inside)).to.deep.equal(PC_DARTS_cifar);
    });
  });

  it('refuses what cannot be built, with the reason', () => {
    refused(
      V2.replace("('sep_conv_3x3', 0)", "('sep_conv_9x9', 0)"),
      /normal\[0\]: Unknown primitive "sep_conv_9x9"/,
    );
    refused(
      V2.replace('reduce_concat=range(2, 6)', 'reduce_concat=[0, 1, 2]'),
      /reduceConcat\[0\] is node 0, an input/,
    );
    refused(
      V2.replace('normal_concat=range(2, 6)', 'normal_concat=range(2, 5)'),
      /normal: node 5 is read by nothing/,
    );
    const triples =
      "Genotype(normal=[('sep_conv_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('sep_conv_3x3', 3, 1)], normal_concat=range(2, 4), reduce=[], reduce_concat=[2])";
    refused(triples, /Node 3 of the normal cell has 1 entry; a node of the cells that are built here has 2/);
    refused(
      `Genotype(normal=[(('skip_connect', 0),)], normal_concat=[2], reduce=[], reduce_concat=[2])`,
      /Node 2 .* 1 entry/,
    );
    refused(V2.replace('reduce_concat', 'extra=[1], reduce_concat'), /Unknown field "extra"/);
    refused(V2.replace(/, reduce_concat.*/, ')'), /no field "reduce_concat"/);
    refused(`Genotype([], range(2, 6), [], range(2, 6), [1])`, /has 4 fields/);
    refused(`Genotype([], normal=[])`, /"normal" is there by its place and by its name/);
    refused('Genotype(toString=[])', /Unknown field "toString"|no field "normal"/);
    refused(V2.replace('[(', '[x, ('), /names are not looked up/);
    refused('nothing of the kind', /No genotype is in it/);
    refused('', /No genotype is in it/);
  });

  it('is bounded in length, depth and number', () => {
    refused(`Genotype(normal=${'['.repeat(1e6)}`, /at most 32 brackets within each other/);
    refused(`Genotype(normal=[${'1,'.repeat(1e6)}])`, /after 20000 values/);
    refused(V2.replace('range(2, 6)', 'range(2, 999999999)'), /a range of at most 1000 numbers/);
    refused(`Genotype(normal=['${'x'.repeat(1e5)}'])`, /at most 2000 characters/);
    refused(`x = ${'Genotype(#'.repeat(1e5)}`, /found the end/);
    refused('Genotype() '.repeat(20_000), /more than 10000 genotypes/);
    refused(' '.repeat(9e6), /has 9000000 characters/);
    const nodes = Array.from({ length: 200 }, () => "('skip_connect', 0)").join();
    refused(
      `Genotype(normal=[${nodes},${nodes}], normal_concat=[2], reduce=[], reduce_concat=[2])`,
      /at most 100 nodes/,
    );
    refused(`{"a":${'['.repeat(2e5)}${']'.repeat(2e5)}}`, /larger or deeper|No genotype/);
    const aliases = [
      'a: &a [1, 2]',
      ...Array.from({ length: 20 }, (_, i) => `b${i}: &b${i} [*${i === 0 ? 'a' : `b${i - 1}`}, *a]`),
    ];
    refused(aliases.join('\n'), /No genotype/);
  });

  it('never fails but in a sentence, whatever the text', () => {
    const pieces = [
      V2,
      'Genotype(',
      '[',
      ']',
      '(',
      ')',
      '{',
      '}',
      "'normal'",
      ':',
      ',',
      '=',
      '#',
      '\n',
      'range(2, 6)',
      SKIPS,
      '|none~0|',
      '|+',
      '"',
      '\\',
      '1e999',
      'x',
      '&a',
      '*a',
      '- ',
      '\uFEFF',
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string()), { maxLength: 30 }), (parts) => {
        try {
          for (const { value } of genotypesIn(parts.join(''))) expect(value).not.to.equal(undefined);
          parseGenotype(parts.join(''));
        } catch (error) {
          expect(error).to.be.instanceOf(UsageError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the literature’s genotypes', () => {
  const millions = (genotype: Genotype, form: 'cifar' | 'imagenet'): number => {
    const [cells, channels, classes, side] = form === 'cifar' ? [20, 36, 10, 32] : [14, 48, 1000, 224];
    const { network } = countNetwork(
      genotype,
      { form, cells, channels, classes },
      { height: side, width: side },
    );
    return network.parameters / 1e6;
  };

  for (const [name, entry] of Object.entries(LITERATURE)) {
    const { published, differs = false }: Published = entry;
    it(`${name} has the size that its paper prints, unless it is said to differ`, () => {
      const genotype = KNOWN_GENOTYPES[name as KnownGenotype];
      expect(millions(genotype, 'cifar')).to.be.within(1, 5);
      for (const form of ['cifar', 'imagenet'] as const) {
        const printed = published[form];
        if (printed !== undefined) expect(published.from, form).to.be.a('string');
        if (printed !== undefined)
          expect(Math.abs(millions(genotype, form) - printed) <= 0.05, form).to.equal(!differs);
      }
    });
  }
});
