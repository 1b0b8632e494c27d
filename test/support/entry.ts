import { resolve } from 'node:path';

/** Where the global set-up of the tests has put the bundled supervisor. */
export const SUPERVISOR_VARIABLE = 'TEST_SUPERVISOR';

/** The folder in which every Node that the tests start may share its compiled code. */
export const COMPILE_CACHE_VARIABLE = 'TEST_COMPILE_CACHE';

/** The program that a test starts as the supervisor: the bundle that ships, or outside of Vitest the source. */
export const SUPERVISOR =
  process.env[SUPERVISOR_VARIABLE] ?? resolve(import.meta.dirname, '../../src/main.ts');

/** What a started program needs in its environment to find code that was compiled before. */
export const COMPILE_CACHE: Readonly<Record<string, string>> = process.env[COMPILE_CACHE_VARIABLE]
  ? { NODE_COMPILE_CACHE: process.env[COMPILE_CACHE_VARIABLE] }
  : {};
