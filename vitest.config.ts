import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['gateway/src', 'sdk', 'plugins', 'conformance', 'examples', 'bench'].map(
      (folder) => `${folder}/**/*.test.ts`,
    ),
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
