/**
 * @module-tag slow
 * @module-tag alone
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { wasStarted } from '../../src/servermgr/launchers/local/record.ts';
import { openRecords } from '../../src/servermgr/launchers/local/records.ts';
import { nameOf } from '../../src/servermgr/session-id.ts';
import { PROGRAMS, SUPERVISOR } from '../support/built.ts';
import { killAllIn } from '../support/container.ts';
import { eventually } from '../support/eventually.ts';
import { mapParallel } from '../support/parallel.ts';
import { createRandom } from '../support/random.ts';
import { startInstances } from './chaos/instances.ts';
import { startLoadBalancer } from './chaos/load-balancer.ts';
import { resolverRules } from './support/https-site.ts';
import { createManagerFixture } from './support/manager.ts';
import { startMturkSites } from './support/mturk-sites.ts';
import { startPostgres } from './support/postgres.ts';
import { startProlificServer } from './support/prolific-server.ts';
import { startHttpsProxy } from './support/reverse-proxy.ts';
import { newResearcher, prolificLink } from './support/study.ts';
import { agree, type Manner, type Person, play, type Seen } from './whole-study/people.ts';

/** Who comes. */
const CROWD: Readonly<Record<Manner, number>> = {
  // They take longest.
  'never-joins': 1,
  dies: 1,
  ordinary: 13,
  'double-clicks': 3,
  'comes-back': 3,
  forged: 2,
  'in-a-frame': 2,
  surplus: 5,
};
const SEATS = 23;
/** So many sit before their browsers at once: a machine of two cores has no room for more. */
const AT_ONCE = 7;
const KILL_EVERY_MS = 10_000;
const PROLIFIC_TOKEN = 'a-token-of-the-tests-for-prolific';

/** What they have to see in the end. */
const EXPECTED: Readonly<Record<Exclude<Manner, 'forged'>, Seen>> = {
  ordinary: { title: 'Thank you for taking part', code: 'DONE' },
  'double-clicks': { title: 'Thank you for taking part', code: 'DONE' },
  'comes-back': { title: 'Thank you for taking part', code: 'DONE' },
  'in-a-frame': { title: 'Thank you for taking part', code: undefined },
  'never-joins': { title: 'Your session is over', code: 'LEFT' },
  dies: { title: 'Sorry, something broke', code: 'BROKEN' },
  surplus: { title: 'All places are taken', code: 'FULL' },
};

