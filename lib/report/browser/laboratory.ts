/**
 * The solver laboratory on the report page: controls, and pictures that follow them. A program for browsers, bundled with the
 * solvers by ../laboratory-script.ts; it finds its surfaces in the page, and fills the element with the id "laboratory".
 */
import { config } from 'zod';
import {
  CHART,
  isSlider,
  labPath,
  labSolvers,
  MAP_SIDE,
  mapScale,
  pathMap,
  stepText,
  surfaceMap,
  toySurfaces,
  updatesChart,
  valueText,
  weightsChart,
} from '../laboratory.js';
import type { LabChoice, LabControl, LabStep, LabSurface } from '../laboratory.js';

// The page allows no program that is made from text.
config({ jitless: true });

/** Most updates that a path has. */
const MOST_UPDATES = 50;
const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and what is in it. */
function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...inside: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

/** A drawing that is drawn anew; its label is what a reader without sight is told. */
function drawing(width: number, height: number, label: string): SVGSVGElement {
  const made = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': label,
  })) {
    made.setAttribute(key, value);
  }
  return made;
}

/** A list to choose from. */
function choice(
  label: string,
  names: readonly string[],
  chosen: (index: number) => void,
  at = 0,
): HTMLLabelElement {
  const options = names.map((name, i) =>
    element('option', { value: String(i), ...(i === at ? { selected: '' } : {}) }, name),
  );
  const list = element('select', {}, ...options);
  list.addEventListener('change', () => {
    chosen(Number(list.value));
  });
  return element('label', {}, element('span', {}, label), list);
}

/** A slider with its value beside it. */
function slider(
  label: string,
  { min, max, step }: { readonly min: number; readonly max: number; readonly step: number | 'any' },
  {
    at,
    shown,
    moved,
  }: { readonly at: number; readonly shown: (at: number) => string; readonly moved: (at: number) => void },
) {
  const value = element('output', {}, shown(at));
  const range = element('input', { type: 'range', min: String(min), max: String(max), step: String(step) });
  const set = (to: number): void => {
    range.value = String(to);
    value.textContent = shown(to);
    range.setAttribute('aria-valuetext', shown(to));
  };
  set(at);
  range.addEventListener('input', () => {
    set(Number(range.value));
    moved(Number(range.value));
  });
  return { label: element('label', {}, element('span', {}, label), range, value), range, set };
}

