import { basename, extname, resolve } from 'node:path';
import { compareGenotypes, genotypeStructure } from '../../lib/analysis/genotypes.js';
import { UsageError, ZartsError } from '../../lib/errors.js';
import { cellDiagram, comparisonDiagram } from '../../lib/report/cell-diagram.js';
import type { NamedGenotype } from '../../lib/report/cell-diagram.js';
import { comparisonTable, structureTable } from '../../lib/report/genotype-tables.js';
import { svgPng } from '../../lib/report/svg.js';
import { explainFileError, writeWhole } from '../../lib/runs/files.js';
import { printGenotype } from '../../lib/spaces/genotype.js';
import { readGenotype } from './genotype.js';
import type { GenotypeOptions } from './genotype.js';
import { fitted, print, printJson, shortPath, textWidth, wrap } from './text.js';

/** The options of `zarts draw`. */
export interface DrawCommandOptions extends GenotypeOptions {
  readonly out?: string;
  readonly compare?: string;
  readonly json?: boolean;
}

/** Runs `zarts draw`. @returns the exit code. */
export function drawCommand(
  argument: string,
  { out, compare, json = false, ...options }: DrawCommandOptions,
): number {
  const { note, ...named } = readGenotype(argument, options);
  const genotype = titled(named);
  const other = compare === undefined ? undefined : titled(readGenotype(compare));
  const path = picturePath(out ?? `${[genotype, ...(other ? [other] : [])].map(fileName).join('-and-')}.svg`);
  const svg = other ? comparisonDiagram(genotype, other) : cellDiagram(genotype.genotype, genotype.name);
  write(path, svg);
  if (json) printJson({ ...drawDocument(genotype, other, path), ...(note === undefined ? {} : { note }) });
  else {
    const said = note === undefined ? [] : [...wrap(note, textWidth()), ''];
    print([...said, ...describe(genotype, other), `Picture  ${shortPath(path)}`]);
  }
  return 0;
}

/** A file's genotype is called by the file's name, not by the way to it. */
function titled({ name, genotype }: NamedGenotype): NamedGenotype {
  return { name: basename(name), genotype };
}

/** A genotype's name as part of a file name. */
function fileName({ name }: NamedGenotype): string {
  return name.replace(/\.[a-z]+$/, '').replaceAll(/[^A-Za-z0-9_-]+/g, '-');
}

/** The file to write. @throws {UsageError} for an ending other than .svg and .png. */
function picturePath(out: string): string {
  if (['.svg', '.png'].includes(extname(out).toLowerCase())) return resolve(out);
  throw new UsageError(`--out is ${JSON.stringify(out)}; it must name a file that ends in .svg or .png.`);
}

function write(path: string, svg: string): void {
  const content = extname(path).toLowerCase() === '.png' ? svgPng(svg) : svg;
  try {
    writeWhole(path, [content]);
  } catch (error) {
    throw new ZartsError(
      `The picture could not be written to ${path}: ${explainFileError(error)}; name a file in a folder that is there with --out.`,
    );
  }
}

function describe(genotype: NamedGenotype, other: NamedGenotype | undefined): string[] {
  const genotypes = [genotype, ...(other ? [other] : [])];
  return [
    fitted(structureTable(genotypes)),
    '',
    ...(other ? [fitted(comparisonTable(genotype, other)), ''] : []),
    ...genotypes.map((each) => printGenotype(each.genotype)),
    '',
  ];
}

/** What `--json` prints. */
function drawDocument(genotype: NamedGenotype, other: NamedGenotype | undefined, picture: string): object {
  const document = (each: NamedGenotype): object => ({
    ...each,
    text: printGenotype(each.genotype),
    structure: genotypeStructure(each.genotype),
  });
  return {
    ...document(genotype),
    ...(other
      ? { other: document(other), comparison: compareGenotypes(genotype.genotype, other.genotype) }
      : {}),
    picture,
  };
}
