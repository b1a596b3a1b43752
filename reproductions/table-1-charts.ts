/** The charts of Table 1's reproduction: Vega-Lite specifications with their rows inside. Pure. */
import { summarize } from '../lib/analysis/statistics.js';
import { VEGA_LITE_SCHEMA } from '../lib/report/spec.js';
import type { Chart } from '../lib/report/spec.js';
import { ORDERED_SCHEME, PALETTE, REFERENCE_COLOR, THEME } from '../lib/report/theme.js';
import type { MgsDensity } from '../lib/solvers/mgs.js';
import { figureNumber } from './paper.js';
import type { Table1Result } from './table-1-solvers.js';
import { bySetting, DESCENT_FUNCTIONS, GLD_NAMES, GRADIENT_DESCENT } from './toy-experiments.js';

/** Six digits: all that a plot can show, and stored notebooks stay small. */
const round = (value: number): number => Number(value.toPrecision(6));

/** Mean and 95 % interval over seeds of a number of each row; a single seed has no interval. */
function spread<Row>(rows: readonly Row[], value: (row: Row) => number) {
  const { mean, interval, n } = summarize(rows.map(value));
  const [low, high] = interval ?? [mean, mean];
  return { value: round(mean), low: round(low), high: round(high), seeds: n };
}

/** The same for a logarithmic axis: a bar that reaches zero or below runs off the panel instead. */
function logSpread<Row>(rows: readonly Row[], value: (row: Row) => number) {
  const { low, ...rest } = spread(rows, value);
  return { ...rest, low: Math.max(low, rest.value / 1000) };
}

/** A domain that holds the means, and what they should be, with some room. */
function logDomain(
  rows: readonly { readonly value: number; readonly expected?: number }[],
): [number, number] {
  const values = rows.flatMap(({ value, expected = value }) => [value, expected]);
  return [Math.min(...values) / 1.7, Math.max(...values) * 1.7].map(round) as [number, number];
}

/** What makes one axis of a panel. */
interface Axis {
  readonly field: string;
  readonly title: string;
  /** Values marked on a logarithmic axis. */
  readonly values?: readonly number[];
  readonly log?: boolean;
  readonly domain?: readonly [number, number];
  /** How numbers are written (d3-format); plain ones of a thousandth and more without it. */
  readonly format?: string;
}

/** The axis of a quantity that was varied: a point for each value, with room for the marks at both ends. */
function varied(field: string, title: string, values: readonly number[]): Axis {
  return { field, title, log: true, values, domain: [Math.min(...values) / 1.2, Math.max(...values) * 1.2] };
}

/** Plain numbers where they are short. */
const PLAIN = "format(datum.value, datum.value < 0.001 ? '~e' : '~g')";

function axis({ field, title, values, log = false, domain, format }: Axis) {
  return {
    field,
    type: 'quantitative',
    title,
    scale: { ...(log ? { type: 'log' } : {}), ...(domain ? { domain } : {}), nice: false },
    axis: {
      ...(values ? { values } : {}),
      // The default of a logarithmic axis leaves most ticks unlabelled.
      ...(log ? (format === undefined ? { labelExpr: PLAIN } : { format }) : {}),
      labelOverlap: 'greedy',
      labelFlush: false,
      grid: true,
    },
  };
}

/** Colours, and the shapes that go with them, of a named series. */
interface Series {
  readonly field: string;
  readonly title: string | null;
  readonly names: readonly string[];
  readonly colors?: readonly string[];
  /** Light to dark, for names that are numbers in order. */
  readonly ordered?: boolean;
}

function color({ field, title, names, colors = PALETTE, ordered = false }: Series) {
  const scale = ordered
    ? { domain: names, scheme: ORDERED_SCHEME }
    : { domain: names, range: colors.slice(0, names.length) };
  return {
    field,
    type: ordered ? 'ordinal' : 'nominal',
    sort: null,
    scale,
    legend: { title, symbolOpacity: 1, labelLimit: 260 },
  };
}

const shape = ({ field, title, names }: Series) => ({
  field,
  type: 'nominal',
  sort: null,
  scale: { domain: names },
  legend: { title, labelLimit: 260 },
});

