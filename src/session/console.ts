import { lstat } from 'node:fs/promises';
import type { Answer } from '../control-socket/protocol.ts';
import { unlessMissing } from '../files/errno.ts';
import { follow, splitLines } from '../files/tail.ts';
import type { Child } from '../process/child.ts';
import { errorMessage } from '../runtime/text.ts';

/** How long a server is waited for that writes nothing; most commands are answered within a tick, 50 ms. */
const ANSWER_MS = 1_500;
/** An answer is whole when nothing more has been written for so long. */
const QUIET_MS = 250;
/** Beyond that an answer is cut off: a busy server may write no end of lines. */
const MAX_LINES = 100;
const MAX_CHARACTERS = 4_000;

/**
 * Sends one line to a server's console, and waits a moment for what the server writes to its log.
 * @param logFile absolute path of the file that has the server's output
 * @returns the answer in words; not ok: the server does not know the command, or does not read
 * @throws before anything is sent, when the log cannot be looked at
 */
export async function askServer(server: Child, logFile: string, line: string): Promise<Answer> {
  const from = (await unlessMissing(lstat(logFile)))?.size ?? 0;
  if (!(await server.sendCommand(line)))
    return { ok: false, text: 'the server does not read its console any more' };
  try {
    const lines = (await readAnswer(logFile, from)).filter(text => !ECHO.test(text));
    if (lines.length === 0) return { ok: true, text: `sent: ${line} (the server has written nothing)` };
    return { ok: !lines.some(text => UNKNOWN.test(text)), text: lines.join('\n').slice(0, MAX_CHARACTERS) };
  } catch (error) {
    return { ok: true, text: `sent: ${line} (what the server says cannot be read: ${errorMessage(error)})` };
  }
}

/** What stands before a line's text: `Log: [12:00:00] ` of Cuberite, `[12:00:00] [Server thread/INFO]: ` of others. */
const START = String.raw`^(?:\w+: )?(?:\[[^\]]*\]:? *)+`;
/** Cuberite repeats each command. */
const ECHO = new RegExp(`${START}Executing console command: "`);
/** Of Cuberite, and of the original server and its descendants. */
const UNKNOWN = new RegExp(`${START}Unknown (?:or incomplete )?command\\b`);

async function readAnswer(logFile: string, from: number): Promise<readonly string[]> {
  const over = new AbortController();
  const stop = () => over.abort();
  let timer = setTimeout(stop, ANSWER_MS);
  const latest = setTimeout(stop, ANSWER_MS);
  try {
    const lines: string[] = [];
    for await (const line of splitLines(follow(logFile, { from, signal: over.signal }))) {
      clearTimeout(timer);
      timer = setTimeout(stop, QUIET_MS);
      // For a terminal: a player may have put anything into a message.
      lines.push(
        line
          .toString('utf8')
          .replaceAll(/\p{Cc}+/gu, ' ')
          .trimEnd(),
      );
      if (lines.length === MAX_LINES) break;
    }
    return lines;
  } finally {
    clearTimeout(timer);
    clearTimeout(latest);
  }
}
