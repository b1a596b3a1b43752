/**
 * Elements of a notebook that change in place and answer: models that JupyterLab's extension for widgets draws (the package
 * jupyterlab-widgets), over comms of the kernel's.
 */

/** What a cell shows: the same thing in several forms, of which each program that opens the notebook picks one. */
export type Bundle = Readonly<Record<string, unknown>>;

/** What the notebooks' kernel offers (bin/kernel/comms.mjs). */
interface Comms {
  /** Whether something that shows widgets has said that it is there; what runs notebooks headlessly never does. */
  readonly listened: boolean;
  open(
    target: string,
    data: object,
    metadata: object,
    heard: (message: Message) => unknown,
  ): { readonly id: string; send(data: object): void };
}

/** What a widget in a browser says: that its state has changed there, or something of its own. */
type Message =
  | { readonly method: 'update'; readonly state: Readonly<Record<string, unknown>> }
  | { readonly method: 'custom'; readonly content: unknown };

const comms = (): Comms | undefined => (globalThis as { readonly zartsComms?: Comms }).zartsComms;

/** Whether what shows this notebook shows widgets. */
export const showsWidgets = (): boolean => comms()?.listened ?? false;

/** The media type of a widget's place in a cell. */
const VIEW_TYPE = 'application/vnd.jupyter.widget-view+json';

/** The modules that hold the models, with the versions of their interfaces. */
const BASE = ['@jupyter-widgets/base', '2.0.0'] as const;
const CONTROLS = ['@jupyter-widgets/controls', '2.0.0'] as const;
const OUTPUT = ['@jupyter-widgets/output', '1.0.0'] as const;

type State = Readonly<Record<string, unknown>>;

/** An element. It is there as long as the kernel is, in every browser that opens the notebook. */
export class Widget {
  readonly #comm: ReturnType<Comms['open']>;

  /** @param name  Of its model, without "Model". @param heard  Called when somebody has moved or pressed it. */
  constructor(
    [module, version]: readonly [string, string],
    name: string,
    state: State,
    heard: (message: Message) => unknown = () => undefined,
  ) {
    const own = {
      ...{ _model_module: module, _model_module_version: version, _model_name: `${name}Model` },
      ...{ _view_module: module, _view_module_version: version, _view_name: `${name}View` },
      ...state,
    };
    const data = { state: own, buffer_paths: [] };
    this.#comm = comms()!.open('jupyter.widget', data, { version: '2.1.0' }, heard);
  }

  set(state: State): void {
    this.#comm.send({ method: 'update', state, buffer_paths: [] });
  }

  /** How another widget's state names it. */
  get name(): string {
    return `IPY_MODEL_${this.#comm.id}`;
  }

  /** Its place in a cell. */
  get view(): Bundle {
    return { [VIEW_TYPE]: { version_major: 2, version_minor: 0, model_id: this.#comm.id } };
  }
}

const STYLE_VIEW = { _view_module: BASE[0], _view_module_version: BASE[1], _view_name: 'StyleView' };

const layout = (state: State): string => new Widget(BASE, 'Layout', state).name;

/** Text with marks, as HTML; `value` is its state. */
export const htmlWidget = (value = ''): Widget => new Widget(CONTROLS, 'HTML', { value });

/** The state of an {@link outputWidget} that shows bundles. */
export const outputsOf = (bundles: readonly Bundle[]): State => ({
  outputs: bundles.map((data) => ({ output_type: 'display_data', data, metadata: {} })),
});

/** Whatever a cell can show, as it shows it. */
export const outputWidget = (bundles: readonly Bundle[] = []): Widget =>
  new Widget(OUTPUT, 'Output', { msg_id: '', ...outputsOf(bundles) });

/** Widgets under each other, or in a row that is broken where it is too long. */
export function boxWidget(children: readonly Widget[], inRow = false): Widget {
  return new Widget(CONTROLS, inRow ? 'HBox' : 'VBox', {
    children: children.map(({ name }) => name),
    layout: layout(inRow ? { flex_flow: 'row wrap', align_items: 'center', grid_gap: '0 1.5em' } : {}),
  });
}

/** A button that is seen only while it is offered. @param pressed  Called when somebody presses it. */
export function buttonWidget(pressed: () => unknown) {
  const place = new Widget(BASE, 'Layout', { width: 'auto', display: 'none' });
  const widget = new Widget(CONTROLS, 'Button', { layout: place.name }, ({ method }) =>
    method === 'custom' ? pressed() : undefined,
  );
  return {
    widget,
    offer(description: string): void {
      widget.set({ description });
      place.set({ display: null });
    },
    hide(): void {
      place.set({ display: 'none' });
    },
  };
}

/** A choice of one from a list, as a slider or as a menu. @param chosen  Called with the place in the list. */
export function choiceWidget(
  as: 'slider' | 'menu',
  description: string,
  options: readonly string[],
  index: number,
  chosen: (index: number) => unknown,
): Widget {
  const state = {
    ...{ description, index, _options_labels: options },
    style: new Widget(CONTROLS, 'DescriptionStyle', { description_width: 'initial', ...STYLE_VIEW }).name,
    layout: layout(as === 'slider' ? {} : { width: 'auto' }),
    ...(as === 'slider' && { continuous_update: false, orientation: 'horizontal', readout: true }),
  };
  return new Widget(CONTROLS, as === 'slider' ? 'SelectionSlider' : 'Dropdown', state, (message) =>
    message.method === 'update' && typeof message.state.index === 'number'
      ? chosen(message.state.index)
      : undefined,
  );
}
