import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { newId } from '../../../src/servermgr/session-id.ts';
import type { Random } from '../../support/random.ts';
import { hiddenFields, newVisitor, type Visitor } from '../support/visitor.ts';
import type { Answer, Journal } from './journal.ts';

export interface HostilePlan {
  readonly url: string;
  /** Of an instance, which idle connections are made to. */
  readonly port: number;
  readonly network: string;
  readonly untilMs: number;
  readonly random: Random;
}

/** Somebody who wants more than their share, or what is others'. */
export async function playHostilely(plan: HostilePlan, journal: Journal): Promise<void> {
  const { random, network, url } = plan;
  const sockets: Socket[] = [];
  const headers = { 'x-forwarded-for': network };
  const ask = (visitor: Visitor, path: string, init: RequestInit = {}) =>
    journal.ask(visitor, network, given => visitor.request(path, { ...given, ...init }));

  /** Whatever one address may have, a new cookie is a new visitor. */
  async function press(): Promise<void> {
    const visitor = newVisitor(url, headers);
    const fields = hiddenFields((await ask(visitor, '/'))?.page ?? '');
    const body = new URLSearchParams({ world: 'flat_world', ...fields });
    const answer = await ask(visitor, '/launch', { method: 'POST', body });
    if (answer?.status === 303) journal.count('sessions of hostile ones');
  }

  async function stopAnothers(): Promise<void> {
    const sight = journal.sights.at(-1);
    if (sight === undefined) return;
    const visitor = newVisitor(url, headers);
    const page = await ask(visitor, `/wait?q=${sight.id}`);
    if (/_csrf|End my session/.test(page?.page ?? ''))
      journal.faults.push(`another visitor's page has a form to end ${sight.id}`);
    const { _csrf = '' } = hiddenFields((await ask(visitor, '/'))?.page ?? '');
    const body = new URLSearchParams({ session: sight.id, _csrf });
    refused(await ask(visitor, '/stop', { method: 'POST', body }), "the stop of another's session");
  }

  /** A token of one visitor's, sent by another. */
  async function useAnothersToken(): Promise<void> {
    const [one, other] = [newVisitor(url, headers), newVisitor(url, headers)];
    const fields = hiddenFields((await ask(one, '/'))?.page ?? '');
    await ask(other, '/');
    const body = new URLSearchParams({ world: 'flat_world', ...fields });
    refused(await ask(other, '/launch', { method: 'POST', body }), "a launch with another's token");
  }

  async function guess(): Promise<void> {
    const visitor = newVisitor(url, { ...headers, cookie: `visitor=${'a'.repeat(22)}.${'b'.repeat(43)}` });
    refused(await ask(visitor, `/wait?q=${newId(Date.now())}`), 'a forged id');
    const authorization = `Bearer ${random.below(1e9)}-and-more-of-it`;
    refused(await ask(visitor, '/api/sessions', { headers: { authorization } }), 'a guess at the API');
    refused(await ask(visitor, '/admin'), 'a guess at the administrators’ page');
  }

  function openIdle(): void {
    for (let index = 0; index < 20; index += 1) {
      const socket = connect({ port: plan.port, host: '127.0.0.1' });
      socket.on('error', () => socket.destroy()).on('data', () => undefined);
      if (random.chance(0.5)) socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Half: ');
      sockets.push(socket);
    }
  }

  function refused(answer: Answer | undefined, what: string): void {
    if (answer !== undefined && answer.status < 400)
      journal.faults.push(`${what} was answered with ${answer.status}: ${answer.page.slice(0, 300)}`);
  }

  const tricks = [press, press, press, stopAnothers, useAnothersToken, guess, openIdle] as const;
  while (Date.now() < plan.untilMs) {
    await random.pick([...tricks])();
    await setTimeout(random.between(300, 2_000));
  }
  for (const socket of sockets) socket.destroy();
}
