import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { labCommand, labEnvironment } from '../../bin/cli/lab.js';
import { projectRoot } from '../../lib/runs/home.js';

/** JupyterLab on a copy of the notebooks, which it may save. */
export interface Lab {
  /** The copy's folder. */
  readonly folder: string;
  /** The address of a notebook in it. */
  url(notebook: string): string;
  /** Writes a notebook of these cells. */
  write(notebook: string, cells: readonly string[]): void;
  /** The text of a notebook's file. */
  read(notebook: string): string;
  /** Ends JupyterLab with its kernels, and removes the copy. */
  end(): Promise<void>;
}

/** Starts JupyterLab as `zarts lab` does. @param env  What kernels see besides. */
export async function startLab(env: Readonly<Record<string, string>>): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), 'zarts-lab-'));
  const notebooks = join(folder, 'notebooks');
  mkdirSync(notebooks);
  cpSync(join(projectRoot(), 'notebooks'), notebooks, { recursive: true });
  // What the page is asked to do goes through the application itself: menus are none of ours.
  const args = ['--no-browser', '--port=0', '--LabApp.expose_app_in_browser=True'];
  const [program, ...rest] = labCommand(args, process.getuid?.() === 0).map((arg) =>
    arg.startsWith('--ServerApp.root_dir=') ? `--ServerApp.root_dir=${folder}` : arg,
  );
  const child = spawn(program, rest, {
    cwd: folder,
    // Theme and open tabs are the tests' own.
    env: {
      ...labEnvironment(),
      JUPYTERLAB_SETTINGS_DIR: join(folder, 'settings'),
      JUPYTERLAB_WORKSPACES_DIR: join(folder, 'workspaces'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  const address = await new Promise<URL>((found, missing) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const match = /http:\/\/127\.0\.0\.1:\d+\/\S*token=\w+/.exec(line);
        if (match) found(new URL(match[0]));
      });
    }
    void ended.then(() => {
      missing(new Error('JupyterLab ended before it said where it is.'));
    });
  });
  // It says where it is before it listens there.
  while (!(await fetch(address).catch(() => undefined))) await sleep(20);
  return {
    folder,
    url: (notebook) =>
      `${address.origin}/lab/tree/notebooks/${notebook}?reset&token=${address.searchParams.get('token')}`,
    write(notebook, cells) {
      const source = {
        cells: cells.map((cell, i) => ({
          ...{ cell_type: 'code', id: `cell-${i}`, metadata: {}, outputs: [], execution_count: null },
          source: cell,
        })),
        metadata: { kernelspec: { name: 'tslab', display_name: 'TypeScript', language: 'typescript' } },
        ...{ nbformat: 4, nbformat_minor: 5 },
      };
      writeFileSync(join(notebooks, notebook), JSON.stringify(source));
    },
    read: (notebook) => readFileSync(join(notebooks, notebook), 'utf8'),
    async end() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A notebook open in JupyterLab. */
export class OpenNotebook {
  constructor(readonly page: Page) {}

  /** Opens it, and waits until its cells are there. */
  static async at(page: Page, url: string): Promise<OpenNotebook> {
    await page.goto(url);
    const name = /notebooks\/([^?]*)/.exec(url)?.[1] ?? '';
    // A notebook whose file has not come yet has one empty cell.
    await page.waitForFunction(
      `globalThis.jupyterapp?.shell.currentWidget?.context?.isReady && jupyterapp.shell.currentWidget.context.path.endsWith(${JSON.stringify(name)})`,
      undefined,
      { timeout: 60_000 },
    );
    const notebook = new OpenNotebook(page);
    await notebook.theme('Light');
    return notebook;
  }

  /** Puts JupyterLab in a theme. */
  async theme(theme: 'Light' | 'Dark'): Promise<void> {
    await this.command('apputils:change-theme', { theme: `JupyterLab ${theme}` });
    await this.page
      .locator(`body[data-jp-theme-light="${theme === 'Light'}"]`)
      .waitFor({ state: 'attached' });
    // JupyterLab covers the page while it changes.
    await this.page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
  }

  /** Waits until the kernel is in a state. */
  async kernel(status: 'idle' | 'busy', timeout = 60_000): Promise<void> {
    const kernel = 'jupyterapp.shell.currentWidget?.sessionContext.session?.kernel';
    const is = `${kernel}?.connectionStatus === 'connected' && ${kernel}.status === ${JSON.stringify(status)}`;
    await this.page.waitForFunction(is, undefined, { timeout });
  }

  /** One of JupyterLab's own commands; it is begun, not waited for. */
  async command(id: string, args: object = {}): Promise<void> {
    await this.page.evaluate(
      `void jupyterapp.commands.execute(${JSON.stringify(id)}, ${JSON.stringify(args)})`,
    );
  }

  /** Runs every cell. */
  runAll(): Promise<void> {
    return this.command('notebook:run-all-cells');
  }

  /** Runs one cell, from 0, with its text replaced if another is given. */
  async run(cell: number, source?: string): Promise<void> {
    const replace =
      source === undefined
        ? ''
        : `notebook.widgets[${cell}].model.sharedModel.setSource(${JSON.stringify(source)});`;
    await this.page.evaluate(
      `{ const notebook = jupyterapp.shell.currentWidget.content; ${replace} notebook.activeCellIndex = ${cell}; notebook.deselectAll(); void jupyterapp.commands.execute('notebook:run-cell'); }`,
    );
  }

  /** The number of the cell with that text, from 0. */
  async find(text: string): Promise<number> {
    const sources = await this.sources();
    return sources.findIndex((source) => source.includes(text));
  }

  sources(): Promise<string[]> {
    return this.page.evaluate<string[]>(
      'jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel.getSource())',
    );
  }

  /** What a cell has given, as the notebook keeps it. */
  outputs(cell: number): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return this.page.evaluate(
      `jupyterapp.shell.currentWidget.content.widgets[${cell}].model.outputs?.toJSON() ?? []`,
    );
  }

  /** Which execution of the kernel a cell was last; null before its first, and while it runs. */
  executions(cell: number): Promise<number | null> {
    return this.page.evaluate(`jupyterapp.shell.currentWidget.content.widgets[${cell}].model.executionCount`);
  }

  cell(cell: number) {
    return this.page.locator(
      `.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell[data-windowed-list-index="${cell}"]`,
    );
  }

  /** Brings a cell to the top of the window. */
  async show(cell: number): Promise<void> {
    await this.page.evaluate(`jupyterapp.shell.currentWidget.content.scrollToItem(${cell}, 'start')`);
    await this.page.waitForTimeout(300);
  }

  /** Waits until the outputs of a cell are as wished. */
  async until(
    cell: number,
    wished: (outputs: readonly Readonly<Record<string, unknown>>[]) => boolean,
    seconds = 60,
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    for (const end = Date.now() + seconds * 1000; ;) {
      const outputs = await this.outputs(cell);
      if (wished(outputs)) return outputs;
      if (Date.now() > end) throw new Error(`Cell ${cell} gave ${JSON.stringify(outputs).slice(0, 500)}.`);
      await this.page.waitForTimeout(50);
    }
  }
}
