import { expect, test } from 'vitest';
import type { Child } from '../../src/process/child.ts';
import { membersOf } from '../../src/process/process-group.ts';
import type { Process } from '../../src/process/procfs.ts';

const child = (endedAtMs: number | undefined): Child => ({
  name: 'server',
  pid: 100,
  startedAtMs: 0,
  endedAtMs,
  exited: Promise.resolve({ code: 0 }),
  sendCommand: async () => false,
});

const living = (pid: number, session: number): Process => ({
  pid,
  parent: 1,
  group: pid,
  session,
  startTicks: 0,
  name: 'sh',
});

test('a family is whoever lives in the session that the child leads', () => {
  const [leader, member, daemon] = [living(100, 100), living(101, 100), living(102, 102)];
  expect(membersOf(child(undefined), [leader, member, daemon])).toEqual([leader, member]);
});

test('a family outlives its leader', () => {
  expect(membersOf(child(1), [living(101, 100)])).toHaveLength(1);
});

test('a stranger who was given the pid of a child that is gone is not of its family, nor are his own', () => {
  expect(membersOf(child(1), [living(100, 100), living(101, 100)])).toEqual([]);
});

test('a child that was never started has no family', () => {
  expect(membersOf({ ...child(1), pid: undefined }, [living(101, 0)])).toEqual([]);
});