/** A mean for each x as a point on a line, with its interval as a bar. */
function meanLayers(x: Axis, y: Axis, series: Series, tooltip: readonly object[], line: object = {}) {
  return [
    {
      mark: { type: 'line', strokeWidth: 1.8, clip: true, ...line },
      encoding: { x: axis(x), y: axis(y), color: color(series) },
    },
    {
      mark: { type: 'rule', strokeWidth: 1.6, clip: true },
      encoding: {
        x: axis(x),
        y: { ...axis(y), field: 'low' },
        y2: { field: 'high' },
        color: color(series),
      },
    },
    {
      mark: { type: 'point', filled: true, size: 48, opacity: 1, clip: true },
      encoding: { x: axis(x), y: axis(y), color: color(series), shape: shape(series), tooltip },
    },
  ];
}

const tip = (field: string, title = field, format?: string) => ({
  field,
  title,
  ...(format ? { format } : {}),
});
const VALUE_TIP = (title: string): object[] => [
  tip('value', title, '.4~g'),
  tip('low', 'low', '.4~g'),
  tip('high', 'high', '.4~g'),
  tip('seeds'),
];

/** Panels side by side, one for each value of a column field. */
function panels(
  text: string,
  subtitle: string | readonly string[],
  values: readonly object[],
  column: { readonly field: string; readonly names: readonly string[] },
  layer: readonly object[],
  more: { readonly width?: number; readonly independentY?: boolean } = {},
): Chart['spec'] {
  return {
    $schema: VEGA_LITE_SCHEMA,
    description: text,
    title: { text, subtitle },
    config: THEME,
    data: { values },
    facet: { column: { field: column.field, type: 'nominal', sort: column.names, title: null } },
    spec: { width: more.width ?? 250, height: 210, layer },
    ...(more.independentY ? { resolve: { scale: { y: 'independent' } } } : {}),
  };
}

const INTERVALS = 'points: mean over seeds; bars: its 95 % interval';

const LAWS = { sphere: 'on the unit sphere, φ = d', normal: 'from N(0, I), φ = 1' } as const;
const LAW_COLUMN = { field: 'law', names: Object.values(LAWS) } as const;

// ---- RS ----

function gainChart({ rs, settings }: Table1Result): Chart {
  const { dimension, muSweep, samples } = settings.rs;
  const shown = rs.filter((row) => row.varied === 'mu' && row.estimator === 'multi-point' && row.noise === 0);
  const rows = bySetting(shown, ({ function: name, law, mu }) => [name, law, mu]).map((own) => {
    const [{ function: name, law, mu, expectedGain }] = own;
    return {
      function: name,
      law: LAWS[law],
      mu,
      expected: round(expectedGain),
      ...logSpread(own, ({ gain }) => gain),
    };
  });
  const heading = 'What RS estimates: bias against μ';
  const x = varied('mu', 'μ', muSweep);
  const y = {
    field: 'value',
    title: 'E ĝ·g / ‖g‖²',
    log: true,
    values: [0.5, 1, 2, 5, 10, 20, 50, 100],
    domain: logDomain(rows),
  } as const;
  const series = { field: 'function', title: null, names: ['quadratic', 'quartic'] };
  return {
    name: 'bias',
    title: heading,
    spec: panels(
      heading,
      [
        `mean of the estimate along the true gradient (1: no bias), d = ${dimension}, N = ${samples}`,
        `line: closed form (Eq. 14); ${INTERVALS}`,
      ],
      rows,
      LAW_COLUMN,
      meanLayers(x, y, series, [
        tip('function'),
        tip('mu', 'μ'),
        tip('expected', 'closed form'),
        ...VALUE_TIP('measured'),
      ]).map((layer) =>
        layer.mark.type === 'line'
          ? { ...layer, encoding: { ...layer.encoding, y: { ...layer.encoding.y, field: 'expected' } } }
          : layer,
      ),
    ),
  };
}

const ESTIMATOR_TITLES = {
  'one-point': 'one-point (Eq. 4)',
  'two-point': 'two-point (Eq. 5)',
  'multi-point': 'multi-point (Eq. 6)',
} as const;

