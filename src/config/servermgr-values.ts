import ipaddr from 'ipaddr.js';
import * as v from 'valibot';
import { matched, names, word } from './values.ts';
import { WEBHOOK_EVENTS } from './webhook-events.ts';
import { isWebhookSecret } from './webhook-secret.ts';

/* Kinds of values that only servermgr has, as those of values.ts. */

const NO_PORTS = 'is not a range of ports: write 25565-25664';

/** `25565-25664`, or one port. */
export const portRange = v.pipe(
  matched(/^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/, NO_PORTS),
  v.transform(([first, last = first]) => ({ first: Number(first), last: Number(last) })),
  v.check(({ first, last }) => first >= 1 && first <= last && last <= 65_535, NO_PORTS),
);

/** A secret of so many characters at least. */
export const secret = (least: number) =>
  v.pipe(
    word,
    v.minLength(
      least,
      `is too short to be safe: write ${least} random characters, as \`openssl rand -hex 32\``,
    ),
  );

/** Marks tags, labels and StartedBy: ECS takes 36 letters, digits, hyphens and underscores there. */
export const managerName = v.pipe(
  word,
  v.regex(/^[A-Za-z0-9_-]{1,36}$/, 'is not a name of 1 to 36 letters, digits, "-" and "_"'),
);

const NO_DATABASE =
  'is not a database: write postgres://user:password@host:5432/database, or leave it out for a SQLite file';

/** How a connection to a database is secured: as libpq's sslmode, and `no-verify` for encryption alone. */
export type DatabaseTls = 'disable' | 'no-verify' | 'verify-full';

/** The URL of a Postgres, without its `sslmode`, and what that says. */
export const databaseUrl = v.pipe(
  word,
  v.check(text => URL.canParse(text) && /^postgres(?:ql)?:\/\//.test(text), NO_DATABASE),
  v.transform(text => new URL(text)),
  v.check(url => url.pathname.length > 1, NO_DATABASE),
  v.rawTransform<URL, { url: string; tls: DatabaseTls | undefined }>(({ dataset, addIssue, NEVER }) => {
    const url = new URL(dataset.value);
    const mode = url.searchParams.get('sslmode') ?? undefined;
    url.searchParams.delete('sslmode');
    const tls = mode === undefined ? undefined : TLS_MODES[mode];
    if (mode === undefined || tls !== undefined) return { url: url.href, tls };
    addIssue({ message: `has an unknown sslmode: write ${Object.keys(TLS_MODES).join(', ')}` });
    return NEVER;
  }),
);

/** libpq's `require` encrypts, and verifies nothing. */
const TLS_MODES: Readonly<Record<string, DatabaseTls>> = {
  disable: 'disable',
  require: 'no-verify',
  'no-verify': 'no-verify',
  'verify-full': 'verify-full',
};

/** A path that others are below: empty, or `/play` without a slash behind it. */
export const basePath = v.pipe(
  word,
  v.regex(/^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*\/?)?$/, 'is not a path: write / or /play'),
  v.transform(path => path.replace(/\/$/, '')),
);

const NO_ORIGIN = 'is no origin: write https://host, without a path';

/** A scheme and a host, as `https://api.example.com`. */
export const origin = v.pipe(
  word,
  v.check(text => isOrigin(text, /^https?:$/), NO_ORIGIN),
);

/** Several of https, comma-separated. */
export const httpsOrigins = v.pipe(
  v.string(),
  v.transform(text => text.split(',').map(part => part.trim())),
  v.array(
    v.pipe(
      v.string(),
      v.check(text => isOrigin(text, /^https:$/), NO_ORIGIN),
    ),
  ),
);

function isOrigin(text: string, scheme: RegExp): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, origin: given } = new URL(text);
  return scheme.test(protocol) && given === text;
}

/** Dollars, as `0.05`. */
export const dollars = v.pipe(
  word,
  v.regex(/^\d+(\.\d+)?$/, 'is not an amount: write dollars as 0.05'),
  v.transform(Number),
);

/** The ARN of a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns */
export const roleArn = v.pipe(
  word,
  v.regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/([!-~]+\/)?[\w+=,.@-]{1,64}$/,
    'is not the ARN of a role: write arn:aws:iam::123456789012:role/craftassist-recovery',
  ),
);

const NO_CAPACITY = 'is not known: write FARGATE, FARGATE_SPOT, or FARGATE_SPOT,FARGATE';

/** One or both of Fargate's kinds of capacity, in the order in which they are tried. */
export const capacities = v.pipe(
  v.string(),
  v.transform(text => text.split(',').map(kind => kind.trim().toUpperCase())),
  v.array(v.picklist(['FARGATE', 'FARGATE_SPOT'], NO_CAPACITY)),
  v.check(kinds => new Set(kinds).size === kinds.length, NO_CAPACITY),
);

