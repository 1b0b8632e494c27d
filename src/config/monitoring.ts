import * as v from 'valibot';
import { optional, type VariableReader } from './define.ts';
import type { Address, MonitoringConfig } from './session-config.ts';
import { matched, word } from './values.ts';
import { isWebhookSecret } from './webhook-secret.ts';

/** Without its fragment, which is never sent. */
const httpUrl = v.pipe(
  word,
  v.check(
    text => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'is not the URL of a web server: write https://host/path',
  ),
  v.transform(text => new URL(text)),
  v.check(
    ({ username, password }) => username === '' && password === '',
    'holds a user or a password, which is not sent: leave them out',
  ),
  v.transform(url => {
    url.hash = '';
    return url.href;
  }),
);

const webhookSecret = v.pipe(
  word,
  v.check(
    isWebhookSecret,
    'is not a secret of webhooks: write whsec_ and what `openssl rand -base64 32` prints',
  ),
);

const NO_LISTEN_ADDRESS =
  'is not host:port: write 127.0.0.1:9464, or :9464 for all addresses of this machine';

/** `host:port`, or `:port` for all addresses; an IPv6 address is written in brackets. */
const listenAddress = v.pipe(
  matched(/^(?:\[([0-9a-f:.]+)\]|([^:\s[\]/]+))?:(\d{1,5})$/i, NO_LISTEN_ADDRESS),
  v.transform(([v6, name, port]) => ({ host: v6 ?? name, port: Number(port) })),
  v.check(({ port }) => port >= 1 && port <= 65_535, NO_LISTEN_ADDRESS),
);

const SECRET = { secret: true, acceptsQuotes: false };

/** How others learn how a session goes. No child gets any of them. */
export const MONITORING_VARIABLES = {
  SESSION_WEBHOOK_URL: optional(
    httpUrl,
    'none',
    'is told when the session starts, can be joined, has ended, and is not saved: https://, or http:// in an internal network',
    SECRET,
  ),
  SESSION_WEBHOOK_SECRET: optional(
    webhookSecret,
    'none',
    'signs what SESSION_WEBHOOK_URL is told: whsec_ and what `openssl rand -base64 32` prints',
    SECRET,
  ),
  SESSION_HEARTBEAT_URL: optional(
    httpUrl,
    'none',
    'a dead-man switch as of healthchecks.io: asked once a minute, with /start behind it at the start, and with the exit code at the end',
    SECRET,
  ),
  SESSION_METRICS_ADDRESS: optional(
    listenAddress,
    'none',
    'host:port, or :port, where Prometheus gets /metrics while the session runs',
  ),
};

type Reader = Pick<VariableReader<typeof MONITORING_VARIABLES>, 'faults' | 'isSet' | 'read'>;

/**
 * Reads them; what does not fit together is a fault.
 * @param server where the game server is to listen
 */
export function monitoringConfig({ faults, isSet, read }: Reader, server: Address): MonitoringConfig {
  const url = read('SESSION_WEBHOOK_URL');
  const secret = read('SESSION_WEBHOOK_SECRET');
  const metricsAddress = read('SESSION_METRICS_ADDRESS');
  if (url !== undefined && !isSet('SESSION_WEBHOOK_SECRET')) {
    faults.push(
      'SESSION_WEBHOOK_SECRET is not set: what SESSION_WEBHOOK_URL is told is signed with it; ' +
        'write whsec_ and what `openssl rand -base64 32` prints',
    );
  }
  if (metricsAddress?.port === server.port) {
    faults.push('SESSION_METRICS_ADDRESS has the port of SESSION_SERVER_ADDRESS: write another one');
  }
  return {
    webhook: url === undefined || secret === undefined ? undefined : { url, secret },
    heartbeatUrl: read('SESSION_HEARTBEAT_URL'),
    metricsAddress,
  };
}