function errorChart({ rs, settings }: Table1Result): Chart {
  const { dimension, muSweep, samples, noise } = settings.rs;
  const names = ['none', `${noise} nats a loss`];
  const shown = rs.filter((row) => row.varied === 'mu' && row.function === 'quartic');
  const rows = bySetting(shown, (row) => [row.law, row.estimator, row.mu, row.noise]).map((own) => {
    const [row] = own;
    return {
      law: LAWS[row.law],
      estimator: ESTIMATOR_TITLES[row.estimator],
      mu: row.mu,
      errors: names[Number(row.noise > 0)],
      ...logSpread(own, ({ meanSquaredError }) => meanSquaredError),
    };
  });
  const heading = 'What one estimate of RS is worth: error against μ';
  const x = varied('mu', 'μ', muSweep);
  const y = {
    field: 'value',
    title: 'E ‖ĝ − g‖² / ‖g‖²',
    log: true,
    values: [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7],
    format: '~s',
    domain: logDomain(rows),
  } as const;
  const series = { field: 'estimator', title: 'estimate', names: Object.values(ESTIMATOR_TITLES) };
  const dash = {
    field: 'errors',
    type: 'nominal',
    sort: null,
    scale: {
      domain: names,
      range: [
        [1, 0],
        [5, 4],
      ],
    },
    legend: { title: 'errors', symbolStrokeColor: REFERENCE_COLOR },
  };
  const layers = meanLayers(x, y, series, [
    tip('estimator', 'estimate'),
    tip('mu', 'μ'),
    tip('errors'),
    ...VALUE_TIP('squared error'),
  ]);
  return {
    name: 'error',
    title: heading,
    spec: panels(
      heading,
      [
        `squared error in units of ‖g‖² on the quartic, d = ${dimension}, N = ${samples} for the multi-point form and 1 for the others`,
        'too small a μ drowns in errors of the losses, too large a one in bias',
      ],
      rows,
      LAW_COLUMN,
      layers.map((layer) =>
        layer.mark.type === 'line' ? { ...layer, encoding: { ...layer.encoding, strokeDash: dash } } : layer,
      ),
    ),
  };
}

function varianceChart({ rs, settings }: Table1Result): Chart {
  const { dimension: d, samplesSweep, mu } = settings.rs;
  const shown = rs.filter((row) => row.varied === 'samples' && row.noise === 0);
  const rows = bySetting(shown, ({ law, samples }) => [law, samples]).map((own) => {
    const [{ law, samples }] = own;
    const expected = (d + (law === 'normal' ? 1 : -1)) / samples;
    return { law: LAWS[law], samples, expected, ...logSpread(own, ({ variance }) => variance) };
  });
  const heading = 'How fast RS converges to the gradient: variance against N';
  const x = varied('samples', 'N', samplesSweep);
  const y = {
    field: 'value',
    title: 'tr Cov ĝ / ‖g‖²',
    log: true,
    values: [1e-3, 0.01, 0.1, 1, 10, 100],
    domain: logDomain(rows),
  } as const;
  const series = { field: 'law', title: null, names: Object.values(LAWS) };
  const layers = meanLayers(x, y, series, [
    tip('law'),
    tip('samples', 'N'),
    tip('expected', 'theory', '.4~g'),
    ...VALUE_TIP('measured'),
  ]).map((layer) =>
    layer.mark.type === 'line'
      ? { ...layer, encoding: { ...layer.encoding, y: { ...layer.encoding.y, field: 'expected' } } }
      : layer,
  );
  return {
    name: 'variance',
    title: heading,
    spec: {
      $schema: VEGA_LITE_SCHEMA,
      description: heading,
      title: {
        text: heading,
        subtitle: [
          `quadratic, d = ${d}, μ = ${mu}; lines: (d − 1)/N and (d + 1)/N, exact for a linear loss`,
          INTERVALS,
        ],
      },
      config: THEME,
      data: { values: rows },
      width: 420,
      height: 230,
      layer: layers,
    },
  };
}

// ---- MGS ----

