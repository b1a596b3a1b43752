import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import {
  applySettings,
  coresOfQuota,
  defaultSettings,
  keepSettings,
  keptSettings,
  settingVariables,
  usableCores,
} from '../../lib/engine/settings.js';
import { candidateSettings, chooseSettings, describeSettings, sameSettings } from '../bench/tune.js';
import type { EngineMachine, EngineSettings } from '../../lib/engine/settings.js';

const settings = (
  intraOpThreads: number,
  interOpThreads: number,
  oneDnn: boolean | null = null,
): EngineSettings => ({
  intraOpThreads,
  interOpThreads,
  oneDnn,
});

const MACHINE: EngineMachine = { processor: 'A', cores: 2, tensorflow: '2.21.0', device: 'cpu' };

describe('engine/settings', () => {
  it('uses one thread an operation and as many operations as cores', () => {
    expect(defaultSettings({ cores: 1, device: 'cpu' })).to.deep.equal(settings(1, 1));
    expect(defaultSettings({ cores: 2, device: 'cpu' })).to.deep.equal(settings(1, 2));
    expect(defaultSettings({ cores: 64, device: 'cpu' })).to.deep.equal(settings(1, 64));
  });

  it('feeds a GPU from a few threads', () => {
    expect(defaultSettings({ cores: 2, device: 'gpu' })).to.deep.equal(settings(1, 2));
    expect(defaultSettings({ cores: 64, device: 'gpu' })).to.deep.equal(settings(1, 4));
  });

  it('compares other splits of the cores, each once, the default first', () => {
    const names = (cores: number) => candidateSettings({ cores, device: 'cpu' }).map(describeSettings);
    expect(names(2)).to.deep.equal([
      '1 intra-op and 2 inter-op threads',
      '2 intra-op and 1 inter-op threads',
      '1 intra-op and 4 inter-op threads',
      '1 intra-op and 1 inter-op threads',
      '1 intra-op and 2 inter-op threads, without oneDNN',
    ]);
    expect(names(64)[0]).to.equal('1 intra-op and 64 inter-op threads');
    expect(names(64)).to.include('8 intra-op and 8 inter-op threads');
    expect(names(64)).to.have.length(new Set(names(64)).size);
    expect(names(1)).to.include('1 intra-op and 1 inter-op threads');
  });

  it('leaves the default for more than a tenth only, and for the same numbers only', () => {
    const base = { settings: settings(1, 2), ms: 100, digest: 'x' };
    const other = (ms: number, digest = 'x') => ({ settings: settings(2, 1), ms, digest });
    expect(chooseSettings([base])).to.deep.equal(base.settings);
    expect(chooseSettings([base, other(91)])).to.deep.equal(base.settings);
    expect(chooseSettings([base, other(89)])).to.deep.equal(settings(2, 1));
    expect(chooseSettings([base, other(50, 'y')])).to.deep.equal(base.settings);
    const best = { settings: settings(1, 4), ms: 60, digest: 'x' };
    expect(chooseSettings([base, other(80), best])).to.deep.equal(best.settings);
  });

  it('lets what the user has set win', () => {
    const env: NodeJS.ProcessEnv = { TF_NUM_INTEROP_THREADS: '7' };
    applySettings(settings(1, 2, false), env);
    expect(env).to.deep.equal({
      TF_NUM_INTRAOP_THREADS: '1',
      TF_NUM_INTEROP_THREADS: '7',
      TF_ENABLE_ONEDNN_OPTS: '0',
    });
    expect(settingVariables(settings(1, 2))).to.not.have.property('TF_ENABLE_ONEDNN_OPTS');
    expect(settingVariables(settings(1, 2, true))).to.include({ TF_ENABLE_ONEDNN_OPTS: '1' });
  });

  it('reads a container’s share of the cores', () => {
    expect(coresOfQuota('200000 100000\n')).to.equal(2);
    expect(coresOfQuota('350000 100000')).to.equal(3);
    expect(coresOfQuota('50000 100000')).to.equal(1);
    expect(coresOfQuota('max 100000\n')).to.equal(Infinity);
    expect(coresOfQuota(undefined)).to.equal(Infinity);
    expect(usableCores()).to.be.at.least(1);
  });

  describe('kept in a file', () => {
    let folder: string;
    let file: string;

    beforeEach(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'zarts-settings-'));
      file = path.join(folder, 'engine-settings.json');
    });
    afterEach(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('is found again for the same machine, and for no other', () => {
      expect(keptSettings(file, MACHINE)).to.equal(undefined);
      keepSettings(file, MACHINE, settings(1, 4));
      expect(keptSettings(file, MACHINE)).to.deep.equal(settings(1, 4));
      for (const other of [
        { processor: 'B' },
        { cores: 4 },
        { tensorflow: '2.22.0' },
        { device: 'gpu' as const },
      ])
        expect(keptSettings(file, { ...MACHINE, ...other })).to.equal(undefined);
    });

    it('replaces a machine’s own settings and leaves the others’', () => {
      const other = { ...MACHINE, cores: 64 };
      keepSettings(file, MACHINE, settings(1, 4));
      keepSettings(file, other, settings(8, 8));
      keepSettings(file, MACHINE, settings(2, 1));
      expect(sameSettings(keptSettings(file, MACHINE)!, settings(2, 1))).to.be.true;
      expect(keptSettings(file, other)).to.deep.equal(settings(8, 8));
      expect(readFileSync(file, 'utf8').match(/"processor"/g)).to.have.length(2);
    });

    it('counts as nothing when it is damaged or of another version', () => {
      const whole = () => {
        keepSettings(file, MACHINE, settings(1, 4));
        return readFileSync(file, 'utf8');
      };
      for (const text of [
        '',
        '{',
        whole().slice(0, 40),
        whole().replace('"version": 1', '"version": 2'),
        whole().replace('4', '0'),
      ]) {
        writeFileSync(file, text);
        expect(keptSettings(file, MACHINE), text).to.equal(undefined);
      }
    });
  });
});
