import type { DataProgress } from '../../lib/datasets/download.js';
import type { Phase, Progress } from '../../lib/progress.js';

const TITLES: Readonly<Record<DataProgress['phase'], string>> = {
  download: 'download of the data (MB)',
  check: 'check of the data (MB)',
  extract: 'unpacking the data (MB)',
};

const MEGABYTE = 1e6;

/**
 * A listener for the fetching of a data set that shows each of its phases on `progress`, in megabytes.
 *
 * @returns  The listener, and `end`, to be called when the fetching is over or has failed.
 */
export function dataProgress(progress: Progress): {
  onProgress: (event: DataProgress) => void;
  end: () => void;
} {
  let open: { readonly name: DataProgress['phase']; readonly phase: Phase } | undefined;
  const end = (): void => {
    open?.phase.end();
    open = undefined;
  };
  return {
    end,
    onProgress: ({ phase: name, done, total }) => {
      if (open?.name !== name) {
        end();
        open = { name, phase: progress.start(TITLES[name], total / MEGABYTE) };
      }
      open.phase.update(done / MEGABYTE);
      if (done >= total) end();
    },
  };
}
