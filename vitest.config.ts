import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['gateway/src', 'sdk', 'plugins', 'conformance', 'examples', 'bench'].map(
      (folder) => `${folder}/**/*.test.ts`,
    ),
    pool: 'forks',
    // Tests wait a lot; by default one core would be left to watch.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
