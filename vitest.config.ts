import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Begins with the files that take longest, those of whole sessions: none of them is left over when all else is done. */
class SessionsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSession = ({ moduleId }: TestSpecification) => moduleId.includes('/test/session/');
    return [...sorted.filter(isSession), ...sorted.filter(file => !isSession(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those have a configuration of their own.
    exclude: ['test/stores/**'],
    globalSetup: 'test/support/build.ts',
    pool: 'forks',
    // Files share nothing but their worker's environment, which `unstubEnvs` gives back before each test.
    isolate: false,
    unstubEnvs: true,
    // Tests wait for processes more than they compute: twice as many of them as a small machine has cores.
    maxWorkers: 4,
    maxConcurrency: 2,
    sequence: { sequencer: SessionsFirst },
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
      {
        name: 'alone',
        description: 'loads the whole machine: `make test-all` runs it when all others are done',
      },
    ],
  },
});
