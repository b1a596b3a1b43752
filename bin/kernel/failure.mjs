// What a cell says when it fails, in the words of Jupyter's messages: name, sentence, and a trace through the cells and the
// project's own files. No path of this machine is in it, outputs are kept in notebooks; nor any line of compiled code.

import { inspect } from 'node:util';
import { ROOT } from '../setup/project.mjs';

/** Errors made for people, whose sentence says it all. */
const FOR_PEOPLE = new Set(['UsageError', 'ZartsError', 'InterruptedError']);

/** Whether an error's class, or one that it extends, says that its message explains it whole. */
function isForPeople(error) {
  for (let type = error; type !== null; type = Object.getPrototypeOf(type)) {
    if (FOR_PEOPLE.has(type.constructor?.name)) return true;
  }
  return false;
}

/** Lines of a stack that belong to the kernel and not to the cell or what it called. */
const KERNEL_FRAME = /\(?node:|node_modules\/tslab|bin\/kernel/;

/** The text with paths inside the project made relative to it. */
export const withinProject = (text) => text.replaceAll(`file://${ROOT}/`, '').replaceAll(`${ROOT}/`, '');

/** A line of a cell with a mark under the column. */
function excerpt(source, { line, column }) {
  const text = source.split('\n')[line - 1];
  if (text === undefined) return [];
  const number = `  ${line} | `;
  return ['', number + text, ' '.repeat(number.length + column - 1) + '^', ''];
}

const PLACE = /(cell \[[^\]]+\]):(\d+):(\d+)/;

/** The frames of a stack, in the words of the cells: `placeIn(cell, line, column)` knows where compiled code comes from. */
function framesOf(stack, placeIn) {
  let place;
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !KERNEL_FRAME.test(line));
  const lines = frames.map((line) =>
    withinProject(line).replace(PLACE, (whole, cell, row, column) => {
      const found = placeIn(cell, Number(row), Number(column));
      if (found === undefined) return cell;
      place ??= found;
      return `${cell}:${found.line}:${found.column}`;
    }),
  );
  return { lines, place };
}

/**
 * The failure of a cell by what it threw.
 *
 * @param thrown  Anything.
 * @param placeIn  Where in a cell a place of its compiled code comes from: `{line, column, source}`, undefined if nowhere.
 * @param outer  The errors that it is the cause of, which may be its own causes again.
 * @returns {{ename: string, evalue: string, traceback: string[]}}
 */
export function failureOf(thrown, placeIn = () => undefined, outer = []) {
  try {
    return told(thrown, placeIn, outer);
  } catch {
    // What is thrown can be anything, also what throws when it is looked at; a cell has to end even so.
    const evalue = 'something that cannot be shown';
    return { ename: 'Thrown', evalue, traceback: [`Thrown: ${evalue}`] };
  }
}

function told(thrown, placeIn, outer) {
  if (!(thrown instanceof Error)) {
    const evalue = withinProject(typeof thrown === 'string' ? thrown : inspect(thrown));
    return { ename: 'Thrown', evalue, traceback: [`Thrown: ${evalue}`] };
  }
  const ename = String(thrown.name);
  const evalue = withinProject(String(thrown.message)).replace(/\nRequire stack:[^]*$/, '');
  const first = evalue === '' ? ename : `${ename}: ${evalue}`;
  if (isForPeople(thrown)) return { ename, evalue, traceback: [first] };
  const { lines, place } = framesOf(thrown.stack ?? '', placeIn);
  const errors = [...outer, thrown];
  const cause =
    thrown.cause === undefined || errors.includes(thrown.cause)
      ? []
      : ['', 'Caused by', ...failureOf(thrown.cause, placeIn, errors).traceback];
  return {
    ename,
    evalue,
    traceback: [first, ...(place ? excerpt(place.source, place) : []), ...lines, ...cause],
  };
}

/** The failure of a cell that does not compile, by what the compiler says of it. */
export function complaint(diagnostics, source) {
  const said = diagnostics.map(({ fileName, start: { line, character }, messageText }) => {
    const place = { line: line + 1, column: character + 1 };
    const message = withinProject(messageText);
    const text = `${fileName ? `${fileName}:` : ''}${place.line}:${place.column} - ${message}`;
    return { text, lines: [text, ...(fileName ? [] : excerpt(source, place))] };
  });
  return {
    ename: 'CompileError',
    evalue: said[0].text,
    traceback: ['This cell does not compile, nothing of it was run.', ...said.flatMap(({ lines }) => lines)],
  };
}
