import type { FastifyReply } from 'fastify';
import type { LaunchResult } from '../fleet/fleet.ts';
import { seeOther, sessionPath } from './base-path.ts';
import { sendErrorPage } from './errors.ts';
import { explainRefusal } from './launch-refusal.ts';

/**
 * Answers a launch request: with the session's page, or with one that says why there is none.
 * @param asked the world that was asked for
 */
export function sendLaunchResult(reply: FastifyReply, result: LaunchResult, asked: string): FastifyReply {
  if (result.kind === 'launched') return seeOther(reply, sessionPath(result.id));
  if (result.kind === 'already-running') {
    const path = sessionPath(result.id);
    const isOther = result.world !== asked;
    // The page looks the word up among the worlds: nothing else that stands here is ever shown.
    return seeOther(reply, isOther ? `${path}&not-started=${encodeURIComponent(asked)}` : path);
  }
  const { status, title, text, retryAfterSeconds } = explainRefusal(result, Date.now());
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return sendErrorPage(reply, status, title, text);
}
