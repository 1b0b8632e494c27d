import { test as base } from 'vitest';
import { openSessionFixture } from './session.ts';

/** A test with folders, a port and supervisors of its own, so that it may run beside others of its file. */
export const test = base.extend('fixture', async ({ onTestFinished }) => {
  const fixture = await openSessionFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  return fixture;
});
