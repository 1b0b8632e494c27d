import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { RunCommand } from '../../src/cli/command.ts';
import { createSignals } from '../../src/runtime/signals.ts';
import { NO_OUTPUT } from '../support/no-output.ts';
import { s3Environment } from '../support/s3-environment.ts';
import { type S3ServerOptions, startS3Server } from '../support/s3-server.ts';

/** A folder for a test, gone afterwards. */
export async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'catalogue-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Puts files into a folder by their paths; what is no text is written as JSON. */
export async function putFiles(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
}

/**
 * A session that was saved: its objects, by their keys.
 * @param changes fields of its report; `archive`: what is in it, or null; `key`: the folder that it is in
 */
export function savedSession(
  name: string,
  { archive = 'x'.repeat(2_048), key = name, ...changes }: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const archiveKey = `${key}/logs.tar.gz`;
  const report = {
    ...{ format: 1, session: name, saved: 'archive', exitCode: 0 },
    end: { by: 'agent-exited', text: 'the agent exited' },
    ...{ startedAt: '2026-11-22T11:00:00.000Z', endedAt: '2026-11-22T12:02:00.000Z', people: { peak: 2 } },
    archive: archive === null ? undefined : { key: archiveKey, bytes: String(archive).length },
    ...changes,
  };
  const stored = archive === null ? {} : { [archiveKey]: archive };
  return { [`.sessions/${name}/session.json`]: report, ...stored };
}

/** The tests' S3, and the variables by which a command in the test's process reaches it. */
export async function openS3(options: S3ServerOptions = {}) {
  const s3 = await startS3Server(options);
  onTestFinished(() => s3.close());
  const env = s3Environment(s3);
  for (const [name, value] of Object.entries(env)) if (name.startsWith('AWS_')) vi.stubEnv(name, value);
  return { s3, env };
}

/** Files as the objects that it has from the start. */
export function given(files: Readonly<Record<string, unknown>>) {
  return Object.entries(files).map(([key, content]) => ({
    key: `sessions/${key}`,
    body: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
    modifiedMs: Date.parse('2026-11-20T10:00:00.000Z'),
  }));
}

export interface CommandEnd {
  readonly code: number;
  /** Of stdout. */
  readonly lines: readonly string[];
  readonly stderr: readonly string[];
}

interface Settings {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether stdout is a terminal. */
  readonly terminal?: boolean;
}

/** Runs a command in the test's process. Its cache is in the folder `cache` of `cwd`. */
export async function runCommand(
  command: RunCommand,
  cwd: string,
  args: readonly string[],
  { env = {}, terminal = false }: Settings = {},
): Promise<CommandEnd> {
  const printed: string[] = [];
  const stderr: string[] = [];
  const code = await command({
    env: { XDG_CACHE_HOME: join(cwd, 'cache'), ...env },
    ...{ cwd, args, terminal, signals: createSignals() },
    ...NO_OUTPUT,
    print: text => printed.push(`${text}\n`),
    write: async bytes => void printed.push(bytes.toString()),
    printError: text => stderr.push(text),
  });
  const text = printed.join('');
  return { code, lines: text === '' ? [] : text.trimEnd().split('\n'), stderr };
}
