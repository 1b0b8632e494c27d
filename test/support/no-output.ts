import type { Output } from '../../src/runtime/output.ts';

const nowhere: Output = {
  write: () => Promise.resolve(),
  flush: () => Promise.resolve(true),
  waiting: () => 0,
  takeLoss: () => undefined,
  onLoss: () => undefined,
};

/** Stdout of a command in the test's own process. */
export const NO_OUTPUT = { stdout: nowhere };
