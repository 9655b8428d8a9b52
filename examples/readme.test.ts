import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = dirname(import.meta.dirname);

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

/** README.md with this text in its block of this kind. */
function withBlock(page: string, kind: string, text: string): string {
  const block = new RegExp(`(\`\`\`${kind}\\n)[^]*?(\`\`\`)`);
  expect(page).toMatch(block);
  return page.replace(block, (_, start: string, end: string) => start + text + end);
}

it('README.md shows the tenant and the plugin that are tried elsewhere (vitest -u copies them)', async () => {
  const [, plugin = ''] = /```ts plugin\n([^]*?)```/.exec(read('docs/plugins/first-plugin.md')) ?? [];
  expect(plugin).not.toBe('');
  const tenant = read('examples/quickstart/tenants/smart-home.yaml');
  const page = withBlock(withBlock(read('README.md'), 'yaml tenant', tenant), 'ts plugin', plugin);
  await expect(page).toMatchFileSnapshot(`${ROOT}/README.md`);
});

/** The anchor that a heading gets. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(' ', '-');
}

function leadsSomewhere(page: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page : join(dirname(page), file);
  if (!existsSync(join(ROOT, path))) return false;
  if (anchor === undefined || statSync(join(ROOT, path)).isDirectory()) return anchor === undefined;
  return [...read(path).matchAll(/^#+ (.*)$/gm)].some(([, heading = '']) => anchorOf(heading) === anchor);
}

it('links between pages lead somewhere', () => {
  const pages = globSync(['README.md', '{docs,sdk,plugins,bench,conformance}/**/*.md'], {
    cwd: ROOT,
    exclude: ['**/node_modules/**', '**/target/**'],
  });
  expect(pages.length).toBeGreaterThan(10);
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !leadsSomewhere(page, target))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});
