import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Real processes, on machines that may have other things to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
