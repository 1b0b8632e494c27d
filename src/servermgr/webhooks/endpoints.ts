import { createHash, createHmac } from 'node:crypto';
import type { WebhookEndpoint, WebhookSettings } from '../../config/servermgr-config.ts';
import { createTargets } from '../../webhook/targets.ts';

/** Who is told what happens, as it is set up here. */
export interface Endpoint extends WebhookEndpoint {
  /** How tables name it: a hash, for a URL may hold a secret. */
  readonly key: string;
  readonly host: string;
  /** It changes with its entry. */
  readonly settings: string;
}

/** @param secret keys what is derived of the endpoints' secrets */
export function endpointsOf({ endpoints }: WebhookSettings, secret: string): readonly Endpoint[] {
  return endpoints.map(endpoint => {
    const written = JSON.stringify([endpoint.url, endpoint.secret, endpoint.events]);
    return {
      ...endpoint,
      key: createHash('sha256').update(endpoint.url).digest('base64url'),
      host: new URL(endpoint.url).host,
      settings: createHmac('sha256', secret).update(`webhook ${written}`).digest('base64url'),
    };
  });
}

/** What is wrong with endpoints beyond their spelling: TLS is left out for listed hosts alone. */
export function webhookFaults({ endpoints, internal }: WebhookSettings): string[] {
  const targets = createTargets(internal);
  return endpoints.flatMap(({ url }, index) => {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'https:' || targets.allowsPlain(hostname)) return [];
    return [
      `SERVERMGR_WEBHOOKS has http:// at ${index}.url: write https://, or list ${hostname} in SERVERMGR_WEBHOOK_INTERNAL`,
    ];
  });
}