test('of thirty who come, while instances are killed every ten seconds, each has one session, one archive and one code, or a sentence that says why not', async () => {
  const random = createRandom(Number(process.env.STUDY_SEED ?? Date.now() % 1_000_000));
  await using postgres = await startPostgres();
  await using prolific = await startProlificServer(PROLIFIC_TOKEN);
  await using mturk = await startMturkSites();
  await using fixture = await createManagerFixture({
    SERVERMGR_SUPERVISOR: JSON.stringify([process.execPath, SUPERVISOR]),
    SERVERMGR_FLEET_LIMIT: '5',
    ...{
      SESSION_SERVER_COMMAND: JSON.stringify([
        process.execPath,
        join(PROGRAMS, 'server-counts-joins.mjs'),
        '--port',
        '{port}',
      ]),
    },
    ...{ SESSION_AGENT_COMMAND: 'none', SESSION_AGENT_PLAYERS: '0', SESSION_JOURNAL_INTERVAL: '500ms' },
    ...{ SESSION_EMPTY_TIMEOUT: '2s', SESSION_JOIN_TIMEOUT: '60s' },
    ...{ SERVERMGR_TRUSTED_PROXIES: '1', SERVERMGR_SECRET: 's'.repeat(32), DATABASE_URL: postgres.url },
    ...{ SERVERMGR_PROLIFIC_TOKEN: PROLIFIC_TOKEN, SERVERMGR_PROLIFIC_URL: prolific.url },
    SERVERMGR_MTURK_PARENTS: mturk.worker.origin,
    SERVERMGR_MTURK_FORMS: `${mturk.main.origin},${mturk.worker.origin}`,
  });
  await using instances = await startInstances(fixture.env, fixture.folder, { count: 3, random });
  await using balancer = await startLoadBalancer(instances.ports);
  await using secure = await startHttpsProxy('study.test', Number(new URL(balancer.url).port));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...['--test-third-party-cookie-phaseout', resolverRules(mturk.worker, mturk.main, secure)],
    ],
  });
  const researcher = newResearcher(balancer.url);
  const study = await researcher.create({ seats: String(SEATS), minimumMinutes: '0.05', lengthMinutes: '5' });
  const links = [...(await researcher.links(study, '40')).values()];
  const people = Object.entries(CROWD).flatMap(([manner, count]) =>
    Array.from({ length: count }, (_, index) => personOf(manner as Manner, index)),
  );

  function personOf(manner: Manner, index: number): Person {
    const name = `${manner}-${index}`;
    const id = name.replaceAll('-', '');
    if (manner === 'in-a-frame') {
      const externalUrl = `${secure.origin}/study/${study}`;
      return {
        name,
        manner,
        link: mturk.hitUrl({ externalUrl, hit: 'HIT1', worker: id, assignment: `a${id}` }),
      };
    }
    if (manner === 'forged' && index === 0)
      return { name, manner, link: `${links.pop()}`.replace(/participant=./, 'participant=x') };
    const link = `${balancer.url}${prolificLink(study, id)}`;
    // What is forged Prolific does not know.
    if (manner === 'forged') return { name, manner, link };
    if (index % 3 === 2) return { name, manner, link: links.pop() ?? '' };
    prolific.put(`s${id}`, { participant: id, study: 'study1', status: 'ACTIVE' });
    return { name, manner, link };
  }

  const killing = setInterval(() => instances.killOne(), KILL_EVERY_MS);
  const faults: string[] = [];
  const seen = new Map<string, Seen>();
  const note = async (person: Person, way: () => Promise<Seen | undefined>) => {
    try {
      const sight = await way();
      if (sight !== undefined) seen.set(person.name, sight);
    } catch (error) {
      faults.push(`${person.name}: ${error}`);
    }
  };
  const all = (some: readonly Person[], way: (person: Person) => Promise<Seen | undefined>) =>
    mapParallel(some, AT_ONCE, person => note(person, () => way(person)));
  const late = people.filter(({ manner }) => manner === 'surplus');
  const early = people.filter(person => !late.includes(person));
  try {
    await all(early, person => agree(person, browser));
    // All seats are taken.
    await all(late, person => agree(person, browser));
    await all(
      early.filter(({ manner }) => manner !== 'forged'),
      person => play(person, browser, () => killSession(person)),
    );
  } finally {
    clearInterval(killing);
  }
  await recoverTheDead();
  instances.check();
  expect([...faults, ...instances.faults]).toEqual([]);

  for (const { name, manner } of people) {
    if (manner === 'forged') expect(seen.get(name)?.title, name).toMatch(/not valid|not eligible/);
    else expect(seen.get(name), name).toEqual(EXPECTED[manner]);
  }
  expect(mturk.results.map(({ code, outcome }) => [code, outcome])).toEqual([
    ['DONE', 'finished'],
    ['DONE', 'finished'],
  ]);
  await compare();
  await browser.close();

  async function sessionOf(name: string): Promise<string> {
    const rows = await postgres.query<{ session: string }>(
      `select session from servermgr.participations join servermgr.participants on participants.id = participant where person = '${name.replaceAll('-', '')}'`,
    );
    return rows[0]?.session ?? '';
  }

  /** As a machine that dies: nothing of it is told any more. */
  async function killSession({ name }: Person): Promise<void> {
    await killAllIn(await fixture.workdir(await sessionOf(name)));
  }

  async function recoverTheDead(): Promise<void> {
    const session = nameOf(await sessionOf('dies-0')) ?? '';
    await eventually(
      async () => (await researcher.send('/admin', '/admin/recover', { session })).status === 303,
    );
    await eventually(
      async () =>
        (await researcher.export(study)).some(row => row.session === session && row.saved === 'archive'),
      { timeoutMs: 120_000 },
    );
  }

  /** The export says what the store has: one archive for each session, and one session for each participation that has one. */
  async function compare(): Promise<void> {
    const rows = await researcher.export(study);
    const archived = await eventually(async () => {
      const folders = await readdir(join(fixture.destination, 'turk', String(study)));
      expect(folders).toHaveLength(SEATS);
      return folders;
    });
    const played = rows.filter(({ session }) => session !== '');
    expect(played.map(({ session }) => session).toSorted()).toEqual(archived.toSorted());
    const records = await openRecords(join(fixture.folder, 'state', 'servermgr')).list();
    // A launch that failed, or was stopped, before anything ran has a record as well.
    const started = records.filter(record => nameOf(record.id) && wasStarted(record));
    expect(started.length, JSON.stringify(records)).toBeLessThanOrEqual(SEATS);
    for (const row of played) {
      const { session = '', participant, participation, person_id: person } = row;
      expect(row, session).toMatchObject({
        saved: 'archive',
        archive: `turk/${study}/${session}/logs.tar.gz`,
      });
      const report = JSON.parse(
        await readFile(join(fixture.destination, '.sessions', session, 'session.json'), 'utf8'),
      );
      expect(report.labels, session).toMatchObject({
        participant,
        participation,
        person,
        study: String(study),
      });
    }
    const count = (outcome: string) => rows.filter(row => row.outcome === outcome).length;
    expect([
      count('finished'),
      count('incomplete'),
      count('technical'),
      count('surplus'),
      rows.length,
    ]).toEqual([21, 1, 1, 5, 28]);
    expect(new Set(rows.map(row => row.participant)).size).toBe(28);
  }
}, 480_000);
