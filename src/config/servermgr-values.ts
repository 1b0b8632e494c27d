import * as v from 'valibot';
import type { Capacity, PortRange, World } from './servermgr-config.ts';

/* As in src/config/values.ts: each takes a variable's text, or throws what completes `SERVERMGR_X "text" …`. */

/** `25565-25664`, or one port. */
export function portRange(text: string): PortRange {
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65_535 || first > last)
    throw new Error('is not a range of ports: write 25565-25664');
  return { first, last };
}

/** A secret of so many characters at least. */
export function secret(least: number): (text: string) => string {
  return text => {
    if (text.trim().length < least)
      throw new Error(
        `is too short to be safe: write ${least} random characters, as \`openssl rand -hex 32\``,
      );
    return text.trim();
  };
}

/** Marks tags, labels and StartedBy: ECS takes 36 letters, digits, hyphens and underscores there. */
export function managerName(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,36}$/.test(text.trim()))
    throw new Error('is not a name of 1 to 36 letters, digits, "-" and "_"');
  return text.trim();
}

/** Dollars, as `0.05`. */
export function dollars(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text.trim())) throw new Error('is not an amount: write dollars as 0.05');
  return Number(text);
}

/** The ARN of a role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns */
export function roleArn(text: string): string {
  if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/([!-~]+\/)?[\w+=,.@-]{1,64}$/.test(text.trim()))
    throw new Error('is not the ARN of a role: write arn:aws:iam::123456789012:role/craftassist-recovery');
  return text.trim();
}

/** One or both of Fargate's kinds of capacity, in the order in which they are tried. */
export function capacities(text: string): readonly Capacity[] {
  const kinds = text.split(',').map(kind => kind.trim().toUpperCase());
  const known = kinds.filter(kind => kind === 'FARGATE' || kind === 'FARGATE_SPOT');
  if (known.length !== kinds.length || new Set(kinds).size !== kinds.length)
    throw new Error('is not known: write FARGATE, FARGATE_SPOT, or FARGATE_SPOT,FARGATE');
  return known;
}

/** What can be chosen, as JSON. */
export function worlds(text: string): readonly World[] {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new Error(`is not JSON: ${WORLDS_REMEDY}`, { cause });
  }
  const result = v.safeParse(Worlds, given);
  if (!result.success) {
    const [issue] = result.issues;
    throw new Error(`has a fault at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}; ${WORLDS_REMEDY}`);
  }
  return result.output;
}

const WORLDS_REMEDY = 'write [{"id": "flat_world", "title": "Flat", "text": "…", "env": {"SESSION_…": "…"}}]';

const Worlds = v.pipe(
  v.array(
    v.object({
      id: v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,40}$/, 'an id is 1 to 40 of a-z, 0-9, "_" and "-"')),
      title: v.pipe(v.string(), v.nonEmpty('a title is not empty')),
      text: v.optional(v.string(), ''),
      env: v.optional(
        v.record(v.pipe(v.string(), v.regex(/^SESSION_/, 'only SESSION_… variables may be set')), v.string()),
        {},
      ),
    }),
  ),
  v.nonEmpty('there must be one world at least'),
  v.check(given => new Set(given.map(({ id }) => id)).size === given.length, 'two worlds have the same id'),
);
