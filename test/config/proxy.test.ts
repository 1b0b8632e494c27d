import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/define.ts';
import { parseServermgrConfig } from '../../src/config/servermgr.ts';
import { parseSessionConfig } from '../../src/config/session.ts';
import type { Environment } from '../../src/config/session-config.ts';

const configOf = (env: Environment) =>
  parseSessionConfig(
    { SESSION_DESTINATION: 's3://bucket', ...env },
    { cwd: '/', terminal: false, now: new Date() },
  ).config;

const parse = (env: Environment) => configOf(env).save.s3.proxy;

test.for<[Environment, ReturnType<typeof parse>]>([
  [{}, undefined],
  [{ HTTPS_PROXY: '', HTTP_PROXY: ' ' }, undefined],
  [{ NO_PROXY: 'a' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1' }, { http: undefined, https: 'http://p:1', except: [] }],
  [{ HTTPS_PROXY: 'p:1' }, { http: undefined, https: 'http://p:1', except: [] }],
  [{ HTTP_PROXY: 'https://u:s@p' }, { http: 'https://u:s@p', https: undefined, except: [] }],
  [
    { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower', no_proxy: 'a, b  .c,' },
    { http: undefined, https: 'http://lower', except: ['a', 'b', '.c'] },
  ],
])('%j is the proxy %j', ([env, proxy]) => {
  expect(parse(env)).toEqual(proxy);
});

test.for(['socks5://u:secret@p:1', 'http://', 'http://u:secret@p:port'])('%s is refused, unseen', url => {
  const refusing = () => parse({ HTTPS_PROXY: url });
  expect(refusing).toThrow(ConfigError);
  try {
    refusing();
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults.join('\n') : '';
    expect(faults).toBe('HTTPS_PROXY "********" is no proxy: write http://host:port');
  }
});

test('servermgr has the same', () => {
  const { config } = parseServermgrConfig({ https_proxy: 'p:1' }, { cwd: '/', demo: undefined });
  expect(config.proxy).toEqual({ http: undefined, https: 'http://p:1', except: [] });
});

test.for<[string, string, string]>([
  ['https_proxy', 'http://u:secret@p:1', 'http://p:1'],
  ['all_proxy', 'u:se/cret@p:1', 'p:1'],
  ['HTTP_PROXY', 'u:secret@p:1/', 'p:1/'],
  ['all_proxy', 'socks5://u:s@ecret@p:1', 'socks5://p:1'],
  ['HTTP_PROXY', 'http://p:1', 'http://p:1'],
  ['NO_PROXY', 'a,.b', 'a,.b'],
  ['GREETING', 'http://u@p', 'http://u@p'],
])('children get %s=%s as %s', ([name, text, expected]) => {
  expect(configOf({ [name]: text }).children.env[name]).toBe(expected);
});
