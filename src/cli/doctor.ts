import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { describeDeflate, isalFor, tryIsal } from '../archive/deflate-choice.ts';
import type { Command, DestinationUrl, SessionConfig } from '../config/session-config.ts';
import { findExecutable } from '../files/find-executable.ts';
import { checkServer } from '../minecraft/game-server.ts';
import { isPortOpen } from '../minecraft/readiness.ts';
import { explainNotRunnable } from '../process/spawn-error.ts';
import { findUser } from '../process/user.ts';
import { timeoutSignal } from '../runtime/abort.ts';
import { EXIT_USAGE } from '../runtime/exit-codes.ts';
import { errorText } from '../runtime/text.ts';
import { openStore } from '../store/open.ts';
import { selfTest } from '../store/self-test.ts';
import { type RunCommand, readConfig } from './command.ts';
import { checkDestinationRoom, checkWorkdirRoom } from './doctor-room.ts';

/** One thing that a session needs. */
interface Finding {
  readonly what: string;
  /** `note`: a session can do without it. */
  readonly state: 'ok' | 'note' | 'fault';
  /** What was found, and what to do where it is not as it should be. */
  readonly text: string;
}

/** Checks, before anyone plays, that a session can be played and saved: one line a check, with its remedy. */
export const doctor: RunCommand = async input => {
  const parsed = readConfig(input);
  if (parsed === undefined) return EXIT_USAGE;
  const { config } = parsed;
  const checks = [
    checkWorkdir(config),
    checkCommands(config),
    checkPort(config),
    checkMetricsAddress(config),
    checkDeflate(config),
    checkDestinations(config),
  ];
  let faults = 0;
  for (const check of checks) {
    for (const { what, state, text } of await check) {
      input.print(`${state.padEnd(5)} ${what}: ${text}`);
      if (state === 'fault') faults += 1;
    }
  }
  for (const notice of parsed.notices) input.print(`note  configuration: ${notice}`);
  input.print(
    faults === 0
      ? 'A session can be played.'
      : `${faults === 1 ? 'One fault' : `${faults} faults`} to mend first.`,
  );
  return faults === 0 ? 0 : EXIT_USAGE;
};

async function checkWorkdir({ workdir }: SessionConfig): Promise<Finding[]> {
  const what = 'working directory';
  const probe = join(workdir, `.craftassist-session-doctor-${randomUUID()}`);
  try {
    await mkdir(workdir, { recursive: true });
    await writeFile(probe, 'a', { flag: 'wx' });
    await rm(probe);
  } catch (error) {
    return [
      {
        what,
        state: 'fault',
        text: `cannot be written (${errorText(error)}): set SESSION_WORKDIR to one that can`,
      },
    ];
  }
  const { isEnough, text } = await checkWorkdirRoom(workdir);
  return [
    isEnough
      ? { what, state: 'ok', text: `${workdir} can be written, ${text}` }
      : { what, state: 'fault', text },
  ];
}

async function checkCommands(config: SessionConfig): Promise<Finding[]> {
  const commands: [string, Command | undefined][] = [
    ['SESSION_SETUP_COMMAND', config.setupCommand],
    ['SESSION_SERVER_COMMAND', config.server.run.kind === 'command' ? config.server.run.command : undefined],
    ['SESSION_AGENT_COMMAND', config.agent.command],
  ];
  const given = commands.filter((pair): pair is [string, Command] => pair[1] !== undefined);
  const found = await Promise.all(given.map(([name, [file]]) => checkCommand(name, file, config)));
  const game = (await checkServer(config)).map(text => ({ what: 'Cuberite', state: 'fault', text }) as const);
  const { faults } = await findUser(config.children.user);
  const user = faults.map(text => ({ what: "the children's user", state: 'fault', text }) as const);
  return [...user, ...game, ...found];
}

async function checkCommand(
  what: string,
  file: string,
  { children, workdir }: SessionConfig,
): Promise<Finding> {
  const found = await findExecutable(file, { path: children.env.PATH, cwd: workdir });
  if (found !== undefined) return { what, state: 'ok', text: found };
  const text = file.includes('/')
    ? await explainNotRunnable(resolve(workdir, file))
    : `${file} is not in PATH: install it, or write its whole path`;
  return { what, state: 'fault', text };
}

async function checkPort({ server: { address } }: SessionConfig): Promise<Finding[]> {
  const what = 'server address';
  const place = `${address.host}:${address.port}`;
  return (await isPortOpen(address, new AbortController().signal))
    ? [
        {
          what,
          state: 'fault',
          text: `${place} is taken: end what listens there, or set SESSION_SERVER_ADDRESS`,
        },
      ]
    : [{ what, state: 'ok', text: `${place} is free` }];
}

/** Listens for a moment: a session whose address is taken has no metrics. */
async function checkMetricsAddress({ monitoring }: SessionConfig): Promise<Finding[]> {
  const { metricsAddress } = monitoring;
  if (metricsAddress === undefined) return [];
  const what = 'metrics address';
  const place = `${metricsAddress.host ?? ''}:${metricsAddress.port}`;
  const server = createServer();
  try {
    await once(server.listen(metricsAddress), 'listening');
    server.close();
    return [{ what, state: 'ok', text: `${place} is free` }];
  } catch (error) {
    const remedy = 'set SESSION_METRICS_ADDRESS to one that is free here, or a session has no metrics';
    return [{ what, state: 'note', text: `${place} cannot be listened on (${errorText(error)}): ${remedy}` }];
  }
}

const ARCHIVER_MS = 30_000;

/** ISA-L is tried: whether its library can be loaded here, and runs on this processor, only that shows. */
async function checkDeflate({ save }: SessionConfig): Promise<Finding[]> {
  const what = 'compression';
  const wanted = { ...save, level: save.gzipLevel };
  const { text, missing } = describeDeflate(wanted);
  const isal = isalFor(wanted, Infinity);
  if (isal === undefined) return [{ what, state: missing ? 'fault' : 'ok', text }];
  try {
    await tryIsal(isal, timeoutSignal(ARCHIVER_MS));
    return [{ what, state: 'ok', text }];
  } catch (error) {
    const state = save.deflate === 'isal' ? 'fault' : 'note';
    return [
      {
        what,
        state,
        text: `zlib, since ISA-L cannot be used here (${errorText(error)}): build its addon anew, or set SESSION_DEFLATE=zlib`,
      },
    ];
  }
}

async function checkDestinations(config: SessionConfig): Promise<Finding[]> {
  const places = [config.save.destination, config.save.fallback].filter(place => place !== undefined);
  return (await Promise.all(places.map(place => checkDestination(place, config)))).flat();
}

const DESTINATION_MS = 120_000;

async function checkDestination(place: DestinationUrl, config: SessionConfig): Promise<Finding[]> {
  try {
    const destination = await openStore(place, { s3: config.save.s3 });
    try {
      const what = `destination ${destination.url}`;
      const steps = await selfTest(destination, timeoutSignal(DESTINATION_MS));
      const tried = steps.map(({ result, detail, remedy }) => ({
        what,
        state: result === 'fine' ? ('ok' as const) : result,
        text: remedy === undefined ? detail : `${detail}: ${remedy}`,
      }));
      if (place.kind !== 'directory') return tried;
      const { isEnough, text } = await checkDestinationRoom(place.path, config);
      return [...tried, { what, state: isEnough ? 'ok' : 'fault', text }];
    } finally {
      destination.close();
    }
  } catch (error) {
    return [{ what: 'destination', state: 'fault', text: errorText(error) }];
  }
}
