import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import { hiddenFields, newVisitor } from '../support/visitor.ts';
import type { Answer, Journal } from './journal.ts';
import { follow } from './streams.ts';

export interface HonestPlan {
  readonly url: string;
  readonly network: string;
  readonly startMs: number;
  /** How many sessions they play, if they get them. */
  readonly sessions: number;
  readonly doublePress: boolean;
  readonly events: boolean;
  /** So long after it is ready they end their session; undefined: they leave it. */
  readonly stopAfterMs: number | undefined;
  /** Until when they begin to press. */
  readonly lastPressMs: number;
  /** By then each press has its answer, */
  readonly answeredMs: number;
  /** and each session has ended. */
  readonly endMs: number;
  readonly random: Random;
}

/** Titles of pages that say why there is no session. */
const REASONS =
  /All places are taken|Your network has all its places|Enough for today|No machine could be found|Nothing can be started just now|Slowly, please/;
const MOST_REFUSALS = 5;

/** Somebody who wants to play: presses, reloads, ends their session, comes back. */
export async function playHonestly(plan: HonestPlan, journal: Journal): Promise<void> {
  const { random, network } = plan;
  const visitor = newVisitor(plan.url, { 'x-forwarded-for': network });
  const get = (path: string) => journal.ask(visitor, network, init => visitor.request(path, init));
  const post = (path: string, fields: Record<string, string>) =>
    journal.ask(visitor, network, init => visitor.post(path, fields, init));
  const rest = (least: number, most: number) => setTimeout(random.between(least, most));

  /** @returns the session's id; undefined: they were told why there is none, often enough */
  async function obtain(): Promise<string | undefined> {
    let refusals = 0;
    let hasPressed = false;
    while (Date.now() < (hasPressed ? plan.answeredMs : plan.lastPressMs)) {
      const home = await get('/');
      const own = /class="go" href="\/wait\?q=([^"]+)"/.exec(home?.page ?? '')?.[1];
      if (own !== undefined) return own;
      const fields = hiddenFields(home?.page ?? '');
      if (home?.status !== 200 || fields.press === undefined) {
        await rest(1_000, 2_000);
        continue;
      }
      hasPressed = true;
      const press = () => post('/launch', { world: 'flat_world', ...fields });
      const answers = await Promise.all(plan.doublePress ? [press(), press()] : [press()]);
      const ids = new Set(answers.flatMap(answer => idOf(answer) ?? []));
      if (ids.size > 1) journal.faults.push(`one press had two sessions: ${[...ids]}`);
      const [id] = ids;
      if (id !== undefined) return id;
      const told = answers.find(answer => answer !== undefined);
      if (told !== undefined) {
        refusals += 1;
        hasPressed = false;
        noteRefusal(told);
        if (refusals === MOST_REFUSALS) return undefined;
      }
      await rest(3_000, 9_000);
    }
    if (hasPressed) journal.faults.push('a press had neither a session nor a reason at the end');
    return undefined;
  }

  function noteRefusal({ status, page }: Answer): void {
    const title = /<h1[^>]*>([^<]+)/.exec(page)?.[1] ?? '';
    journal.count(`refused: ${title}`);
    if (!REASONS.test(title)) journal.faults.push(`a press had the answer ${status} ${page.slice(0, 1_500)}`);
  }

  async function end(id: string): Promise<void> {
    journal.count('stops');
    while (Date.now() < plan.endMs) {
      const page = await get(`/wait?q=${id}`);
      const fields = hiddenFields(page?.page ?? '');
      if (page?.status === 200 && fields._csrf !== undefined) {
        journal.stopsAsked.set(id, journal.stopsAsked.get(id) ?? Date.now());
        const answer = await post('/stop', fields);
        if (answer?.status === 303) return void journal.stopsAnswered.set(id, Date.now());
        // An instance that has just started, without a database, knows nobody: who is told so presses again.
        if (answer?.status === 503 && answer.page.includes('<title>That is not known just now'))
          journal.count('stops to be repeated');
        else if (answer !== undefined)
          journal.faults.push(`a stop had the answer ${answer.status} ${answer.page.slice(0, 500)}`);
      }
      await rest(1_000, 2_000);
    }
  }

  await setTimeout(plan.startMs);
  for (let session = 0; session < plan.sessions; session += 1) {
    const id = await obtain();
    if (id === undefined) return;
    journal.count('sessions');
    const look = { id, network, url: plan.url, events: plan.events, get, rest, endMs: plan.endMs };
    const first = await follow(look, journal, phase => phase !== 'starting');
    journal.count(`first ${first}`);
    if (first === 'ready' && plan.stopAfterMs !== undefined) {
      await setTimeout(plan.stopAfterMs);
      await end(id);
    }
    await follow(look, journal, phase => phase === 'ended' || phase === 'failed');
  }
}

function idOf(answer: Answer | undefined): string | undefined {
  return answer?.status === 303
    ? (new URL(answer.location, 'http://x').searchParams.get('q') ?? undefined)
    : undefined;
}
