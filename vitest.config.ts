import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    // Tests wait for processes more than they compute.
    maxWorkers: 4,
    // Real processes, on machines that may have other things to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
