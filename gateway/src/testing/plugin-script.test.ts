import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { pluginModule } from '../wasm/wat.suite.ts';

it('keeps a plain script alive while an exchange is held', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-script-'));
  const module = join(directory, 'holds.wasm');
  await writeFile(module, pluginModule({ callbacks: { proxy_on_request_headers: '(i32.const 1)' } }));
  const script = join(directory, 'script.mjs');
  const library = new URL('index.ts', import.meta.url).href;
  await writeFile(
    script,
    `import { loadPlugin } from ${JSON.stringify(library)};
    const plugin = await loadPlugin(${JSON.stringify(module)}, { pauseMs: 50 });
    console.log((await plugin.exchange()).error);`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 60_000 });
  await rm(directory, { recursive: true });
  expect(stdout).toBe('SLUICE_PLUGIN_PAUSE_TIMEOUT\n');
}, 60_000);
