import { loadPlugin } from '@sluice/gateway/testing';
import { expect, it } from 'vitest';

it('greets both sides', async () => {
  const plugin = await loadPlugin('build/my-plugin.wasm', { config: { greeting: 'good morning' } });
  const { request, response } = await plugin.exchange({ request: { path: '/status' } });
  expect(request?.headers).toMatchObject({ 'x-greeting': 'good morning' });
  expect(response?.headers).toMatchObject({ 'x-greeting': 'good morning' });
  plugin.close();
});

it('refuses a header that cannot be one', async () => {
  await expect(loadPlugin('build/my-plugin.wasm', { config: { header: 'not a name' } })).rejects.toThrow('header');
});
