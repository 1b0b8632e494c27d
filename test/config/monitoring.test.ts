import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/define.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import type { Environment } from '../../src/config/session-config.ts';
import { WEBHOOK_SECRET } from '../webhook/support/receiver.ts';

const SESSION_WEBHOOK_SECRET = WEBHOOK_SECRET;

function config(env: Environment) {
  const context = { cwd: '/played', terminal: false, now: new Date() };
  return parseSessionConfig({ SESSION_DESTINATION: '/saved', ...env }, context).config;
}

function faults(env: Environment): readonly string[] {
  try {
    config(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('nobody is told by default, and a secret alone tells nobody', () => {
  const nobody = { webhook: undefined, heartbeatUrl: undefined, metricsAddress: undefined };
  expect(config({}).monitoring).toEqual(nobody);
  expect(config({ SESSION_WEBHOOK_SECRET }).monitoring).toEqual(nobody);
});

test('a webhook has a URL and a secret', () => {
  const env = { SESSION_WEBHOOK_URL: 'https://hooks.example/a?b#c', SESSION_WEBHOOK_SECRET };
  expect(config(env).monitoring.webhook).toEqual({
    url: 'https://hooks.example/a?b',
    secret: WEBHOOK_SECRET,
  });
  expect(faults({ SESSION_WEBHOOK_URL: 'https://hooks.example/' })).toEqual([
    expect.stringMatching(/^SESSION_WEBHOOK_SECRET is not set: .* write whsec_ and what `openssl/),
  ]);
});

test.each(['SESSION_WEBHOOK_URL', 'SESSION_HEARTBEAT_URL'])('%s is a URL of a web server', name => {
  const all = (text: string) => faults({ SESSION_WEBHOOK_SECRET, [name]: text });
  expect(all('http://hooks.internal:8080')).toEqual([]);
  for (const text of ['hooks.example/secret', 'ftp://hooks.example/secret', 'https://'])
    expect(all(text), text).toEqual([
      `${name} "********" is not the URL of a web server: write https://host/path`,
    ]);
  expect(all('https://user:secret@hooks.example')).toEqual([
    `${name} "********" holds a user or a password, which is not sent: leave them out`,
  ]);
});

test('a secret that is none is not shown', () => {
  const env = { SESSION_WEBHOOK_URL: 'https://hooks.example', SESSION_WEBHOOK_SECRET: 'hunter2' };
  expect(faults(env)).toEqual([
    expect.stringMatching(/^SESSION_WEBHOOK_SECRET "\*{8}" is not a secret of webhooks: write whsec_/),
  ]);
});

describe('the address of metrics', () => {
  test.each([
    [':9464', { host: undefined, port: 9_464 }],
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9_464 }],
    ['[::1]:9464', { host: '::1', port: 9_464 }],
    ['localhost:9464', { host: 'localhost', port: 9_464 }],
  ])('is read from %s', (text, address) => {
    expect(config({ SESSION_METRICS_ADDRESS: text }).monitoring.metricsAddress).toEqual(address);
  });

  test.each(['9464', ':0', ':65536', 'http://host:9464', '::1:9464'])('has a fault in %j', text => {
    expect(faults({ SESSION_METRICS_ADDRESS: text })).toEqual([
      expect.stringMatching(/^SESSION_METRICS_ADDRESS ".*" is not host:port: write /),
    ]);
  });

  test('has not the port of the server', () => {
    expect(faults({ SESSION_METRICS_ADDRESS: ':25565' })).toEqual([
      'SESSION_METRICS_ADDRESS has the port of SESSION_SERVER_ADDRESS: write another one',
    ]);
  });
});

test('no child gets any of it', () => {
  const { env } = config({
    SESSION_WEBHOOK_SECRET,
    ...{ SESSION_WEBHOOK_URL: 'https://a.example', SESSION_HEARTBEAT_URL: 'https://b.example' },
    ...{ SESSION_METRICS_ADDRESS: ':9464', SESSION_SAVE_TIMEOUT: '2h' },
  }).children;
  const own = Object.keys(env).filter(name => name.startsWith('SESSION_'));
  expect(own.toSorted()).toEqual(['SESSION_DESTINATION', 'SESSION_SAVE_TIMEOUT']);
});