const DENSITY_NAMES: Readonly<Record<MgsDensity, string>> = {
  literal: 'literal (Eq. 26)',
  flat: 'flat',
  released: 'released',
};

const sigmaColumn = (sigmas: readonly number[]) => ({
  field: 'sigma',
  names: sigmas.map((sigma) => `σ = ${sigma}`),
});

function densitySeries({ settings }: Table1Result): Series {
  const names = settings.mgs.densities.map((density) => DENSITY_NAMES[density]);
  return { field: 'density', title: 'density', names };
}

function esrChart(result: Table1Result): Chart {
  const { dimension, samplesSweep, sigmas, tau, gradientNorm } = result.settings.mgs;
  const told = ['those of the linear loss', 'all equal'];
  const shown = result.mgs.filter(({ varied }) => varied === 'samples');
  const rows = bySetting(shown, ({ density, sigma, samples }) => [density, sigma, samples]).flatMap((own) => {
    const [{ density, sigma, samples }] = own;
    const shared = { density: DENSITY_NAMES[density], sigma: `σ = ${sigma}`, samples };
    return [
      { ...shared, told: told[0], ...spread(own, ({ esr }) => esr) },
      { ...shared, told: told[1], ...spread(own, ({ esrEqual }) => esrEqual) },
    ];
  });
  const paper = figureNumber('4', 'esrAtEpoch50LargeN');
  const heading = `How many candidates of MGS count (d = ${dimension})`;
  const x = varied('samples', 'N', samplesSweep);
  const y = { field: 'value', title: 'Rₑ = Nₑ / N', domain: [0, 1.02] } as const;
  const layers = meanLayers(x, y, densitySeries(result), [
    tip('density'),
    tip('samples', 'N'),
    tip('told', 'losses'),
    ...VALUE_TIP('Rₑ'),
  ]);
  const dash = {
    field: 'told',
    type: 'nominal',
    sort: null,
    scale: {
      domain: told,
      range: [
        [1, 0],
        [4, 4],
      ],
    },
    legend: { title: 'losses told', symbolStrokeColor: REFERENCE_COLOR },
  };
  return {
    name: 'esr',
    title: heading,
    spec: panels(
      heading,
      [
        `linear loss, ‖g‖ = ${gradientNorm}, τ = ${tau}; dashed: all losses equal, so that the density alone decides`,
        `grey: what the paper reads off its search (Fig. 4)`,
      ],
      rows,
      sigmaColumn(sigmas),
      [
        ...layers.map((layer) =>
          layer.mark.type === 'line'
            ? { ...layer, encoding: { ...layer.encoding, strokeDash: dash } }
            : layer,
        ),
        ...referenceLayers(paper, `paper: ${paper}`),
      ],
    ),
  };
}

/** A dashed line across a panel with what it stands for written above it. It has data of its own: one mark a panel. */
function referenceLayers(at: number, label: string) {
  const y = { datum: at };
  const data = { values: [{}] };
  return [
    { data, mark: { type: 'rule', strokeDash: [5, 4], color: REFERENCE_COLOR }, encoding: { y } },
    {
      data,
      mark: {
        type: 'text',
        align: 'left',
        baseline: 'top',
        dx: 4,
        dy: 4,
        color: REFERENCE_COLOR,
        fontSize: 11,
      },
      encoding: { y, x: { value: 0 }, text: { value: label } },
    },
  ];
}

function collapseChart(result: Table1Result): Chart {
  const { samples, dimensionSweep, sigmas } = result.settings.mgs;
  const shown = result.mgs.filter(({ varied }) => varied === 'dimension');
  const rows = bySetting(shown, ({ density, sigma, dimension }) => [density, sigma, dimension]).map((own) => {
    const [{ density, sigma, dimension }] = own;
    return {
      density: DENSITY_NAMES[density],
      sigma: `σ = ${sigma}`,
      dimension,
      ...spread(own, ({ esr }) => esr * samples),
    };
  });
  const heading = `The literal density collapses as d grows (N = ${samples})`;
  const x = varied('dimension', 'd', dimensionSweep);
  const y = { field: 'value', title: 'Nₑ', domain: [1, samples * 1.02] } as const;
  return {
    name: 'collapse',
    title: heading,
    spec: panels(
      heading,
      ['effective sample size; 1: one candidate decides alone', INTERVALS],
      rows,
      sigmaColumn(sigmas),
      meanLayers(x, y, densitySeries(result), [tip('density'), tip('dimension', 'd'), ...VALUE_TIP('Nₑ')]),
    ),
  };
}

