import { setTimeout } from 'node:timers/promises';
import type { WaitView } from '../../src/servermgr/web/pages/wait-view.ts';
import { ADDRESS_MS, INSTANCES, INTERFACE_MS, type Stage } from './stage.ts';

/** A change in the simulated AWS, and how long it took until a viewer was told of it. */
export interface Change {
  readonly what: string;
  readonly session: string;
  /** Somebody waits for it: the session starts, or was asked to end. */
  readonly isAwaited: boolean;
  /** undefined: the viewer was never told. */
  readonly tookMs: number | undefined;
}

/** By then a change is told of, or it counts as lost. */
const PATIENCE_MS = 60_000;
/** Of four changes in a row two are ends, one is a launch, and one a stop. */
const TURNS = ['end', 'launch', 'end', 'stop'] as const;

/** Changes sessions again and again for so long, and waits until all is told. @param running those that may be ended */
export async function makeChanges(
  stage: Stage,
  {
    running,
    forMs,
    everyMs,
  }: { readonly running: string[]; readonly forMs: number; readonly everyMs: number },
): Promise<readonly Change[]> {
  const made: Promise<readonly Change[]>[] = [];
  for (let turn = 0; turn * everyMs < forMs; turn += 1) {
    const what = TURNS[turn % TURNS.length];
    const victim = what === 'launch' ? undefined : running.pop();
    const changing =
      victim === undefined
        ? launch(stage, turn)
        : what === 'end'
          ? end(stage, victim)
          : stop(stage, victim, turn);
    // What fails is thrown when all are waited for.
    changing.catch(() => undefined);
    made.push(changing);
    await setTimeout(everyMs);
  }
  return (await Promise.all(made)).flat();
}

/** The times from a moment until the viewer was told what it means. */
async function seen(
  { viewers }: Stage,
  { session, what, isAwaited }: Omit<Change, 'tookMs'>,
  { atMs, is }: { readonly atMs: number; readonly is: (view: WaitView) => boolean },
): Promise<Change> {
  const event = await viewers.sees(session, is, PATIENCE_MS);
  return { what, session, isAwaited, tookMs: event === undefined ? undefined : event.atMs - atMs };
}

const isOver = ({ phase }: WaitView) => phase === 'ended' || phase === 'failed';

/** A session ends by itself, which nobody could know before. */
async function end(stage: Stage, session: string): Promise<readonly Change[]> {
  const atMs = await stage.aws.end(session);
  return [await seen(stage, { what: 'an end', session, isAwaited: false }, { atMs, is: isOver })];
}

/** Somebody launches a session at one instance, and follows it at another one. */
async function launch(stage: Stage, turn: number): Promise<readonly Change[]> {
  const body = JSON.stringify({ world: 'flat_world', count: 1 });
  const { sessions } = await stage.api<{ sessions: { id: string }[] }>(turn % INSTANCES, '/sessions', {
    method: 'POST',
    body,
  });
  const session = sessions[0]?.id ?? '';
  const at = stage.instances[(turn + 1) % INSTANCES];
  stage.viewers.follow(session, at?.url ?? '');
  const ready = await stage.viewers.sees(session, ({ phase }) => phase === 'ready', PATIENCE_MS);
  const { createdMs = 0 } = (await stage.aws.read()).tasks.find(task => task.session === session) ?? {};
  const change = (what: string, atMs: number, is: (view: WaitView) => boolean) =>
    seen(stage, { what, session, isAwaited: true }, { atMs, is });
  if (ready === undefined) return [{ what: 'a launch', session, isAwaited: true, tookMs: undefined }];
  return Promise.all([
    change('a machine found', createdMs + INTERFACE_MS, ({ progress }) => progress >= 50),
    change('an address', createdMs + ADDRESS_MS, ({ progress }) => progress >= 75),
    change('ready', createdMs + ADDRESS_MS, ({ phase }) => phase === 'ready'),
  ]);
}

/** Somebody asks at another instance than the viewer's for a session's end. */
async function stop(stage: Stage, session: string, turn: number): Promise<readonly Change[]> {
  const atMs = Date.now();
  await stage.api(turn % INSTANCES, `/sessions/${session}`, { method: 'DELETE' });
  const ending = await seen(
    stage,
    { what: 'a stop asked for', session, isAwaited: true },
    { atMs, is: ({ phase }) => phase === 'ending' },
  );
  await stage.viewers.sees(session, isOver, PATIENCE_MS);
  const { stopped } = (await stage.aws.read()).tasks.find(task => task.session === session) ?? {};
  if (stopped === undefined) return [ending, { ...ending, what: 'a stop', tookMs: undefined }];
  const over = await seen(
    stage,
    { what: 'a stop', session, isAwaited: true },
    { atMs: stopped.atMs, is: isOver },
  );
  return [ending, over];
}