const CHOICE = {
  id: v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,40}$/, 'an id is 1 to 40 of a-z, 0-9, "_" and "-"')),
  title: v.pipe(v.string(), v.nonEmpty('a title is not empty')),
  env: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^SESSION_/, 'only SESSION_… variables may be set')), v.string()),
    {},
  ),
};

/** What can be chosen, as JSON: one at least, each with an id of its own. @param what they are, e.g. `world` */
function choices<Choice extends { readonly id: string }>(
  what: string,
  choice: v.GenericSchema<unknown, Choice>,
  remedy: string,
) {
  const list = v.pipe(
    v.array(choice),
    v.nonEmpty(`there must be one ${what} at least`),
    v.check(
      given => new Set(given.map(({ id }) => id)).size === given.length,
      `two ${what}s have the same id`,
    ),
  );
  return json(list, remedy);
}

export const worlds = choices(
  'world',
  v.object({ ...CHOICE, text: v.optional(v.string(), '') }),
  'write [{"id": "flat_world", "title": "Flat", "text": "…", "env": {"SESSION_…": "…"}}]',
);

/** Which images there may be depends on the launcher. */
export const agents = choices(
  'agent',
  v.object({
    ...CHOICE,
    image: v.optional(v.pipe(v.string(), v.regex(/^\S+$/, 'an image has a name without blanks'))),
  }),
  'write [{"id": "new_bot", "title": "New", "env": {"SESSION_AGENT_COMMAND": "…"}, "image": "…"}]',
);

const TASK_DEFINITION =
  /^(?:arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition\/)?[A-Za-z0-9_-]{1,255}:\d+$/;

/** Whether it is a task definition in one revision: `family:revision`, or its ARN. */
export function isTaskDefinition(text: string): boolean {
  return TASK_DEFINITION.test(text);
}

const WEBHOOKS_REMEDY = 'write [{"url": "https://…", "secret": "whsec_…", "events": ["session.ended"]}]';
const NO_WEBHOOK_URL =
  'a url begins with https:// (or http://, for a host that SERVERMGR_WEBHOOK_INTERNAL lists)';
const NO_WEBHOOK_SECRET =
  'a secret is whsec_ and 24 to 64 bytes in base64: write whsec_ and what `openssl rand -base64 32` prints';

const webhookSecret = v.pipe(v.string(), v.check(isWebhookSecret, NO_WEBHOOK_SECRET));

const webhookUrl = v.pipe(
  v.string(),
  v.check(text => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), NO_WEBHOOK_URL),
  v.transform(text => new URL(text)),
  v.check(
    ({ username, password }) => username === '' && password === '',
    'a url holds no user and no password: a receiver knows servermgr by the signature',
  ),
  v.transform(url => url.href),
);

const webhookList = v.pipe(
  v.array(
    v.strictObject({
      url: webhookUrl,
      secret: webhookSecret,
      events: v.optional(
        v.pipe(
          v.array(
            v.picklist(WEBHOOK_EVENTS, `an event is not known: write some of ${WEBHOOK_EVENTS.join(', ')}`),
          ),
          v.nonEmpty('events is empty: leave it out for all of them'),
        ),
        [...WEBHOOK_EVENTS],
      ),
    }),
  ),
  v.maxLength(20, 'there may be 20 at most'),
  v.check(given => new Set(given.map(({ url }) => url)).size === given.length, 'two have the same url'),
);

/** Who is told what happens to sessions, as JSON. */
export const webhooks = json(webhookList, WEBHOOKS_REMEDY);

const NO_HOST = 'is not a list of hosts: write names, addresses and networks as hooks.internal,10.0.0.0/8';

/** Comma-separated names of hosts, addresses, and networks. The last part of a name is no number: that is an address. */
export const hosts = v.pipe(
  names,
  v.everyItem(
    text =>
      ipaddr.IPv4.isValidFourPartDecimal(text) ||
      ipaddr.IPv4.isValidCIDRFourPartDecimal(text) ||
      ipaddr.IPv6.isValid(text) ||
      ipaddr.IPv6.isValidCIDR(text) ||
      /^(?:[\w-]{1,63}\.)*(?!\d+\.?$)[\w-]{1,63}\.?$/.test(text),
    NO_HOST,
  ),
);

/** JSON of a shape. @param remedy what to write instead */
function json<Output>(
  schema: v.GenericSchema<unknown, Output>,
  remedy: string,
): v.GenericSchema<string, Output> {
  return v.pipe(
    v.string(),
    v.parseJson(undefined, `is not JSON: ${remedy}`),
    v.rawTransform<unknown, Output>(({ dataset, addIssue, NEVER }) => {
      const result = v.safeParse(schema, dataset.value);
      if (result.success) return result.output;
      const [issue] = result.issues;
      const where = v.getDotPath(issue) ?? 'its top';
      addIssue({ message: `has a fault at ${where}: ${issue.message}; ${remedy}` });
      return NEVER;
    }),
  );
}
