import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    // Files share nothing but their worker's environment, which `unstubEnvs` gives back before each test.
    isolate: false,
    unstubEnvs: true,
    // Tests wait for processes more than they compute: twice as many of them as a small machine has cores.
    maxWorkers: 4,
    maxConcurrency: 2,
    // Real processes, on machines that may have other things to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    slowTestThreshold: 10_000,
    tags: [
      {
        name: 'slow',
        description:
          'takes long for what it shows, or tests the tests: `make test-all` runs it, `make test` does not',
      },
    ],
  },
});