const CENTRES = { 0: 'around −g (λ = 0)', 1: 'around 0 (λ = 1): no gradient' } as const;

function limitRows({ mgs, settings }: Table1Result) {
  const { tau } = settings.mgs;
  const shown = mgs.filter(({ varied }) => varied === 'limit');
  return bySetting(shown, ({ lambda, sigma, samples }) => [lambda, sigma, samples]).flatMap((own) => {
    const [{ lambda, sigma, samples }] = own;
    const shared = { drawn: CENTRES[lambda as 0 | 1], sigma: `σ = ${sigma}`, samples };
    return [
      {
        ...shared,
        limit: round(1 - lambda + sigma ** 2 / tau),
        gain: spread(own, ({ gain }) => gain),
        cosine: spread(own, ({ cosine }) => cosine),
      },
    ];
  });
}

function limitChart(result: Table1Result): Chart {
  const { dimension, limitSweep, sigmas, tau } = result.settings.mgs;
  const rows = limitRows(result).map(({ gain, cosine: _, ...row }) => ({ ...row, ...gain }));
  const heading = 'MGS on its way to DARTS: the mean step against N';
  const x = varied('samples', 'N', limitSweep);
  const y = { field: 'value', title: 'mean step along −g, in ‖g‖' } as const;
  const series = { field: 'drawn', title: 'directions drawn', names: Object.values(CENTRES) };
  return {
    name: 'limit',
    title: heading,
    spec: panels(
      heading,
      [
        `flat density, linear loss, d = ${dimension}, τ = ${tau}; dashed: the limits 1 + σ²/τ and σ²/τ`,
        'first-order DARTS with plain steps of size ξ would stand at ξ',
      ],
      rows,
      sigmaColumn(sigmas),
      [
        {
          mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.2 },
          encoding: {
            y: { field: 'limit', type: 'quantitative', aggregate: 'mean', title: y.title },
            color: color(series),
          },
        },
        ...meanLayers(x, y, series, [
          tip('drawn', 'directions'),
          tip('samples', 'N'),
          tip('limit'),
          ...VALUE_TIP('mean step'),
        ]),
      ],
      { independentY: true },
    ),
  };
}

function directionChart(result: Table1Result): Chart {
  const { dimension, limitSweep, sigmas, tau } = result.settings.mgs;
  const rows = limitRows(result).map(({ cosine, gain: _, ...row }) => ({ ...row, ...cosine }));
  const heading = 'Where one step of MGS points';
  const x = varied('samples', 'N', limitSweep);
  const y = { field: 'value', title: 'cos(u*, −g)', domain: [0, 1] } as const;
  const series = { field: 'drawn', title: 'directions drawn', names: Object.values(CENTRES) };
  return {
    name: 'direction',
    title: heading,
    spec: panels(
      heading,
      [`flat density, linear loss, d = ${dimension}, τ = ${tau}; 1: along −g`, INTERVALS],
      rows,
      sigmaColumn(sigmas),
      meanLayers(x, y, series, [tip('drawn', 'directions'), tip('samples', 'N'), ...VALUE_TIP('cosine')]),
    ),
  };
}

// ---- Proposition 1 ----

