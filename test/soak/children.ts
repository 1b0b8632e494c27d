import { resolve } from 'node:path';
import type { Random } from '../support/random.ts';
import { program } from '../support/session.ts';

/** The program that a child runs, and how it ends the session. */
export interface ChildPlan {
  readonly name: string;
  readonly command: (port: number) => string;
  /** How it ends the session by itself; undefined: it has to be stopped. */
  readonly end?: ChildEnd;
  readonly env?: Readonly<Record<string, string>>;
  /** The files of it that the archive must hold. */
  readonly leaves?: readonly string[];
}

export interface ChildEnd {
  /** The session's exit code. */
  readonly code: number;
  /** About: only ends that are far apart cannot come in another order. */
  readonly afterMs: number;
  /** How much later it may come; 0 unless given. */
  readonly withinMs?: number;
}

const FATAL = ['SIGSEGV', 'SIGABRT', 'SIGKILL'] as const;

/** A server that works, or fails in any way. Those with an `end` of 10 never become ready. */
export function randomServer(random: Random): ChildPlan {
  const afterMs = random.pick([0, 100, 400, 2_500]);
  return random.pick<() => ChildPlan>([
    () => server('server-ready'),
    () => server('server-ready'),
    () => server('server-ready'),
    () => server('server-late', random.between(0, 600)),
    () => server('server-ignores-sigterm'),
    () => server('server-ignores-sigterm'),
    () => server('server-saves-slowly', random.between(0, 3_000)),
    () => server('server-killed-while-saving'),
    () => server('server-forks-daemon'),
    () => server('server-floods-log', random.between(1, 24)),
    () => beside('child-daemonises.sh', server('server-ready')),
    () => beside('child-with-stubborn-grandchild.sh', server('server-ready')),
    () => ending(server('server-crashes-after-ready', random.pick(FATAL), afterMs), 11, afterMs),
    () => ending(server('server-crashes-after-ready', random.between(1, 9), afterMs), 11, afterMs),
    () => ending(server('server-crashes-after-ready', 0, afterMs), 0, afterMs),
    () => ({ ...hanging(server('server-hangs', afterMs), afterMs), env: LIVENESS }),
    () => ending(server('server-exits-early', random.between(0, 3)), 10, 0),
    () => ({ ...ending(server('server-never'), 10, 0), env: READY }),
    () => ({ ...ending(server('server-accepts-but-never-answers'), 10, 0), env: READY }),
    () => ending({ name: 'no such server', command: () => 'no-such-server' }, 10, 0),
    () => ending({ name: 'a folder for a server', command: () => '/tmp' }, 10, 0),
  ])();
}

const LIVENESS = { SESSION_LIVENESS_TIMEOUT: '1s' };
const READY = { SESSION_READY_TIMEOUT: '700ms' };

/** An agent that works, or fails in any way. */
export function randomAgent(random: Random): ChildPlan {
  const afterMs = random.pick([0, 100, 400, 2_500]);
  return random.pick<() => ChildPlan>([
    () => agent('agent-runs'),
    () => agent('agent-runs'),
    () => agent('agent-writes-files'),
    () => agent('agent-ignores-sigterm'),
    () => agent('agent-ignores-sigterm'),
    () => agent('agent-forks-daemon'),
    () => afterFifos(agent('agent-runs')),
    () => afterFifos(ending(agent('agent-exits', 0, afterMs), 0, afterMs)),
    () => ({
      name: 'agent-follows-server',
      command: port => program('agent-follows-server', '--port', port),
    }),
    () => script('child-with-stubborn-grandchild.sh'),
    () => script('child-makes-own-group.sh'),
    () => script('child-hides.sh'),
    () => script('child-leaves-zombie.sh'),
    () => script('child-multiplies.sh', random.between(2, 9)),
    () => agent('child-dies-of', 'SIGSTOP'),
    () => ending(script('child-daemonises.sh'), 0, 0),
    () => ending(script('child-daemonises-with-orphan.sh'), 0, 0),
    () => ending(script('child-daemonises-with-runaway.sh'), 0, 0),
    () => ending(agent('agent-exits', 0, afterMs), 0, afterMs),
    () => ending(agent('agent-exits', random.between(1, 9), afterMs), 12, afterMs),
    () => ending(agent('agent-crashes', random.pick(FATAL), afterMs), 12, afterMs),
    () => ending(agent('agent-writes-noise', NOISE_MIB), 0, 0),
    () => ending({ name: 'no such agent', command: () => 'no-such-agent', leaves: [] }, 12, 0),
  ])();
}

/** More than one part of an upload. */
const NOISE_MIB = 20;

/** What runs before the server starts: mostly nothing, or something to save. */
export function randomSetup(random: Random): ChildPlan | undefined {
  if (random.chance(0.7)) return undefined;
  return random.pick<() => ChildPlan>([
    () => setup('agent-writes-noise', NOISE_MIB),
    () => setup('agent-writes-noise', NOISE_MIB),
    () => setup('agent-writes-noise', NOISE_MIB),
    () => ending(setup('child-exits-with', 4), 13, 0),
    () => setup('child-ends-on-sigterm'),
  ])();
}

/** A setup that never ends by itself: nothing comes after it. */
export function hangs({ name }: ChildPlan): boolean {
  return name === 'child-ends-on-sigterm';
}

function server(name: string, ...args: (string | number)[]): ChildPlan {
  return {
    name: [name, ...args].join(' '),
    command: port => program(name, '--port', port, ...args),
    leaves: ['cuberite_process.log'],
  };
}

function agent(name: string, ...args: (string | number)[]): ChildPlan {
  return { name: [name, ...args].join(' '), command: () => program(name, ...args), leaves: ['agent.log'] };
}

function setup(name: string, ...args: (string | number)[]): ChildPlan {
  return { name, command: () => program(name, ...args), leaves: ['setup.log'] };
}

function script(name: string, ...args: number[]): ChildPlan {
  const command = [pathOf(name), ...args.map(String)];
  return {
    name: [name, ...args].join(' '),
    command: () => JSON.stringify(command),
    leaves: ['agent.log'],
  };
}

/** A child that starts another program in the background. */
function beside(background: string, child: ChildPlan): ChildPlan {
  return {
    ...child,
    name: `${child.name} beside ${background}`,
    command: port =>
      JSON.stringify([
        'sh',
        '-c',
        '"$0" & exec "$@"',
        pathOf(background),
        ...JSON.parse(child.command(port)),
      ]),
  };
}

/** Named pipes that nobody writes to, one of them where the experiment's id is looked for. */
function afterFifos(child: ChildPlan): ChildPlan {
  return {
    ...child,
    name: `${child.name} after mkfifo`,
    command: port =>
      JSON.stringify([
        'sh',
        '-c',
        'mkfifo turk_experiment_id.txt odd.log; exec "$@"',
        'sh',
        ...JSON.parse(child.command(port)),
      ]),
  };
}

/** It is looked at each second, and has to be silent for one. */
function hanging(child: ChildPlan, afterMs: number): ChildPlan {
  return { ...child, end: { code: 11, afterMs: afterMs + 1_000, withinMs: 1_500 } };
}

function ending(child: ChildPlan, code: number, afterMs: number): ChildPlan {
  return { ...child, end: { code, afterMs } };
}

function pathOf(script: string): string {
  return resolve(import.meta.dirname, '../programs', script);
}