function laboratory(place: HTMLElement, measured: readonly LabSurface[]): void {
  const surfaces = [...measured, ...toySurfaces()];
  const solvers = labSolvers();
  let surface = surfaces[0];
  let solver = solvers.find(({ id }) => id === 'mgs') ?? solvers[0];
  const settings = new Map(
    solvers.map(({ id, controls }) => [id, new Map(controls.map(({ name, value }) => [name, value]))]),
  );
  let start = { x: 0, y: 0 };
  let [seed, updates, shown] = [0, 10, 9];
  let steps: readonly LabStep[] = [];

  const map = drawing(
    MAP_SIDE,
    MAP_SIDE,
    'The surface seen from above, with the path of the solver; drag to move the start.',
  );
  const [ground, over] = [document.createElementNS(SVG, 'g'), document.createElementNS(SVG, 'g')];
  map.append(ground, over);
  const weights = drawing(CHART.width, CHART.height, 'Weights of the candidates of the update shown.');
  const course = drawing(CHART.width, CHART.height, 'What each update came to.');
  const words = element('p', { 'aria-live': 'polite', class: 'words' });
  const axes = element('p', { class: 'note' });
  const own = element('div', { class: 'controls' });

  const draw = (): void => {
    const choice: LabChoice = {
      solver: solver.id,
      settings: Object.fromEntries(settings.get(solver.id)!),
      start,
      seed,
      updates,
    };
    try {
      steps = labPath(surface.grid, choice);
    } catch (error) {
      steps = [];
      words.textContent = error instanceof Error ? error.message : String(error);
      over.innerHTML = pathMap(surface, start, steps, 0);
      return;
    }
    shown = Math.min(shown, Math.max(0, steps.length - 1));
    over.innerHTML = pathMap(surface, start, steps, shown);
    weights.innerHTML = weightsChart(steps.at(shown));
    course.innerHTML = updatesChart(surface, steps, shown);
    words.textContent = stepText(steps, shown);
  };

  const number = (value: number): string => value.toFixed(2).replace('-', '−');
  const along = { step: 'any', min: 0, max: 1 } as const;
  const moved = (axis: 'x' | 'y') => (share: number) => {
    const ticks = axis === 'x' ? surface.grid.xs : surface.grid.ys;
    start = { ...start, [axis]: ticks[0] + share * (ticks[ticks.length - 1] - ticks[0]) };
    draw();
  };
  const startX = slider('start, along the first axis', along, {
    at: 0.25,
    shown: () => number(start.x),
    moved: moved('x'),
  });
  const startY = slider('start, along the second axis', along, {
    at: 0.75,
    shown: () => number(start.y),
    moved: moved('y'),
  });

  /** Puts the start somewhere on the map. @param at  Shares of its width and height, from the left and from the bottom. */
  const moveStart = (left: number, bottom: number): void => {
    const inside = (share: number): number => Math.min(1, Math.max(0, share));
    start = mapScale(surface.grid).place(inside(left) * MAP_SIDE, (1 - inside(bottom)) * MAP_SIDE);
    startX.set(inside(left));
    startY.set(inside(bottom));
    draw();
  };

  const toSurface = (index: number): void => {
    surface = surfaces[index];
    ground.innerHTML = surfaceMap(surface);
    axes.textContent = `Across: ${surface.axes[0]}; upwards: ${surface.axes[1]}. The stronger the shade, the higher; the cross is the smallest measured loss, the square the start. Beyond its border the surface goes on flat.`;
    moveStart(Number(startX.range.value), Number(startY.range.value));
  };

  const controlOf = (control: LabControl): HTMLElement => {
    const mine = settings.get(solver.id)!;
    if (!isSlider(control)) {
      const among = control.among as readonly string[];
      const chosen = among.indexOf(String(mine.get(control.name)));
      return choice(
        control.label,
        among,
        (i) => {
          mine.set(control.name, among[i]);
          draw();
        },
        chosen,
      );
    }
    const [low, high] = control.among;
    const at = (value: number): number => Math.log(value / low) / Math.log(high / low);
    const value = (share: number): number => Number(valueText(control, low * (high / low) ** share));
    return slider(
      control.label,
      { min: 0, max: 1, step: 'any' },
      {
        at: at(Number(mine.get(control.name))),
        shown: (share) => String(value(share)),
        moved: (share) => {
          mine.set(control.name, value(share));
          draw();
        },
      },
    ).label;
  };
  const toSolver = (index: number): void => {
    solver = solvers[index];
    own.replaceChildren(...solver.controls.map(controlOf));
    draw();
  };

  const drag = (event: PointerEvent): void => {
    const box = map.getBoundingClientRect();
    moveStart((event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height);
  };
  map.addEventListener('pointerdown', (event) => {
    map.setPointerCapture(event.pointerId);
    drag(event);
  });
  map.addEventListener('pointermove', (event) => {
    if (map.hasPointerCapture(event.pointerId)) drag(event);
  });

  const whole = (value: number): string => String(value);
  const path = slider(
    'updates',
    { min: 1, max: MOST_UPDATES, step: 1 },
    {
      at: updates,
      shown: whole,
      moved: (to) => {
        updates = to;
        shown = to - 1;
        update.set(to);
        draw();
      },
    },
  );
  const update = slider(
    'update shown',
    { min: 1, max: MOST_UPDATES, step: 1 },
    {
      at: shown + 1,
      shown: (at) => String(Math.min(at, updates)),
      moved: (to) => {
        shown = Math.min(to, updates) - 1;
        draw();
      },
    },
  );
  const again = element('button', { type: 'button' }, 'Draw anew');
  again.addEventListener('click', () => {
    seed += 1;
    draw();
  });

  const names = solvers.map(({ title }) => title);
  place.replaceChildren(
    element(
      'div',
      { class: 'lab' },
      element('div', {}, map, axes),
      element(
        'div',
        {},
        choice(
          'surface',
          surfaces.map(({ title }) => title),
          toSurface,
        ),
        choice('solver', names, toSolver, solvers.indexOf(solver)),
        own,
        element('div', { class: 'controls' }, startX.label, startY.label, path.label, update.label),
        again,
        words,
        weights,
        course,
      ),
    ),
  );
  toSolver(solvers.indexOf(solver));
  toSurface(0);
}

const data = document.getElementById('surfaces')?.textContent ?? '[]';
const place = document.getElementById('laboratory');
if (place) laboratory(place, JSON.parse(data) as readonly LabSurface[]);