function propositionChart({ proposition, settings }: Table1Result): Chart {
  const { dimensions, samplesSweep } = settings.proposition;
  const panelNames = ['mean step / closed form', 'cos(u*, −g) of one step'];
  const rows = bySetting(proposition, ({ dimension, samples }) => [dimension, samples]).flatMap((own) => {
    const [{ dimension, samples }] = own;
    const shared = { d: String(dimension), samples };
    return [
      { ...shared, panel: panelNames[0], ...spread(own, ({ gain }) => gain) },
      { ...shared, panel: panelNames[1], ...spread(own, ({ cosine }) => cosine) },
    ];
  });
  const heading = 'Proposition 1: MGS in a ball against its closed form';
  const x = varied('samples', 'N', samplesSweep);
  const y = { field: 'value', title: 'relative to the proposition', domain: [0, 1.2] } as const;
  const series = { field: 'd', title: 'd', names: dimensions.map(String), ordered: true };
  return {
    name: 'proposition',
    title: heading,
    spec: panels(
      heading,
      ['linear loss; exact importance weights; both are 1 where the proposition is reached', INTERVALS],
      rows,
      { field: 'panel', names: panelNames },
      [
        {
          data: { values: [{}] },
          mark: { type: 'rule', strokeDash: [5, 4], color: REFERENCE_COLOR },
          encoding: { y: { datum: 1 } },
        },
        ...meanLayers(x, y, series, [
          tip('d'),
          tip('samples', 'N'),
          tip('panel', 'quantity'),
          ...VALUE_TIP('value'),
        ]),
      ],
    ),
  };
}

// ---- Descents ----

/** Losses below this are drawn at it: the exact minimum has no place on a logarithmic axis. */
const FLOOR = 1e-6;

function descentChart({ descent, settings }: Table1Result): Chart {
  const { dimension, evaluations, batchNoise } = settings.descent;
  const titles = {
    quadratic: `quadratic, d = ${dimension}`,
    batches: `the same, a new batch every update`,
    Rosenbrock: 'Rosenbrock’s valley',
  } as const;
  const shown = descent.filter(({ solver }) => solver !== GLD_NAMES.released);
  const rows = bySetting(shown, (row) => [row.function, row.solver]).flatMap((own) =>
    own[0].path.map(({ evaluations: spent }, i) => {
      // Losses along a descent spread over decades: the mean of their logarithms.
      const logs = own.map(({ path }) => Math.log(Math.max(FLOOR, path[i].loss)));
      const loss = Math.exp(logs.reduce((sum, value) => sum + value, 0) / logs.length);
      return {
        function: titles[own[0].function],
        solver: own[0].solver,
        evaluations: spent,
        loss: round(loss),
      };
    }),
  );
  const names = [...new Set(shown.map(({ solver }) => solver))];
  const colors = names.map((name) =>
    name === GRADIENT_DESCENT
      ? REFERENCE_COLOR
      : PALETTE[names.filter((each) => each !== GRADIENT_DESCENT).indexOf(name)],
  );
  const heading = 'Down three functions';
  const x = {
    field: 'evaluations',
    title: 'evaluations',
    log: true,
    values: [10, 100, 1000, 10_000],
  } as const;
  const y = {
    field: 'loss',
    title: 'L(α)',
    log: true,
    values: [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 1, 3, 10],
  } as const;
  const series = { field: 'solver', title: 'solver', names, colors };
  return {
    name: 'descent',
    title: heading,
    spec: panels(
      heading,
      [
        `geometric mean over seeds of the loss itself; losses below ${FLOOR.toExponential()} are drawn there`,
        `${evaluations} evaluations of the loss, of which a gradient counts as one`,
        `batches tilt the loss by ${batchNoise} a coordinate; in the valley MGS is run without the gradient`,
      ],
      rows,
      { field: 'function', names: DESCENT_FUNCTIONS.map((name) => titles[name]) },
      [
        {
          mark: { type: 'line', strokeWidth: 2, clip: true },
          encoding: {
            x: axis(x),
            y: axis(y),
            color: color(series),
            tooltip: [tip('solver'), tip('evaluations'), tip('loss', 'loss', '.3~g')],
          },
        },
      ],
      { width: 230, independentY: true },
    ),
  };
}

/** Every chart, in the order in which the notebook tells the story. */
export function table1Charts(result: Table1Result): Chart[] {
  return [
    gainChart(result),
    errorChart(result),
    varianceChart(result),
    esrChart(result),
    collapseChart(result),
    limitChart(result),
    directionChart(result),
    propositionChart(result),
    descentChart(result),
  ];
}
