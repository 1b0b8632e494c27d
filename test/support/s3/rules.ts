import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, send } from './answers.ts';
import type { FaultRule } from './faults.ts';
import { document } from './xml.ts';

const WHITE_SPACE_EVERY_MS = 50;

/** Sends an answer as a rule says: late, after white space, or without its length. */
export async function sendAsRuled(
  response: ServerResponse,
  answer: Answer,
  rule: FaultRule | undefined,
  isHead: boolean,
): Promise<void> {
  if (rule?.do === 'white-space') await sendAfterWhiteSpace(response, answer, rule);
  else await send(response, rule?.do === 'no-length' ? withoutLength(answer) : answer, isHead);
}

/** The status that is told first is 200, whatever the answer turns out to be. */
async function sendAfterWhiteSpace(
  response: ServerResponse,
  { xml }: Answer,
  { delayMs = 0, end = '' }: FaultRule,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/xml' });
  for (let left = delayMs; left > 0; left -= WHITE_SPACE_EVERY_MS) {
    response.write(' ');
    await delay(Math.min(left, WHITE_SPACE_EVERY_MS));
  }
  response.end(`${xml ? document(xml) : ''}${end}`);
}

function withoutLength(answer: Answer): Answer {
  const headers = Object.entries(answer.headers ?? {}).filter(([name]) => name !== 'content-length');
  return { ...answer, headers: Object.fromEntries(headers) };
}
