/** @module-tag slow */

import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createListing } from '../../src/servermgr/fleet/listing.ts';
import { eventually } from '../support/eventually.ts';

test('after a quiet while a slow answer is waited for, and nothing is called a fault meanwhile', async () => {
  const answers = [Promise.resolve([])];
  const slow = Promise.withResolvers<[]>();
  const launcher = { list: () => answers.shift() ?? slow.promise };
  const listing = createListing(launcher, pino({ level: 'silent' }), new AbortController().signal);
  expect(await listing.refresh()).toBe(true);
  const startMs = Date.now();
  // Longer than an answer counts as new.
  await eventually(() => Date.now() - startMs > 10_500);
  expect(listing.fault()).toBeUndefined();
  const refreshed = listing.refresh();
  const askedMs = Date.now();
  // Longer than a poll waits for a launcher that was asked a moment ago.
  await eventually(() => Date.now() - askedMs > 2_500);
  expect(listing.fault()).toBeUndefined();
  slow.resolve([]);
  expect(await refreshed).toBe(true);
});
