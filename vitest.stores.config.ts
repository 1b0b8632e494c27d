import { defineConfig } from 'vitest/config';

/** `npm run test:stores`: what depends on stores that others have written, which are started once for all of it. */
export default defineConfig({
  test: {
    include: ['test/stores/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/stores/start/setup.ts'],
    pool: 'forks',
    unstubEnvs: true,
    maxConcurrency: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    slowTestThreshold: 10_000,
  },
});
