import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { projectRoot } from '../../lib/runs/home.js';

/** Names under which Chromium is installed. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Chromium's program, if it is installed. */
export function chromiumPath(path = process.env.PATH ?? ''): string | undefined {
  const files = path.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Widths at which pages are looked at: a phone's, and a laptop's. */
export const SIZES = { narrow: { width: 390, height: 844 }, wide: { width: 1440, height: 900 } } as const;

/**
 * Tests in a browser, which is closed after them. Without Chromium they are skipped, and their title says so.
 *
 * @param tests  Given what opens a page.
 */
export function inBrowser(
  title: string,
  tests: (open: (options?: PageOptions) => Promise<Page>) => void,
): void {
  const program = chromiumPath();
  if (program === undefined) {
    describe.skip(`${title} (skipped: Chromium is not installed; Debian has it as the package chromium)`, () => {
      tests(() => Promise.reject(new Error('there is no browser')));
    });
    return;
  }
  describe(title, () => {
    let browser: Browser;
    before(async function () {
      this.timeout(60_000);
      // Chromium's own fence needs rights that root in a container does not have; the pages are our own.
      browser = await chromium.launch({
        executablePath: program,
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--enable-unsafe-swiftshader'],
      });
    });
    after(() => browser.close());
    tests(async ({ size = 'wide', theme = 'light' } = {}) => {
      const context = await browser.newContext({
        viewport: SIZES[size],
        colorScheme: theme,
        hasTouch: size === 'narrow',
      });
      return context.newPage();
    });
  });
}

/** How a page is looked at. */
export interface PageOptions {
  readonly size?: keyof typeof SIZES;
  readonly theme?: 'light' | 'dark';
}

/** Keeps a picture of a page under .zarts/screenshots; its path. */
export async function keepPicture(page: Page, name: string, fullPage = false): Promise<string> {
  const folder = join(projectRoot(), '.zarts', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, fullPage });
  return path;
}

/** What axe finds on a page that is serious or worse: rule, and the elements. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      targets: nodes.map(({ target }) => String(target)),
    }));
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, targets }) => `${id}: ${targets.join(', ')}`);
}

/** By how many pixels a page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
